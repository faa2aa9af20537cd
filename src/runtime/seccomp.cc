#include "runtime/seccomp.h"

#include <fmt/format.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "runtime/syscall_numbers.h"

namespace wherry::runtime {
namespace {

using spec::oci::Seccomp;
using spec::oci::SeccompArg;
using spec::oci::SeccompRule;
using Code = std::vector<sock_filter>;

constexpr std::size_t kMaximumInstructions = 4096;  // BPF_MAXINSNS
constexpr std::size_t kMaximumConditions = 32;  // of one rule: a failing one jumps over the others, 255 at most
constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kLoadNumber = 0;
constexpr std::uint32_t kLoadArch = 4;

sock_filter statement(unsigned code, std::uint32_t value) {
  return {static_cast<std::uint16_t>(code), 0, 0, value};
}
sock_filter load(std::uint32_t offset) { return statement(BPF_LD | BPF_W | BPF_ABS, offset); }
sock_filter answer(std::uint32_t action) { return statement(BPF_RET | BPF_K, action); }
sock_filter jump(unsigned test, std::uint32_t value, unsigned if_true, unsigned if_false) {
  return {static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), static_cast<std::uint8_t>(if_true),
          static_cast<std::uint8_t>(if_false), value};
}

// `test` ? yes : no, where both parts end in an answer. Conditional jumps reach 255
// instructions, a plain one anywhere.
Code branch(unsigned test, std::uint32_t value, const Code& yes, const Code& no) {
  Code code;
  if (no.size() > 255) {
    code.push_back(jump(test, value, 0, 1));
    code.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(no.size())));
  } else {
    code.push_back(jump(test, value, static_cast<unsigned>(no.size()), 0));
  }
  code.insert(code.end(), no.begin(), no.end());
  code.insert(code.end(), yes.begin(), yes.end());
  return code;
}

// --- words of the profile ------------------------------------------------------------------

Result<std::uint32_t> action_of(const std::string& name, std::optional<std::uint32_t> errno_ret) {
  const std::uint32_t data = errno_ret.value_or(EPERM) & SECCOMP_RET_DATA;
  if (name == "SCMP_ACT_ALLOW") return SECCOMP_RET_ALLOW;
  if (name == "SCMP_ACT_ERRNO") return SECCOMP_RET_ERRNO | data;
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return SECCOMP_RET_KILL_THREAD;
  if (name == "SCMP_ACT_KILL_PROCESS") return SECCOMP_RET_KILL_PROCESS;
  if (name == "SCMP_ACT_TRAP") return SECCOMP_RET_TRAP;
  if (name == "SCMP_ACT_TRACE") return SECCOMP_RET_TRACE | data;
  if (name == "SCMP_ACT_LOG") return SECCOMP_RET_LOG;
  if (name == "SCMP_ACT_NOTIFY") return SECCOMP_RET_USER_NOTIF;
  return Error::invalid(fmt::format("unknown seccomp action \"{}\"", name));
}

Result<std::uint64_t> flags_of(const std::vector<std::string>& names) {
  std::uint64_t flags = 0;
  for (const std::string& name : names) {
    if (name == "SECCOMP_FILTER_FLAG_LOG") flags |= SECCOMP_FILTER_FLAG_LOG;
    else if (name == "SECCOMP_FILTER_FLAG_SPEC_ALLOW") flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    // TSYNC: the filter is loaded by a process of one thread.
    else if (name != "SECCOMP_FILTER_FLAG_TSYNC")
      return Error(ErrorKind::Unsupported, fmt::format("seccomp flag {} is not supported", name));
  }
  return flags;
}

constexpr std::array kMachineNames{
    std::pair<std::string_view, Machine>{"SCMP_ARCH_X86_64", Machine::X86_64},
    std::pair<std::string_view, Machine>{"SCMP_ARCH_X86", Machine::I386},
    std::pair<std::string_view, Machine>{"SCMP_ARCH_AARCH64", Machine::Aarch64},
    std::pair<std::string_view, Machine>{"SCMP_ARCH_ARM", Machine::Arm}};

// The native one first; architectures that this kernel cannot run are left out.
std::vector<Machine> machines_of(const std::vector<std::string>& names) {
#if defined(__aarch64__)
  std::vector<Machine> machines{Machine::Aarch64};
  const Machine second = Machine::Arm;
#else
  std::vector<Machine> machines{Machine::X86_64};
  const Machine second = Machine::I386;
#endif
  for (const auto& [name, machine] : kMachineNames)
    if (machine == second && std::ranges::find(names, name) != names.end())
      machines.push_back(machine);
  return machines;
}

