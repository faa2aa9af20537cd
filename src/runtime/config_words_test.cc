// Mount options, kernel parameters, capability names and the default config.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>

#include "runtime/defaults.h"
#include "spec/oci_runtime_json.h"
#include "runtime/sysctl.h"
#include "sys/mount_options.h"

namespace wherry::runtime {
namespace {

TEST(MountOptions, split_flags_propagation_and_data) {
  const auto options = sys::parse_mount_options(
      {"nosuid", "ro", "strictatime", "mode=755", "size=64k", "rbind", "rslave", "ptmxmode"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->set, std::uint64_t{MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY |
                                        MOUNT_ATTR_STRICTATIME});
  EXPECT_TRUE(options->bind);
  EXPECT_TRUE(options->recursive_bind);
  EXPECT_EQ(options->propagation, std::uint64_t{MS_SLAVE});
  ASSERT_EQ(options->data.size(), 3U);
  EXPECT_EQ(options->data[0].key, "mode");
  EXPECT_EQ(options->data[0].value, "755");
  EXPECT_TRUE(options->data[2].is_flag);
}

TEST(MountOptions, the_later_word_wins) {
  const auto options = sys::parse_mount_options({"ro", "rw", "noatime", "relatime"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->set, 0U);
  EXPECT_NE(options->clear & MOUNT_ATTR_RDONLY, 0U);
}

TEST(MountOptions, recursive_flags_are_kept_apart) {
  const auto options = sys::parse_mount_options({"rro", "rbind"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->set, 0U);
  EXPECT_EQ(options->recursive_set, std::uint64_t{MOUNT_ATTR_RDONLY});
}

TEST(MountOptions, of_mapped_ids) {
  EXPECT_FALSE(sys::parse_mount_options({"bind"})->id_mapped);
  EXPECT_TRUE(sys::parse_mount_options({"idmap"})->id_mapped);
  EXPECT_FALSE(sys::parse_mount_options({"idmap"})->recursive_id_map);
  EXPECT_TRUE(sys::parse_mount_options({"ridmap"})->recursive_id_map);
}

TEST(MountOptions, of_a_copy) {
  EXPECT_FALSE(sys::parse_mount_options({"size=1m"})->copy_up);
  const auto options = sys::parse_mount_options({"tmpcopyup", "size=1m"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->copy_up);
  EXPECT_EQ(options->data.size(), 1U);
}

TEST(MountOptions, refuse_what_is_not_done) {
  for (const char* word : {"remount", "mand"})
    EXPECT_EQ(sys::parse_mount_options({word}).error().kind(), ErrorKind::Unsupported) << word;
}

constexpr OwnNamespaces kAll{.network = true, .ipc = true, .uts = true};

TEST(Sysctl, names_become_files_below_proc) {
  EXPECT_EQ(*sysctl_file("net.ipv4.ip_forward", "1", kAll), "sys/net/ipv4/ip_forward");
  EXPECT_EQ(*sysctl_file("net/ipv4/ip_forward", "1", kAll), "sys/net/ipv4/ip_forward");
  EXPECT_EQ(*sysctl_file("net.ipv4.conf.eth0/1.rp_filter", "1", kAll),
            "sys/net/ipv4/conf/eth0.1/rp_filter");
  EXPECT_EQ(*sysctl_file("kernel.shmmax", "1", kAll), "sys/kernel/shmmax");
  EXPECT_EQ(*sysctl_file("fs.mqueue.msg_max", "1", kAll), "sys/fs/mqueue/msg_max");
}

TEST(Sysctl, the_hosts_are_out_of_reach) {
  for (const char* name : {"kernel.core_pattern", "vm.swappiness", "fs.file-max", "kernel.hostname",
                           "net/../kernel/core_pattern", "net..ipv4", "", "/net/x", "net.ipv4.",
                           "net.ipv4.+x", "net.ipv4.a b"})
    EXPECT_FALSE(sysctl_file(name, "1", kAll)) << name;
  EXPECT_FALSE(sysctl_file("net.ipv4.ip_forward", "1\n2", kAll));
}

TEST(Sysctl, needs_the_namespace_of_its_own) {
  EXPECT_EQ(sysctl_file("net.ipv4.ip_forward", "1", {.ipc = true, .uts = true}).error().message(),
            "sysctl \"net.ipv4.ip_forward\" is not in a separate kernel namespace");
  EXPECT_FALSE(sysctl_file("kernel.shmmax", "1", {.network = true}));
}

bool holds(const std::vector<std::string>& list, std::string_view wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

TEST(TweakCapabilities, adds_and_drops_as_docker) {
  const auto tweaked = tweak_capabilities({"net_admin"}, {"CAP_CHOWN"});
  ASSERT_TRUE(tweaked);
  EXPECT_TRUE(holds(*tweaked, "CAP_NET_ADMIN"));
  EXPECT_FALSE(holds(*tweaked, "CAP_CHOWN"));
  EXPECT_EQ(tweaked->size(), 14U);
  EXPECT_EQ(*tweak_capabilities({"SYS_TIME"}, {"all"}), std::vector<std::string>{"CAP_SYS_TIME"});
  EXPECT_TRUE(tweak_capabilities({}, {"ALL"})->empty());
  EXPECT_FALSE(holds(*tweak_capabilities({"ALL"}, {"SYS_ADMIN"}), "CAP_SYS_ADMIN"));
  EXPECT_EQ(tweak_capabilities({"x"}, {}).error().message(),
            "invalid CapAdd: unknown capability: \"CAP_X\"");
}

TEST(DefaultConfig, is_dockers) {
  const auto config = default_config(sys::CgroupMode::Hybrid);
  EXPECT_EQ(config.process->capabilities->bounding.size(), 14U);
  EXPECT_TRUE(config.process->capabilities->inheritable.empty());
  EXPECT_EQ(config.linux_.namespaces.size(), 5U);
  EXPECT_EQ(default_config(sys::CgroupMode::V2).linux_.namespaces.size(), 6U);
  EXPECT_TRUE(holds(config.linux_.masked_paths, "/proc/interrupts"));
  EXPECT_TRUE(holds(config.linux_.masked_paths, "/sys/devices/virtual/powercap"));
  EXPECT_EQ(config.linux_.readonly_paths.size(), 5U);
  const auto again =
      json::parse<spec::oci::Config>(json::write(config));
  ASSERT_TRUE(again);
  EXPECT_EQ(json::write(*again), json::write(config));
}

}  // namespace
}  // namespace wherry::runtime
