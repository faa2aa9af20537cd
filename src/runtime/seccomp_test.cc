#include "runtime/seccomp.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <cerrno>

#include "runtime/defaults.h"
#include "runtime/syscall_numbers.h"

namespace wherry::runtime {
namespace {

using spec::oci::Seccomp;
using spec::oci::SeccompArg;

constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

class DefaultProfile : public testing::Test {
 protected:
  static std::uint32_t ask(const std::string& program, Machine machine, const char* name,
                           std::uint64_t first = 0) {
    const auto number = syscall_number(machine, name);
    EXPECT_TRUE(number) << name;
    return evaluate_seccomp(program, {.number = number.value_or(0),
                                      .arch = audit_arch(machine),
                                      .args = {first}});
  }
  std::uint32_t ask(const char* name, std::uint64_t first = 0) {
    return ask(program_, Machine::X86_64, name, first);
  }

  std::string program_ = compile_seccomp(default_seccomp(default_capabilities()))->program;
};

TEST_F(DefaultProfile, allows_the_everyday) {
  for (const char* name : {"read", "execve", "openat2", "mseal", "statmount", "ptrace", "rseq",
                           "arch_prctl", "chroot", "removexattrat", "uretprobe"})
    EXPECT_EQ(ask(name), SECCOMP_RET_ALLOW) << name;
}

TEST_F(DefaultProfile, denies_what_needs_a_capability_or_nothing_gives) {
  for (const char* name : {"mount", "setns", "bpf", "keyctl", "io_uring_setup", "userfaultfd",
                           "kexec_load", "open_by_handle_at", "reboot", "unshare"})
    EXPECT_EQ(ask(name), kEperm) << name;
}

TEST_F(DefaultProfile, answers_enosys_for_clone3_and_newer_calls) {
  EXPECT_EQ(ask("clone3"), kEnosys);
  EXPECT_EQ(ask("file_getattr"), kEnosys);
  EXPECT_EQ(evaluate_seccomp(program_, {.number = 4000, .arch = AUDIT_ARCH_X86_64}), kEnosys);
}

TEST_F(DefaultProfile, compares_a_socket_family_on_32_bits) {
  constexpr std::uint64_t kGarbage = 0x1'00000000;
  for (const std::uint64_t family : {1, 2, 10, 16, 39, 41, 44}) {
    EXPECT_EQ(ask("socket", family), SECCOMP_RET_ALLOW) << family;
    EXPECT_EQ(ask("socket", kGarbage | family), SECCOMP_RET_ALLOW) << family;
  }
  for (const std::uint64_t family : {38, 40}) {
    EXPECT_EQ(ask("socket", family), kEperm) << family;
    EXPECT_EQ(ask("socket", kGarbage | family), kEperm) << family;
    EXPECT_EQ(ask(program_, Machine::I386, "socket", family), kEperm) << family;
  }
}

TEST_F(DefaultProfile, lets_clone_make_threads_but_no_namespaces) {
  EXPECT_EQ(ask("clone", 0x3d0f00), SECCOMP_RET_ALLOW);
  for (const std::uint64_t flag : {0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000,
                                   0x20000000, 0x40000000})
    EXPECT_EQ(ask("clone", flag | 0x11), kEperm) << flag;
}

TEST_F(DefaultProfile, lets_personality_do_no_harm) {
  for (const std::uint64_t value : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xffffffffU})
    EXPECT_EQ(ask("personality", value), SECCOMP_RET_ALLOW) << value;
  EXPECT_EQ(ask("personality", 0x40000), kEperm);
}

// What libseccomp calls a part of socketcall or ipc has a number of its own, too.
TEST_F(DefaultProfile, knows_the_calls_of_sockets_of_32_bit_programs) {
  EXPECT_EQ(syscall_number(Machine::I386, "recvmmsg"), 337u);
  EXPECT_EQ(syscall_number(Machine::I386, "sendmmsg"), 345u);
  for (const char* name : {"recvmmsg", "sendmmsg", "recvmsg", "sendto", "connect", "shmat", "msgrcv"})
    EXPECT_EQ(ask(program_, Machine::I386, name), SECCOMP_RET_ALLOW) << name;
}

TEST_F(DefaultProfile, never_allows_x32) {
  for (const std::uint32_t number : {0, 1, 39, 59, 520})
    EXPECT_EQ(evaluate_seccomp(program_, {.number = 0x40000000 | number,
                                          .arch = AUDIT_ARCH_X86_64}), kEperm);
}

TEST_F(DefaultProfile, follows_the_capabilities) {
  auto capabilities = default_capabilities();
  capabilities.emplace_back("CAP_SYS_ADMIN");
  const std::string admin = compile_seccomp(default_seccomp(capabilities))->program;
  for (const char* name : {"mount", "setns", "clone3", "bpf", "unshare"})
    EXPECT_EQ(ask(admin, Machine::X86_64, name), SECCOMP_RET_ALLOW) << name;
  EXPECT_EQ(ask(admin, Machine::X86_64, "clone", 0x10000000), SECCOMP_RET_ALLOW);
  EXPECT_EQ(ask(compile_seccomp(default_seccomp({}))->program, Machine::X86_64, "chroot"), kEperm);
}

TEST_F(DefaultProfile, kills_an_architecture_that_is_not_listed) {
  EXPECT_EQ(evaluate_seccomp(program_, {.number = 0, .arch = AUDIT_ARCH_AARCH64}),
            static_cast<std::uint32_t>(SECCOMP_RET_KILL_THREAD));
  EXPECT_EQ(ask(program_, Machine::I386, "read"), SECCOMP_RET_ALLOW);
}

// Each operator against values around a 64-bit border.
struct OperatorCase {
  const char* op;
  std::uint64_t value;
  std::uint64_t argument;
  bool matches;
};
class SeccompOperator : public testing::TestWithParam<OperatorCase> {};
TEST_P(SeccompOperator, compares_64_bits) {
  const OperatorCase& given = GetParam();
  Seccomp profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.syscalls.push_back(
      {.names = {"lseek"},
       .action = "SCMP_ACT_ERRNO",
       .errno_ret = 7,
       .args = {SeccompArg{.index = 1, .value = given.value, .op = given.op}}});
  const auto filter = compile_seccomp(profile);
  ASSERT_TRUE(filter);
  SyscallData data{.number = *syscall_number(Machine::X86_64, "lseek"), .arch = AUDIT_ARCH_X86_64};
  data.args[1] = given.argument;
  EXPECT_EQ(evaluate_seccomp(filter->program, data) == (SECCOMP_RET_ERRNO | 7U), given.matches)
      << given.op << ' ' << given.value << ' ' << given.argument;
}
constexpr std::uint64_t kHigh = 0x5'00000005;
INSTANTIATE_TEST_SUITE_P(
    Operators, SeccompOperator,
    testing::Values(OperatorCase{"SCMP_CMP_EQ", kHigh, kHigh, true},
                    OperatorCase{"SCMP_CMP_EQ", kHigh, 0x6'00000005, false},
                    OperatorCase{"SCMP_CMP_EQ", kHigh, 0x5'00000006, false},
                    OperatorCase{"SCMP_CMP_NE", kHigh, kHigh, false},
                    OperatorCase{"SCMP_CMP_NE", kHigh, 0x6'00000005, true},
                    OperatorCase{"SCMP_CMP_NE", kHigh, 0x5'00000006, true},
                    OperatorCase{"SCMP_CMP_LT", kHigh, 0x5'00000004, true},
                    OperatorCase{"SCMP_CMP_LT", kHigh, kHigh, false},
                    OperatorCase{"SCMP_CMP_LT", kHigh, 0x4'ffffffff, true},
                    OperatorCase{"SCMP_CMP_LT", kHigh, 0x6'00000000, false},
                    OperatorCase{"SCMP_CMP_LE", kHigh, kHigh, true},
                    OperatorCase{"SCMP_CMP_LE", kHigh, 0x5'00000006, false},
                    OperatorCase{"SCMP_CMP_GE", kHigh, kHigh, true},
                    OperatorCase{"SCMP_CMP_GE", kHigh, 0x4'ffffffff, false},
                    OperatorCase{"SCMP_CMP_GE", kHigh, 0x6'00000000, true},
                    OperatorCase{"SCMP_CMP_GT", kHigh, kHigh, false},
                    OperatorCase{"SCMP_CMP_GT", kHigh, 0x5'00000006, true},
                    OperatorCase{"SCMP_CMP_GT", kHigh, 0x4'ffffffff, false}));

TEST(Seccomp, takes_several_rules_of_one_call_as_alternatives) {
  Seccomp profile;
  profile.default_action = "SCMP_ACT_ERRNO";
  profile.syscalls.push_back({.names = {"lseek", "no_such_call"},
                              .action = "SCMP_ACT_ALLOW",
                              .args = {{.index = 0, .value = 1, .op = "SCMP_CMP_EQ"},
                                       {.index = 2, .value = 2, .op = "SCMP_CMP_EQ"}}});
  profile.syscalls.push_back({.names = {"lseek"},
                              .action = "SCMP_ACT_KILL_PROCESS",
                              .args = {{.index = 0, .value = 9, .op = "SCMP_CMP_GT"}}});
  const std::string program = compile_seccomp(profile)->program;
  const auto ask = [&](std::uint64_t first, std::uint64_t third) {
    return evaluate_seccomp(program, {.number = 8, .arch = AUDIT_ARCH_X86_64,
                                      .args = {first, 0, third}});
  };
  EXPECT_EQ(ask(1, 2), SECCOMP_RET_ALLOW);
  EXPECT_EQ(ask(1, 3), kEperm);
  EXPECT_EQ(ask(10, 0), static_cast<std::uint32_t>(SECCOMP_RET_KILL_PROCESS));
}

TEST(Seccomp, takes_conditions_of_one_argument_as_alternatives) {
  Seccomp profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.syscalls.push_back({.names = {"lseek"},
                              .action = "SCMP_ACT_ERRNO",
                              .args = {{.index = 0, .value = 1, .op = "SCMP_CMP_EQ"},
                                       {.index = 0, .value = kHigh, .op = "SCMP_CMP_EQ"},
                                       {.index = 2, .value = 9, .op = "SCMP_CMP_GT"}}});
  const std::string program = compile_seccomp(profile)->program;
  const auto ask = [&](std::uint64_t first, std::uint64_t third) {
    return evaluate_seccomp(program, {.number = 8, .arch = AUDIT_ARCH_X86_64,
                                      .args = {first, 0, third}});
  };
  EXPECT_EQ(ask(1, 0), kEperm);
  EXPECT_EQ(ask(kHigh, 0), kEperm);
  EXPECT_EQ(ask(2, 10), kEperm);
  EXPECT_EQ(ask(2, 9), SECCOMP_RET_ALLOW);
}

TEST(Seccomp, notifies_a_listener_and_nobody_else) {
  Seccomp profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.syscalls.resize(1);
  profile.syscalls[0].action = "SCMP_ACT_NOTIFY";
  profile.syscalls[0].names = {"mkdirat"};
  EXPECT_FALSE(compile_seccomp(profile)) << "nobody listens";
  profile.listener_path = "/x";
  const auto filter = compile_seccomp(profile);
  ASSERT_TRUE(filter) << filter.error().message();
  EXPECT_NE(filter->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER, 0U);
  for (const char* name : {"read", "write"}) {
    profile.syscalls[0].names = {"mkdirat", name};
    EXPECT_FALSE(compile_seccomp(profile)) << name;
  }
}

TEST(Seccomp, refuses_what_it_does_not_know) {
  Seccomp profile;
  profile.default_action = "SCMP_ACT_NOTIFY";
  EXPECT_EQ(compile_seccomp(profile).error().kind(), ErrorKind::Unsupported);
  profile.listener_path = "/x";
  EXPECT_EQ(compile_seccomp(profile).error().kind(), ErrorKind::Unsupported) << "as the default";
  profile.listener_path.clear();
  profile.default_action = "SCMP_ACT_WHATEVER";
  EXPECT_EQ(compile_seccomp(profile).error().kind(), ErrorKind::InvalidArgument);
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.flags = {"SECCOMP_FILTER_FLAG_NEW_LISTENER"};
  EXPECT_FALSE(compile_seccomp(profile));
  profile.flags.clear();
  profile.syscalls.push_back({.names = {"read"}, .action = "SCMP_ACT_ERRNO",
                              .args = {{.index = 6, .value = 0, .op = "SCMP_CMP_EQ"}}});
  EXPECT_FALSE(compile_seccomp(profile));
}

TEST(Seccomp, refuses_a_rule_whose_jumps_would_not_reach) {
  spec::oci::Seccomp profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  spec::oci::SeccompRule rule{.names = {"read"}, .action = "SCMP_ACT_ERRNO"};
  rule.args.assign(32, {.index = 0, .value = 1, .op = "SCMP_CMP_EQ"});
  profile.syscalls = {rule};
  const auto longest = compile_seccomp(profile);
  ASSERT_TRUE(longest);
  EXPECT_EQ(evaluate_seccomp(longest->program, {.number = 0, .arch = 0xc000003eU, .args = {2}}), 0x7fff0000U);
  EXPECT_EQ(evaluate_seccomp(longest->program, {.number = 0, .arch = 0xc000003eU, .args = {1}}), 0x00050001U);
  profile.syscalls[0].args.push_back(rule.args[0]);
  EXPECT_FALSE(compile_seccomp(profile));
}

}  // namespace
}  // namespace wherry::runtime