// Arguments that the kernel reads as 32 bits whatever the register holds.
bool is_cut_to_32_bits(const std::string& name, std::uint32_t index) {
  if (name == "socket" || name == "socketpair") return index < 3;
  if (name == "personality" || name == "clone" || name == "unshare") return index == 0;
  return name == "setns" && index == 1;
}

// --- one rule with argument conditions ---------------------------------------------------------

// Instructions whose failing jumps lead behind the last one; resolved when that is known.
class RuleCode {
 public:
  void load_word(std::uint32_t offset) { code_.push_back(load(offset)); }
  void mask(std::uint32_t value) { code_.push_back(statement(BPF_ALU | BPF_AND | BPF_K, value)); }
  // Goes on where `test` holds (or, negated, where it does not), leaves the rule otherwise.
  void require(unsigned test, std::uint32_t value, bool negated = false) {
    code_.push_back(jump(test, value, 0, 0));
    exits_.push_back({code_.size() - 1, negated});
  }
  // A jump of known shape.
  void push(sock_filter instruction) { code_.push_back(instruction); }
  Code finish(std::uint32_t action) {
    code_.push_back(answer(action));
    for (const auto& [index, on_true] : exits_) {
      const auto distance = static_cast<std::uint8_t>(code_.size() - index - 1);
      (on_true ? code_[index].jt : code_[index].jf) = distance;
    }
    return std::move(code_);
  }

 private:
  struct Exit {
    std::size_t index;
    bool on_true;
  };
  Code code_;
  std::vector<Exit> exits_;
};

struct Comparison {
  unsigned test;  // BPF_JGT, BPF_JGE or BPF_JEQ
  bool negated;
};

std::optional<Comparison> comparison_of(const std::string& op) {
  if (op == "SCMP_CMP_EQ") return Comparison{BPF_JEQ, false};
  if (op == "SCMP_CMP_NE") return Comparison{BPF_JEQ, true};
  if (op == "SCMP_CMP_GT") return Comparison{BPF_JGT, false};
  if (op == "SCMP_CMP_LE") return Comparison{BPF_JGT, true};
  if (op == "SCMP_CMP_GE") return Comparison{BPF_JGE, false};
  if (op == "SCMP_CMP_LT") return Comparison{BPF_JGE, true};
  return std::nullopt;
}

std::uint32_t low_offset(std::uint32_t index) { return 16 + 8 * index; }
std::uint32_t high_offset(std::uint32_t index) { return low_offset(index) + 4; }

// (argument & value) == value_two.
void emit_masked(RuleCode& code, const SeccompArg& arg, bool only_low) {
  code.load_word(low_offset(arg.index));
  code.mask(static_cast<std::uint32_t>(arg.value));
  code.require(BPF_JEQ, static_cast<std::uint32_t>(arg.value_two));
  if (only_low) return;
  code.load_word(high_offset(arg.index));
  code.mask(static_cast<std::uint32_t>(arg.value >> 32));
  code.require(BPF_JEQ, static_cast<std::uint32_t>(arg.value_two >> 32));
}

// 64 bits as two words: a difference above decides, equality there leaves it to the low word.
void emit_wide(RuleCode& code, const SeccompArg& arg, Comparison comparison) {
  const auto low = static_cast<std::uint32_t>(arg.value);
  const auto high = static_cast<std::uint32_t>(arg.value >> 32);
  code.load_word(high_offset(arg.index));
  if (comparison.test == BPF_JEQ && comparison.negated) {
    code.push(jump(BPF_JEQ, high, 0, 2));  // other high words: passed
  } else if (comparison.test == BPF_JEQ) {
    code.require(BPF_JEQ, high);
  } else if (comparison.negated) {  // less
    code.require(BPF_JGT, high, true);
    code.push(jump(BPF_JEQ, high, 0, 2));
  } else {  // greater
    code.push(jump(BPF_JGT, high, 3, 0));
    code.require(BPF_JEQ, high);
  }
  code.load_word(low_offset(arg.index));
  code.require(comparison.test, low, comparison.negated);
}

