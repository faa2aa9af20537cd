#include "runtime/resources.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstring>

#include "runtime/defaults.h"

namespace wherry::runtime {
namespace {

using spec::oci::DeviceRule;

sys::CgroupLayout v1() {
  sys::CgroupLayout layout;
  for (const char* name : {"cpu", "cpuset", "memory", "pids", "blkio", "devices"})
    layout.hierarchies.push_back({.mount_point = std::string("/c/") + name, .controllers = {name}});
  return layout;
}
sys::CgroupLayout v2() {
  sys::CgroupLayout layout;
  layout.hierarchies.push_back({.mount_point = "/c",
                                .controllers = {"cpu", "cpuset", "memory", "pids", "io"},
                                .unified = true});
  return layout;
}

std::string joined(const spec::oci::Resources& resources, const sys::CgroupLayout& layout,
                   std::vector<std::string>* warnings = nullptr) {
  std::vector<std::string> own;
  std::string text;
  for (const CgroupWrite& write : limit_writes(resources, layout, warnings ? *warnings : own))
    text += write.file + "=" + write.value + ";";
  return text;
}

TEST(LimitWrites, memory) {
  spec::oci::Resources resources;
  resources.memory = {.limit = 100, .reservation = 50, .swap = 150};
  EXPECT_EQ(joined(resources, v1()), "memory.limit_in_bytes=100;memory.memsw.limit_in_bytes=150;"
                                     "memory.soft_limit_in_bytes=50;");
  EXPECT_EQ(joined(resources, v2()), "memory.max=100;memory.swap.max=50;memory.low=50;");
  resources.memory = {.limit = 100, .swap = -1};
  EXPECT_EQ(joined(resources, v2()), "memory.max=100;memory.swap.max=max;");
  resources.memory = {.limit = 100, .swap = 100};
  EXPECT_EQ(joined(resources, v2()), "memory.max=100;memory.swap.max=0;");
}

TEST(LimitWrites, what_v2_lacks_is_a_warning) {
  spec::oci::Resources resources;
  resources.memory = {.swappiness = 10, .disable_oom_killer = true};
  std::vector<std::string> warnings;
  EXPECT_EQ(joined(resources, v2(), &warnings), "");
  EXPECT_EQ(warnings.size(), 2U);
  EXPECT_EQ(joined(resources, v1()), "memory.swappiness=10;memory.oom_control=1;");
}

TEST(LimitWrites, cpu) {
  spec::oci::Resources resources;
  resources.cpu = {.shares = 1024, .quota = 50000, .period = 100000, .cpus = "0-1", .mems = "0"};
  EXPECT_EQ(joined(resources, v1()), "cpu.shares=1024;cpu.cfs_period_us=100000;"
                                     "cpu.cfs_quota_us=50000;cpuset.cpus=0-1;cpuset.mems=0;");
  EXPECT_EQ(joined(resources, v2()),
            "cpu.weight=100;cpu.max=50000 100000;cpuset.cpus=0-1;cpuset.mems=0;");
  resources.cpu = {.quota = -1};
  EXPECT_EQ(joined(resources, v2()), "cpu.max=max 100000;");
  resources.cpu = {.quota = 7000};
  EXPECT_EQ(joined(resources, v2()), "cpu.max=7000 100000;");
}

TEST(LimitWrites, pids_and_block_io) {
  spec::oci::Resources resources;
  resources.pids = {.limit = 20};
  resources.block_io.emplace().weight = 500;
  resources.block_io->read_bps = {{.major = 8, .minor = 16, .rate = 1000}};
  EXPECT_EQ(joined(resources, v1()),
            "pids.max=20;blkio.bfq.weight=500;blkio.throttle.read_bps_device=8:16 1000;");
  EXPECT_EQ(joined(resources, v2()), "pids.max=20;io.weight=default 4950;io.max=8:16 rbps=1000;");
  resources = {};
  resources.pids = {.limit = -1};
  EXPECT_EQ(joined(resources, v1()), "pids.max=max;");
}

TEST(WeightOfShares, maps_the_ends_and_the_default) {
  EXPECT_EQ(weight_of_shares(2), 1U);
  EXPECT_EQ(weight_of_shares(1024), 100U);
  EXPECT_EQ(weight_of_shares(262144), 10000U);
  EXPECT_LT(weight_of_shares(512), weight_of_shares(513) + 1);
}

TEST(DeviceWrites, spell_v1_rules) {
  const auto writes = device_writes(default_device_rules());
  EXPECT_EQ(writes[0], (CgroupWrite{"devices", "devices.deny", "a"}));
  EXPECT_EQ(writes[1], (CgroupWrite{"devices", "devices.allow", "c *:* m"}));
  EXPECT_EQ(writes[3], (CgroupWrite{"devices", "devices.allow", "c 1:3 rwm"}));
  EXPECT_TRUE(std::ranges::find(writes, CgroupWrite{"devices", "devices.allow", "c 136:* rwm"}) !=
              writes.end());
}

// A small interpreter of the few instructions that device_program uses.
bool allows(const std::string& bytes, std::uint32_t type, std::uint32_t access,
            std::uint32_t major, std::uint32_t minor) {
  std::vector<bpf_insn> code(bytes.size() / sizeof(bpf_insn));
  std::memcpy(code.data(), bytes.data(), bytes.size());
  const std::uint32_t context[3] = {access << 16 | type, major, minor};
  std::uint64_t registers[11] = {};
  for (std::size_t at = 0; at < code.size(); ++at) {
    const bpf_insn& one = code[at];
    std::uint64_t& target = registers[one.dst_reg];
    const bool by_register = BPF_SRC(one.code) == BPF_X;
    const std::uint64_t value =
        by_register ? registers[one.src_reg] : static_cast<std::uint32_t>(one.imm);
    if (BPF_CLASS(one.code) == BPF_LDX) target = context[one.off / 4];
    else if (one.code == (BPF_JMP | BPF_EXIT)) return registers[0] == 1;
    else if (BPF_CLASS(one.code) == BPF_JMP) {
      const bool jumps = BPF_OP(one.code) == BPF_JNE ? target != value : target == value;
      if (jumps) at += static_cast<std::size_t>(one.off);
    } else if (BPF_OP(one.code) == BPF_MOV) target = value;
    else if (BPF_OP(one.code) == BPF_RSH) target >>= value;
    else if (BPF_OP(one.code) == BPF_AND) target &= value;
  }
  ADD_FAILURE() << "program without an end";
  return false;
}

constexpr std::uint32_t kBlock = BPF_DEVCG_DEV_BLOCK;
constexpr std::uint32_t kChar = BPF_DEVCG_DEV_CHAR;
constexpr std::uint32_t kMake = BPF_DEVCG_ACC_MKNOD;
constexpr std::uint32_t kRead = BPF_DEVCG_ACC_READ;
constexpr std::uint32_t kWrite = BPF_DEVCG_ACC_WRITE;

TEST(DeviceProgram, gives_the_default_devices_and_no_other) {
  const std::string program = device_program(default_device_rules());
  EXPECT_TRUE(allows(program, kChar, kRead | kWrite, 1, 3));
  EXPECT_TRUE(allows(program, kChar, kRead | kWrite, 136, 9));
  EXPECT_TRUE(allows(program, kChar, kMake, 42, 7));
  EXPECT_TRUE(allows(program, kBlock, kMake, 8, 0));
  EXPECT_FALSE(allows(program, kChar, kRead, 1, 1));
  EXPECT_FALSE(allows(program, kBlock, kRead, 8, 0));
  EXPECT_FALSE(allows(program, kBlock, kRead | kMake, 8, 0));
}

TEST(DeviceProgram, lets_the_last_rule_win) {
  std::vector<DeviceRule> rules{{.allow = true, .type = "a", .access = "rwm"},
                                {.allow = false, .type = "c", .major = 10, .minor = 229, .access = "rwm"}};
  const std::string program = device_program(rules);
  EXPECT_FALSE(allows(program, kChar, kRead, 10, 229));
  EXPECT_TRUE(allows(program, kChar, kRead, 10, 228));
  EXPECT_TRUE(allows(program, kBlock, kWrite, 8, 0));
}

TEST(DeviceProgram, without_rules_denies) {
  EXPECT_FALSE(allows(device_program({}), kChar, kRead, 1, 3));
}

}  // namespace
}  // namespace wherry::runtime
