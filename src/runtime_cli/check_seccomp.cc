#include <algorithm>

#include "runtime_cli/check.h"
#include "runtime_cli/check_words.h"

namespace wherry::runtime_cli {
namespace {

using namespace spec::oci;

constexpr std::size_t kMaximumConditions = 32;  // of one rule

Result<> check_action(const std::string& action) {
  return check_word(action, {"SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
                             "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY"});
}

// An errno beside an action that has none is an error by the specification.
Result<> check_errno(const std::string& action, const std::optional<std::uint32_t>& errno_ret) {
  constexpr std::int64_t kLastErrno = 4095;
  constexpr std::int64_t kLastTraceValue = 0xffff;
  if (!errno_ret) return {};
  if (action != "SCMP_ACT_ERRNO" && action != "SCMP_ACT_TRACE")
    return wrong(fmt::format("{} has no errno", action));
  return check_range(*errno_ret, 0, action == "SCMP_ACT_TRACE" ? kLastTraceValue : kLastErrno);
}

Result<> check_condition(const SeccompArg& arg) {
  constexpr std::int64_t kLastArgument = 5;
  TRY(at("index", check_range(arg.index, 0, kLastArgument)));
  return at("op", check_word(arg.op, {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE",
                                      "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"}));
}

Result<> check_seccomp_rule(const SeccompRule& rule) {
  if (rule.names.empty()) return at("names", wrong("must not be empty"));
  TRY(each("names", rule.names,
           [](const std::string& name) { return check_text(name, kMaximumWordBytes, MayBeEmpty::No); }));
  TRY(at("action", check_action(rule.action)));
  TRY(at("errnoRet", check_errno(rule.action, rule.errno_ret)));
  if (rule.args.size() > kMaximumConditions)
    return at("args", wrong(fmt::format("more than {} conditions", kMaximumConditions)));
  return each("args", rule.args, check_condition);
}

Result<> check_architecture(const std::string& name) {
  return check_word(name, {"SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64",
                           "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",
                           "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64",
                           "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_PARISC",
                           "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",
                           "SCMP_ARCH_SH", "SCMP_ARCH_SHEB"});
}

Result<> check_flag(const std::string& name) {
  if (name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") return not_available();
  return check_word(name, {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"});
}

}  // namespace

Result<> check_seccomp(const Seccomp& seccomp) {
  TRY(at("defaultAction", check_action(seccomp.default_action)));
  TRY(at("defaultErrnoRet", check_errno(seccomp.default_action, seccomp.default_errno_ret)));
  TRY(each("architectures", seccomp.architectures, check_architecture));
  TRY(each("flags", seccomp.flags, check_flag));
  TRY(at("listenerPath", check_text(seccomp.listener_path, kMaximumPathBytes, MayBeEmpty::Yes)));
  TRY(at("listenerMetadata", check_text(seccomp.listener_metadata, kMaximumArgumentBytes, MayBeEmpty::Yes)));
  if (!seccomp.listener_metadata.empty() && seccomp.listener_path.empty())
    return at("listenerMetadata", wrong("needs a listenerPath"));
  return each("syscalls", seccomp.syscalls, check_seccomp_rule);
}

}  // namespace wherry::runtime_cli