Result<> emit_arg(RuleCode& code, const SeccompArg& arg, bool only_low) {
  if (arg.index > 5) return Error::invalid(fmt::format("seccomp argument {}", arg.index));
  if (arg.op == "SCMP_CMP_MASKED_EQ") {
    emit_masked(code, arg, only_low);
    return {};
  }
  const auto comparison = comparison_of(arg.op);
  if (!comparison) return Error::invalid(fmt::format("unknown seccomp operator \"{}\"", arg.op));
  if (!only_low) {
    emit_wide(code, arg, *comparison);
    return {};
  }
  code.load_word(low_offset(arg.index));
  code.require(comparison->test, static_cast<std::uint32_t>(arg.value), comparison->negated);
  return {};
}

// --- one architecture -----------------------------------------------------------------------

struct Decision {
  std::optional<std::uint32_t> always;
  Code conditions;  // tried first; each ends in an answer or falls through
};

bool names_an_argument_twice(const SeccompRule& rule) {
  std::set<std::uint32_t> seen;
  return !std::ranges::all_of(rule.args,
                              [&](const SeccompArg& arg) { return seen.insert(arg.index).second; });
}

struct Compiler {
  const Seccomp& profile;
  std::uint32_t default_action;

  Result<Code> conditional(Machine machine, const SeccompRule& rule, const std::string& name,
                           std::uint32_t action) const {
    if (rule.args.size() > kMaximumConditions)
      return Error::invalid(fmt::format("seccomp rule with more than {} conditions", kMaximumConditions));
    // runc makes a rule of each condition when two are about one argument, and profiles that
    // forbid several values of it are written that way.
    const bool alternatives = names_an_argument_twice(rule);
    Code all;
    RuleCode code;
    for (const SeccompArg& arg : rule.args) {
      const bool narrow = machine == Machine::I386 || machine == Machine::Arm;
      const bool only_low = is_cut_to_32_bits(name, arg.index) ||
                            (narrow && arg.value >> 32 == 0 && arg.value_two >> 32 == 0);
      TRY(emit_arg(code, arg, only_low));
      if (!alternatives) continue;
      const Code one = std::exchange(code, {}).finish(action);
      all.insert(all.end(), one.begin(), one.end());
    }
    return alternatives ? all : code.finish(action);
  }

  Result<> add_rule(Machine machine, const SeccompRule& rule,
                    std::map<std::uint32_t, Decision>& decisions) const {
    const std::uint32_t action = TRY(action_of(rule.action, rule.errno_ret));
    for (const std::string& name : rule.names) {
      const auto number = syscall_number(machine, name);
      if (!number) continue;
      Decision& decision = decisions[*number];
      if (rule.args.empty()) {
        if (!decision.always) decision.always = action;
        continue;
      }
      const Code code = TRY(conditional(machine, rule, name, action));
      decision.conditions.insert(decision.conditions.end(), code.begin(), code.end());
    }
    return {};
  }

  // Ranges of numbers with one answer, ascending, the first from 0 on.
  struct Range {
    std::uint32_t first;
    Code code;
  };
  [[nodiscard]] std::vector<Range> ranges_of(
      const std::map<std::uint32_t, Decision>& decisions) const {
    std::vector<Range> ranges{{0, {answer(default_action)}}};
    const auto append = [&](std::uint32_t first, Code code) {
      if (ranges.back().first == first) ranges.pop_back();
      const bool same = !ranges.empty() && ranges.back().code.size() == 1 && code.size() == 1 &&
                        ranges.back().code[0].k == code[0].k;
      if (!same) ranges.push_back({first, std::move(code)});
    };
    for (const auto& [number, decision] : decisions) {
      Code code = decision.conditions;
      code.push_back(answer(decision.always.value_or(default_action)));
      append(number, std::move(code));
      append(number + 1, {answer(default_action)});
    }
    return ranges;
  }

  static Code search(const std::vector<Range>& ranges, std::size_t first, std::size_t last) {
    if (last - first == 1) return ranges[first].code;
    const std::size_t middle = first + (last - first) / 2;
    return branch(BPF_JGE, ranges[middle].first, search(ranges, middle, last),
                  search(ranges, first, middle));
  }

