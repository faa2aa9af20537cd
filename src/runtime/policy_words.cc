#include "runtime/policy_words.h"

#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <sys/personality.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/strings.h"
#include "runtime/plan.h"

namespace wherry::runtime {
namespace {

struct PolicyWord {
  std::string_view word;
  std::uint64_t value;
};
constexpr std::array kSchedulers{PolicyWord{"SCHED_OTHER", 0}, PolicyWord{"SCHED_FIFO", 1},
                                 PolicyWord{"SCHED_RR", 2},    PolicyWord{"SCHED_BATCH", 3},
                                 PolicyWord{"SCHED_IDLE", 5},  PolicyWord{"SCHED_DEADLINE", 6}};
constexpr std::array kSchedulerFlags{
    PolicyWord{"SCHED_FLAG_RESET_ON_FORK", 0x01},  PolicyWord{"SCHED_FLAG_RECLAIM", 0x02},
    PolicyWord{"SCHED_FLAG_DL_OVERRUN", 0x04},     PolicyWord{"SCHED_FLAG_KEEP_POLICY", 0x08},
    PolicyWord{"SCHED_FLAG_KEEP_PARAMS", 0x10},    PolicyWord{"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    PolicyWord{"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40}};
constexpr std::array kMemoryModes{
    PolicyWord{"MPOL_DEFAULT", MPOL_DEFAULT},       PolicyWord{"MPOL_PREFERRED", MPOL_PREFERRED},
    PolicyWord{"MPOL_BIND", MPOL_BIND},             PolicyWord{"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
    PolicyWord{"MPOL_LOCAL", MPOL_LOCAL},           PolicyWord{"MPOL_PREFERRED_MANY", 5},
    PolicyWord{"MPOL_WEIGHTED_INTERLEAVE", 6}};  // since Linux 6.9
constexpr std::array kMemoryFlags{PolicyWord{"MPOL_F_NUMA_BALANCING", 1U << 13},
                                  PolicyWord{"MPOL_F_RELATIVE_NODES", 1U << 14},
                                  PolicyWord{"MPOL_F_STATIC_NODES", 1U << 15}};
constexpr std::array kDomains{PolicyWord{"LINUX", PER_LINUX}, PolicyWord{"LINUX32", PER_LINUX32}};

Result<std::uint64_t> value_of(std::span<const PolicyWord> words, std::string_view member, std::string_view word) {
  const auto found = std::ranges::find(words, word, &PolicyWord::word);
  if (found != words.end()) return found->value;
  return Error::invalid(fmt::format("{}: {} is not known", member, quote(word)));
}

Result<std::uint64_t> flags_of_list(std::span<const PolicyWord> words, const std::vector<std::string>& names) {
  std::uint64_t flags = 0;
  for (std::size_t i = 0; i < names.size(); ++i)
    flags |= TRY(value_of(words, fmt::format("flags[{}]", i), names[i]));
  return flags;
}

// "4" or "4-7"; both ends below the limit.
Result<std::pair<std::uint64_t, std::uint64_t>> range_of(std::string_view piece) {
  const auto ends = cut(piece, '-');
  const auto first = parse_u64(ends ? ends->before : piece);
  const auto last = parse_u64(ends ? ends->after : piece);
  if (!first || !last || *first > *last) return Error::invalid(fmt::format("{} is not a number or a range", quote(piece)));
  if (*last >= kMaximumMaskBits) return Error::invalid(fmt::format("{} is above {}", *last, kMaximumMaskBits - 1));
  return std::pair{*first, *last};
}

}  // namespace

Result<std::string> number_mask(std::string_view list) {
  std::array<std::uint8_t, kMaximumMaskBits / 4> digits{};
  std::size_t used = 0;
  for (const std::string_view piece : split(list, ',')) {
    const auto [first, last] = TRY(range_of(piece));
    for (std::uint64_t bit = first; bit <= last; ++bit)
      digits[bit / 4] = static_cast<std::uint8_t>(digits[bit / 4] | 1U << bit % 4);
    used = std::max(used, static_cast<std::size_t>(last / 4 + 1));
  }
  std::string text;
  for (std::size_t i = 0; i < used; ++i) text += "0123456789abcdef"[digits[i]];
  return text;
}

Result<std::uint64_t> scheduler_bits(const spec::oci::Scheduler& scheduler) {
  const std::uint64_t policy = TRY(value_of(kSchedulers, "policy", scheduler.policy));
  return policy | TRY(flags_of_list(kSchedulerFlags, scheduler.flags)) << 8;
}

Result<std::uint64_t> memory_policy_bits(const spec::oci::MemoryPolicy& policy) {
  const std::uint64_t mode = TRY(value_of(kMemoryModes, "mode", policy.mode));
  return mode | TRY(flags_of_list(kMemoryFlags, policy.flags));
}

Result<std::uint64_t> personality_bits(const spec::oci::Personality& personality) {
  const std::uint64_t domain = TRY(value_of(kDomains, "domain", personality.domain));
  return domain | TRY(flags_of_list({}, personality.flags));
}

}  // namespace wherry::runtime
