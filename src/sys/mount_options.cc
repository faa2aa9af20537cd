#include "sys/mount_options.h"

#include <fmt/format.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/strings.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

namespace wherry::sys {
namespace {

// A kind of access time replaces the one before: all bits of the field are cleared first.
struct FlagRow {
  std::string_view word;
  std::uint64_t set;
  std::uint64_t clear;
};
constexpr std::array kFlags{
    FlagRow{"ro", MOUNT_ATTR_RDONLY, 0},
    FlagRow{"rw", 0, MOUNT_ATTR_RDONLY},
    FlagRow{"nosuid", MOUNT_ATTR_NOSUID, 0},
    FlagRow{"suid", 0, MOUNT_ATTR_NOSUID},
    FlagRow{"nodev", MOUNT_ATTR_NODEV, 0},
    FlagRow{"dev", 0, MOUNT_ATTR_NODEV},
    FlagRow{"noexec", MOUNT_ATTR_NOEXEC, 0},
    FlagRow{"exec", 0, MOUNT_ATTR_NOEXEC},
    FlagRow{"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    FlagRow{"atime", 0, MOUNT_ATTR__ATIME},
    FlagRow{"relatime", 0, MOUNT_ATTR__ATIME},
    FlagRow{"norelatime", 0, 0},
    FlagRow{"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    FlagRow{"nostrictatime", 0, MOUNT_ATTR__ATIME},
    FlagRow{"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    FlagRow{"diratime", 0, MOUNT_ATTR_NODIRATIME},
    FlagRow{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    FlagRow{"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
};

struct PropagationRow {
  std::string_view word;
  std::uint64_t value;
};
constexpr std::array kPropagation{
    PropagationRow{"private", MS_PRIVATE},       PropagationRow{"rprivate", MS_PRIVATE},
    PropagationRow{"slave", MS_SLAVE},           PropagationRow{"rslave", MS_SLAVE},
    PropagationRow{"shared", MS_SHARED},         PropagationRow{"rshared", MS_SHARED},
    PropagationRow{"unbindable", MS_UNBINDABLE}, PropagationRow{"runbindable", MS_UNBINDABLE},
};

// The kernel's own default, or a request to say more or less on the console.
constexpr std::array<std::string_view, 7> kWithoutEffect{"defaults", "async", "loud",   "silent",
                                                         "nomand",   "auto",  "nolazytime"};
constexpr std::array<std::string_view, 2> kRefused{"remount", "mand"};

const FlagRow* find_flag(std::string_view word) {
  const auto found = std::ranges::find(kFlags, word, &FlagRow::word);
  return found == kFlags.end() ? nullptr : &*found;
}

void apply(std::uint64_t& set, std::uint64_t& clear, const FlagRow& row) {
  set = (set & ~row.clear) | row.set;
  clear = (clear & ~row.set) | row.clear;
}

bool take_flag(MountOptions& options, std::string_view word) {
  if (const FlagRow* row = find_flag(word)) {
    apply(options.set, options.clear, *row);
    return true;
  }
  const FlagRow* row = word.starts_with('r') ? find_flag(word.substr(1)) : nullptr;
  if (row == nullptr) return false;
  apply(options.recursive_set, options.recursive_clear, *row);
  return true;
}

bool take_other(MountOptions& options, std::string_view word) {
  if (word == "bind" || word == "rbind") {
    options.bind = true;
    options.recursive_bind = word == "rbind";
    return true;
  }
  if (word == "tmpcopyup") return options.copy_up = true;
  if (word == "idmap" || word == "ridmap") {
    options.id_mapped = true;
    options.recursive_id_map = word == "ridmap";
    return true;
  }
  const auto found = std::ranges::find(kPropagation, word, &PropagationRow::word);
  if (found != kPropagation.end()) options.propagation = found->value;
  return found != kPropagation.end() || std::ranges::find(kWithoutEffect, word) != kWithoutEffect.end();
}

MountOption data_option(std::string_view word) {
  if (const auto parts = cut(word, '='))
    return {.key = std::string(parts->before), .value = std::string(parts->after)};
  return {.key = std::string(word), .value = {}, .is_flag = true};
}

}  // namespace

Result<MountOptions> parse_mount_options(const std::vector<std::string>& words) {
  MountOptions options;
  for (const std::string& word : words) {
    if (word.empty() || take_flag(options, word) || take_other(options, word)) continue;
    if (std::ranges::find(kRefused, word) != kRefused.end())
      return Error(ErrorKind::Unsupported, fmt::format("mount option {} is not supported", word));
    options.data.push_back(data_option(word));
  }
  return options;
}

}  // namespace wherry::sys