  [[nodiscard]] bool stubs_newer_calls() const {
    return (default_action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO &&
           (default_action & SECCOMP_RET_DATA) != ENOSYS;
  }

  Result<Code> machine_code(Machine machine) const {
    std::map<std::uint32_t, Decision> decisions;
    for (const SeccompRule& rule : profile.syscalls) TRY(add_rule(machine, rule, decisions));
    const auto ranges = ranges_of(decisions);
    Code code = search(ranges, 0, ranges.size());
    if (stubs_newer_calls() && !decisions.empty())
      code = branch(BPF_JGT, decisions.rbegin()->first, {answer(SECCOMP_RET_ERRNO | ENOSYS)}, code);
    if (machine == Machine::X86_64)
      code = branch(BPF_JGE, kX32Bit, {answer(default_action)}, code);
    code.insert(code.begin(), load(kLoadNumber));
    return code;
  }
};

// Before somebody listens the child has to read and write one word.
Result<> check_notify(const Seccomp& profile) {
  constexpr std::string_view kNotify = "SCMP_ACT_NOTIFY";
  const auto needs_listener = [&](const std::string& action) { return action == kNotify && profile.listener_path.empty(); };
  const Error nobody(ErrorKind::Unsupported, "seccomp action SCMP_ACT_NOTIFY needs a listenerPath");
  if (needs_listener(profile.default_action)) return std::unexpected(nobody);
  if (profile.default_action == kNotify)
    return Error(ErrorKind::Unsupported, "seccomp action SCMP_ACT_NOTIFY cannot be the default");
  for (const SeccompRule& rule : profile.syscalls) {
    if (needs_listener(rule.action)) return std::unexpected(nobody);
    for (const char* name : {"read", "write"})
      if (rule.action == kNotify && std::ranges::find(rule.names, name) != rule.names.end())
        return Error(ErrorKind::Unsupported, fmt::format("seccomp action SCMP_ACT_NOTIFY cannot be used for {}", name));
  }
  return {};
}

}  // namespace

Result<SeccompFilter> compile_seccomp(const Seccomp& profile) {
  TRY(check_notify(profile));
  SeccompFilter filter;
  filter.flags = TRY(flags_of(profile.flags));
  if (!profile.listener_path.empty()) filter.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  const Compiler compiler{
      .profile = profile,
      .default_action = TRY(action_of(profile.default_action, profile.default_errno_ret))};
  // An architecture that the profile does not list is not for its programs to use.
  Code code{answer(SECCOMP_RET_KILL_THREAD)};
  const auto machines = machines_of(profile.architectures);
  for (auto machine = machines.rbegin(); machine != machines.rend(); ++machine)
    code = branch(BPF_JEQ, audit_arch(*machine), TRY(compiler.machine_code(*machine)), code);
  code.insert(code.begin(), load(kLoadArch));
  if (code.size() > kMaximumInstructions)
    return Error(ErrorKind::Unsupported, "seccomp profile is larger than the kernel takes");
  filter.program.assign(reinterpret_cast<const char*>(code.data()),
                        code.size() * sizeof(sock_filter));
  return filter;
}

namespace {

std::uint32_t word_at(const SyscallData& data, std::uint32_t offset) {
  if (offset == kLoadNumber) return data.number;
  if (offset == kLoadArch) return data.arch;
  const std::uint64_t arg = data.args[(offset - 16) / 8];
  return static_cast<std::uint32_t>(offset % 8 == 0 ? arg : arg >> 32);
}

bool holds(unsigned test, std::uint32_t left, std::uint32_t right) {
  if (test == BPF_JEQ) return left == right;
  return test == BPF_JGT ? left > right : left >= right;
}

}  // namespace

std::uint32_t evaluate_seccomp(const std::string& program, const SyscallData& data) {
  Code code(program.size() / sizeof(sock_filter));
  std::memcpy(code.data(), program.data(), program.size());
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < code.size(); ++at) {
    const sock_filter& instruction = code[at];
    const unsigned kind = BPF_CLASS(instruction.code);
    if (kind == BPF_RET) return instruction.k;
    if (kind == BPF_LD) accumulator = word_at(data, instruction.k);
    else if (kind == BPF_ALU) accumulator &= instruction.k;
    else if (BPF_OP(instruction.code) == BPF_JA) at += instruction.k;
    else at += holds(BPF_OP(instruction.code), accumulator, instruction.k) ? instruction.jt
                                                                         : instruction.jf;
  }
  return SECCOMP_RET_KILL_PROCESS;
}

Result<SeccompFilter> compile_seccomp_cached(const Seccomp& profile) {
  struct Compiled {
    Seccomp profile;
    SeccompFilter filter;
  };
  // Containers with the same capabilities have the same profile.
  static Guarded<std::optional<Compiled>> last;
  {
    const auto compiled = last.lock();
    if (*compiled && (*compiled)->profile == profile) return (*compiled)->filter;
  }
  SeccompFilter filter = TRY(compile_seccomp(profile));
  *last.lock() = Compiled{profile, filter};
  return filter;
}

}  // namespace wherry::runtime
