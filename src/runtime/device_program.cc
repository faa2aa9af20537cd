// Device access of cgroup v2: an eBPF program of the type BPF_PROG_TYPE_CGROUP_DEVICE, built as
// plain instructions. bpf_cgroup_dev_ctx: { u32 access_type; u32 major; u32 minor }, where the
// low half of access_type is the type (1 block, 2 char), the high half the access (1 mknod,
// 2 read, 4 write).
#include <linux/bpf.h>

#include <algorithm>
#include <cstddef>

#include "runtime/resources.h"

namespace wherry::runtime {
namespace {

constexpr unsigned kType = BPF_REG_2;
constexpr unsigned kAccess = BPF_REG_3;
constexpr unsigned kMajor = BPF_REG_4;
constexpr unsigned kMinor = BPF_REG_5;
constexpr unsigned kTemporary = BPF_REG_6;

bpf_insn make(unsigned code, unsigned target, unsigned source, std::int16_t offset,
              std::int32_t value) {
  bpf_insn instruction{};
  instruction.code = static_cast<std::uint8_t>(code);
  instruction.dst_reg = target & 0xf;
  instruction.src_reg = source & 0xf;
  instruction.off = offset;
  instruction.imm = value;
  return instruction;
}

using Program = std::vector<bpf_insn>;

void append_loads(Program& program) {
  program.push_back(make(BPF_LDX | BPF_MEM | BPF_W, kType, BPF_REG_1, 0, 0));
  program.push_back(make(BPF_ALU | BPF_MOV | BPF_X, kAccess, kType, 0, 0));
  program.push_back(make(BPF_ALU | BPF_RSH | BPF_K, kAccess, 0, 0, 16));
  program.push_back(make(BPF_ALU | BPF_AND | BPF_K, kType, 0, 0, 0xffff));
  program.push_back(make(BPF_LDX | BPF_MEM | BPF_W, kMajor, BPF_REG_1, 4, 0));
  program.push_back(make(BPF_LDX | BPF_MEM | BPF_W, kMinor, BPF_REG_1, 8, 0));
}

std::int32_t access_bits(const std::string& access) {
  if (access.empty()) return 7;
  std::int32_t bits = 0;
  if (access.contains('m')) bits |= BPF_DEVCG_ACC_MKNOD;
  if (access.contains('r')) bits |= BPF_DEVCG_ACC_READ;
  if (access.contains('w')) bits |= BPF_DEVCG_ACC_WRITE;
  return bits;
}

// The conditions of one rule; each failing one jumps behind the rule's answer.
Program conditions_of(const spec::oci::DeviceRule& rule) {
  Program code;
  if (rule.type == "b" || rule.type == "c") {
    const std::int32_t type = rule.type == "b" ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    code.push_back(make(BPF_JMP | BPF_JNE | BPF_K, kType, 0, 0, type));
  }
  const std::int32_t access = access_bits(rule.access);
  if (access != 7) {
    // An allowed access must be covered as a whole; a denied one matches where it overlaps.
    code.push_back(make(BPF_ALU | BPF_MOV | BPF_X, kTemporary, kAccess, 0, 0));
    code.push_back(make(BPF_ALU | BPF_AND | BPF_K, kTemporary, 0, 0, access));
    code.push_back(rule.allow ? make(BPF_JMP | BPF_JNE | BPF_X, kTemporary, kAccess, 0, 0)
                              : make(BPF_JMP | BPF_JEQ | BPF_K, kTemporary, 0, 0, 0));
  }
  if (rule.major && *rule.major >= 0)
    code.push_back(make(BPF_JMP | BPF_JNE | BPF_K, kMajor, 0, 0,
                        static_cast<std::int32_t>(*rule.major)));
  if (rule.minor && *rule.minor >= 0)
    code.push_back(make(BPF_JMP | BPF_JNE | BPF_K, kMinor, 0, 0,
                        static_cast<std::int32_t>(*rule.minor)));
  return code;
}

void append_answer(Program& program, bool allow) {
  program.push_back(make(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow ? 1 : 0));
  program.push_back(make(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

bool is_total(const spec::oci::DeviceRule& rule) {
  return (rule.type.empty() || rule.type == "a") && access_bits(rule.access) == 7;
}

void append_rule(Program& program, const spec::oci::DeviceRule& rule) {
  Program code = conditions_of(rule);
  const std::size_t end = code.size() + 2;
  for (std::size_t i = 0; i < code.size(); ++i)
    if (BPF_CLASS(code[i].code) == BPF_JMP) code[i].off = static_cast<std::int16_t>(end - i - 1);
  program.insert(program.end(), code.begin(), code.end());
  append_answer(program, rule.allow);
}

}  // namespace

std::string device_program(const std::vector<spec::oci::DeviceRule>& rules) {
  Program program;
  append_loads(program);
  // Newest rule first; what comes after one that matches everything is never reached, and the
  // verifier refuses dead code.
  bool open_end = true;
  for (auto rule = rules.rbegin(); rule != rules.rend() && open_end; ++rule) {
    open_end = !is_total(*rule);
    if (open_end) append_rule(program, *rule);
    else append_answer(program, rule->allow);
  }
  if (open_end) append_answer(program, false);
  return {reinterpret_cast<const char*>(program.data()), program.size() * sizeof(bpf_insn)};
}

}  // namespace wherry::runtime
