#include "runtime/user.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/strings.h"
#include "sys/path.h"

namespace wherry::runtime {
namespace {

constexpr std::size_t kMaximumFileBytes = 1 << 20;
constexpr std::size_t kMaximumNamedGroups = 4096;
constexpr std::uint64_t kMaximumId = 2147483647;

struct PasswdLine {
  std::string_view name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string_view home;
};
struct GroupLine {
  std::string_view name;
  std::uint32_t gid = 0;
  std::string_view members;
};

std::optional<std::uint32_t> parse_id(std::string_view text) {
  const auto number = parse_u64(text);
  if (!number || *number > kMaximumId) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::vector<std::string_view> fields_of(std::string_view line) { return split(trim(line), ':'); }

// "name:password:uid:gid:gecos:home:shell"; lines of another shape are passed over.
std::optional<PasswdLine> parse_passwd(std::string_view line) {
  const auto fields = fields_of(line);
  if (fields.size() < 4) return std::nullopt;
  const auto uid = parse_id(fields[2]);
  const auto gid = parse_id(fields[3]);
  if (!uid || !gid) return std::nullopt;
  return PasswdLine{fields[0], *uid, *gid, fields.size() > 5 ? fields[5] : std::string_view()};
}

// "name:password:gid:member,member"
std::optional<GroupLine> parse_group(std::string_view line) {
  const auto fields = fields_of(line);
  if (fields.size() < 3) return std::nullopt;
  const auto gid = parse_id(fields[2]);
  if (!gid) return std::nullopt;
  return GroupLine{fields[0], *gid, fields.size() > 3 ? fields[3] : std::string_view()};
}

bool has_member(const GroupLine& group, std::string_view user) {
  if (user.empty()) return false;
  const auto members = split(group.members, ',');
  return std::ranges::find(members, user) != members.end();
}

Error out_of_range() {
  return Error::invalid(fmt::format("uids and gids must be in range 0-{}", kMaximumId));
}

// A number, whatever its size: decides whether an unknown name is an id or a mistake.
bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// The first line whose name is `wanted`, or whose id is, when it is a number.
std::optional<PasswdLine> find_user(std::string_view passwd, std::string_view wanted) {
  const auto number = parse_id(wanted);
  for (const std::string_view line : split(passwd, '\n')) {
    const auto user = parse_passwd(line);
    if (user && (user->name == wanted || (number && user->uid == *number))) return user;
  }
  return std::nullopt;
}

Result<std::uint32_t> find_group(std::string_view group_file, std::string_view wanted) {
  for (const std::string_view line : split(group_file, '\n')) {
    const auto group = parse_group(line);
    if (group && group->name == wanted) return group->gid;
  }
  if (const auto number = parse_id(wanted)) return *number;
  if (is_number(wanted)) return out_of_range();
  return Error::invalid(
      fmt::format("unable to find group {}: no matching entries in group file", wanted));
}

Result<> set_user(const AccountFiles& files, std::string_view wanted, ResolvedUser& result) {
  if (const auto line = find_user(files.passwd, wanted.empty() ? "0" : wanted)) {
    result.uid = line->uid;
    result.gid = line->gid;
    result.name = line->name;
    if (!line->home.empty()) result.home = line->home;
    return {};
  }
  if (wanted.empty()) return {};
  if (const auto number = parse_id(wanted)) {
    result.uid = *number;
    return {};
  }
  if (is_number(wanted)) return out_of_range();
  return Error::invalid(
      fmt::format("unable to find user {}: no matching entries in passwd file", wanted));
}

void add_memberships(const AccountFiles& files, ResolvedUser& result) {
  for (const std::string_view line : split(files.group, '\n')) {
    const auto group = parse_group(line);
    if (group && has_member(*group, result.name) &&
        result.additional_gids.size() < kMaximumNamedGroups)
      result.additional_gids.push_back(group->gid);
  }
}

void sort_unique(std::vector<std::uint32_t>& gids) {
  std::ranges::sort(gids);
  const auto doubles = std::ranges::unique(gids);
  gids.erase(doubles.begin(), doubles.end());
}

// Never blocks on a fifo and never reads a device: only what fstat says is a plain file.
Result<std::string> read_account_file(const sys::Fd& root, const char* path) {
  auto file = sys::open_in_root(root, path, {.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY});
  if (!file) {
    const int error = file.error().errno_value();
    if (error == ENOENT || error == ENOTDIR || error == ELOOP) return std::string();
    return std::unexpected(std::move(file).error());
  }
  struct stat status {};
  if (::fstat(file->get(), &status) < 0) return Error::from_errno(errno, path);
  if (!S_ISREG(status.st_mode))
    return Error::invalid(fmt::format("{} of the image is not a regular file", path));
  return sys::read_all(*file, kMaximumFileBytes);
}

}  // namespace

Result<ResolvedUser> resolve_user(const AccountFiles& files, std::string_view user,
                                  const std::vector<std::string>& group_add) {
  ResolvedUser result;
  const auto parts = cut(user, ':');
  const std::string_view name = parts ? parts->before : user;
  const std::string_view group = parts ? parts->after : std::string_view();
  TRY(set_user(files, name, result));
  if (group.empty()) add_memberships(files, result);
  else result.gid = TRY(find_group(files.group, group));
  for (const std::string& extra : group_add)
    result.additional_gids.push_back(TRY(find_group(files.group, extra)));
  // CVE-2022-36109: without the primary group in the list, a negative group permission of the
  // file system could be got round.
  result.additional_gids.push_back(result.gid);
  sort_unique(result.additional_gids);
  return result;
}

Result<ResolvedUser> resolve_user(const sys::Fd& root, std::string_view user,
                                  const std::vector<std::string>& group_add) {
  AccountFiles files;
  files.passwd = TRY(read_account_file(root, "/etc/passwd"));
  files.group = TRY(read_account_file(root, "/etc/group"));
  return resolve_user(files, user, group_add);
}

}  // namespace wherry::runtime
