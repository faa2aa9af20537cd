#include "sys/mount_info.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/strings.h"
#include "sys/fd.h"

namespace wherry::sys {
namespace {

constexpr std::size_t kMaximumMountInfo = 16U << 20;
// STATX_MNT_ID, Linux >= 5.8.
constexpr unsigned kMountId = 0x1000;

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes blanks, line ends and backslashes of names as "\040".
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
                        is_octal(text[i + 2]) && is_octal(text[i + 3]);
    if (!escape) {
      plain.push_back(text[i]);
      continue;
    }
    plain.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
    i += 3;
  }
  return plain;
}

}  // namespace

std::optional<MountInfo> parse_mount_info(std::string_view line) {
  const auto fields = split(line, ' ');
  if (fields.size() < 7) return std::nullopt;
  const auto id = parse_u64(fields[0]);
  if (!id) return std::nullopt;
  MountInfo mount{.id = *id, .mount_point = unescape(fields[4])};
  for (std::size_t i = 6; i < fields.size() && fields[i] != "-"; ++i) {
    mount.shared = mount.shared || fields[i].starts_with("shared:");
    mount.slave = mount.slave || fields[i].starts_with("master:");
  }
  return mount;
}

Result<MountInfo> mount_of(const std::string& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), 0, kMountId, &status) < 0)
    return Error::from_errno(errno, "stat " + path);
  const std::string text = TRY(read_file("/proc/self/mountinfo", kMaximumMountInfo));
  for (const std::string_view line : split(text, '\n'))
    if (auto mount = parse_mount_info(line); mount && mount->id == status.stx_mnt_id)
      return std::move(*mount);
  return Error::not_found(fmt::format("the mount of {} is gone", path));
}

}  // namespace wherry::sys
