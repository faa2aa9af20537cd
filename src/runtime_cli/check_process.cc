#include <algorithm>

#include "runtime/policy_words.h"
#include "runtime_cli/check.h"
#include "runtime_cli/check_words.h"
#include "sys/capability.h"

namespace wherry::runtime_cli {
namespace {

using namespace spec::oci;

constexpr std::size_t kMaximumGroups = 65536;   // NGROUPS_MAX
constexpr std::size_t kMaximumWords = 32768;    // of args, of env
constexpr std::uint32_t kLargestSide = 0xffff;  // struct winsize
constexpr std::uint32_t kEveryModeBit = 0777;

Result<> check_user(const User& user) {
  TRY(at("uid", check_id_number(user.uid)));
  TRY(at("gid", check_id_number(user.gid)));
  if (user.umask && *user.umask > kEveryModeBit)
    return at("umask", wrong(fmt::format("{:o} has bits outside of 777 (octal)", *user.umask)));
  if (user.additional_gids.size() > kMaximumGroups) return at("additionalGids", wrong("too many groups"));
  return each("additionalGids", user.additional_gids, check_id_number);
}

Result<> check_words(std::string_view name, const std::vector<std::string>& words) {
  if (words.size() > kMaximumWords) return at(name, wrong(fmt::format("more than {} words", kMaximumWords)));
  return each(name, words, [](const std::string& word) {
    return check_text(word, kMaximumArgumentBytes, MayBeEmpty::Yes);
  });
}

Result<> check_capability(const std::string& name) {
  if (!sys::capability_number(name)) return not_known(name);
  return {};
}

Result<> check_capabilities(const Capabilities& sets) {
  TRY(each("bounding", sets.bounding, check_capability));
  TRY(each("effective", sets.effective, check_capability));
  TRY(each("inheritable", sets.inheritable, check_capability));
  TRY(each("permitted", sets.permitted, check_capability));
  return each("ambient", sets.ambient, check_capability);
}

Result<> check_rlimit(const Rlimit& limit) {
  TRY(at("type", check_word(limit.type,
                            {"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE",
                             "RLIMIT_LOCKS", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE",
                             "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO",
                             "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK"})));
  if (limit.soft > limit.hard) return at("soft", wrong("is above the hard limit"));
  return {};
}

Result<> check_rlimits(const std::vector<Rlimit>& limits) {
  TRY(each("rlimits", limits, check_rlimit));
  for (auto one = limits.begin(); one != limits.end(); ++one)
    if (std::find_if(limits.begin(), one, [&](const Rlimit& other) { return other.type == one->type; }) != one)
      return at(fmt::format("rlimits[{}].type", one - limits.begin()), wrong(fmt::format("{} is there twice", one->type)));
  return {};
}

Result<> check_io_priority(const IoPriority& priority) {
  constexpr std::int64_t kLowest = 7;
  TRY(at("class", check_word(priority.policy, {"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"})));
  return at("priority", check_range(priority.priority, 0, kLowest));
}

// The kernel's rules, in the words that crun has for them.
Result<> check_deadline(const Scheduler& scheduler) {
  constexpr std::uint64_t kShortest_ns = 1024;
  constexpr std::uint64_t kLongest_ns = (std::uint64_t{1} << 63) - 1;
  constexpr std::string_view kName = "sched_setattr: `SCHED_DEADLINE`";
  if (!scheduler.runtime) return at("runtime", wrong(fmt::format("{} requires `runtime`", kName)));
  if (!scheduler.deadline) return at("deadline", wrong(fmt::format("{} requires `deadline`", kName)));
  const std::uint64_t runtime = *scheduler.runtime;
  const std::uint64_t deadline = *scheduler.deadline;
  const std::uint64_t period = scheduler.period.value_or(0);
  if (runtime == 0) return at("runtime", wrong(fmt::format("{} runtime must be greater than 0", kName)));
  if (runtime < kShortest_ns || runtime > kLongest_ns)
    return at("runtime", wrong(fmt::format("{} runtime {} must be between {} and {}", kName, runtime, kShortest_ns, kLongest_ns)));
  if (runtime > deadline)
    return at("runtime", wrong(fmt::format("{} runtime {} must be <= deadline {}", kName, runtime, deadline)));
  if (period != 0 && deadline > period)
    return at("deadline", wrong(fmt::format("{} deadline {} must be <= period {}", kName, deadline, period)));
  return {};
}

Result<> check_scheduler(const Scheduler& scheduler) {
  constexpr std::int64_t kLastPriority = 99;
  constexpr std::uint64_t kLongestPeriod_ns = (std::uint64_t{1} << 48) - 1;
  if (auto bits = runtime::scheduler_bits(scheduler); !bits) return std::unexpected(bits.error());
  const std::string& policy = scheduler.policy;
  TRY(at("nice", check_range(scheduler.nice.value_or(0), -20, 19)));
  if (policy == "SCHED_DEADLINE") TRY(check_deadline(scheduler));
  const bool real_time = policy == "SCHED_FIFO" || policy == "SCHED_RR";
  TRY(at("priority", check_range(scheduler.priority.value_or(0), real_time ? 1 : 0, real_time ? kLastPriority : 0)));
  for (const auto& [name, value] : {std::pair{"runtime", scheduler.runtime}, {"deadline", scheduler.deadline}, {"period", scheduler.period}}) {
    if (value.value_or(0) > kLongestPeriod_ns) return at(name, wrong("is out of range"));
    if (value.value_or(0) != 0 && policy != "SCHED_DEADLINE") return at(name, wrong("is of SCHED_DEADLINE alone"));
  }
  return {};
}

Result<> check_labels(const Process& process) {
  TRY(at("apparmorProfile", check_text(process.apparmor_profile, kMaximumPathBytes, MayBeEmpty::Yes)));
  return at("selinuxLabel", check_text(process.selinux_label, kMaximumPathBytes, MayBeEmpty::Yes));
}

}  // namespace

Result<> check_process(const Process& process) {
  if (process.console_size) {
    TRY(at("consoleSize.height", check_range(process.console_size->height, 0, kLargestSide)));
    TRY(at("consoleSize.width", check_range(process.console_size->width, 0, kLargestSide)));
  }
  TRY(at("user", check_user(process.user)));
  if (process.args.empty()) return at("args", wrong("must not be empty"));
  if (process.args[0].empty()) return at("args[0]", wrong("must not be empty"));
  TRY(check_words("args", process.args));
  TRY(check_words("env", process.env));
  TRY(at("cwd", check_path(process.cwd)));
  if (process.capabilities) TRY(at("capabilities", check_capabilities(*process.capabilities)));
  TRY(check_rlimits(process.rlimits));
  TRY(check_labels(process));
  if (process.oom_score_adj) TRY(at("oomScoreAdj", check_range(*process.oom_score_adj, -1000, 1000)));
  if (process.io_priority) TRY(at("ioPriority", check_io_priority(*process.io_priority)));
  if (process.scheduler) TRY(at("scheduler", check_scheduler(*process.scheduler)));
  if (process.exec_cpu_affinity) {
    TRY(at("execCPUAffinity.initial", check_mask_list(process.exec_cpu_affinity->initial)));
    TRY(at("execCPUAffinity.final", check_mask_list(process.exec_cpu_affinity->final_)));
  }
  return {};
}

}  // namespace wherry::runtime_cli
