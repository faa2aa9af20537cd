#include "sys/mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace wherry::sys {
namespace {

// The kernel queues messages ("e overlay: ...") on the fsopen descriptor; read(2) takes one
// at a time and fails with ENODATA after the last.
std::string explanation_of(const Fd& context) {
  std::array<char, 512> line{};
  std::string all;
  for (int count = 0; count < 8; ++count) {
    const ssize_t length = ::read(context.get(), line.data(), line.size());
    if (length <= 0) break;
    std::string_view text(line.data(), static_cast<std::size_t>(length));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.remove_suffix(1);
    if (text.size() > 2 && text[1] == ' ') text.remove_prefix(2);
    all += all.empty() ? "" : "; ";
    all += text;
  }
  return all;
}

Error context_error(const Fd& context, int error, const std::string& what) {
  const std::string explanation = explanation_of(context);
  return Error::from_errno(error, explanation.empty() ? what : what + " (" + explanation + ")");
}

}  // namespace

Result<DetachedMount> DetachedMount::create(const std::string& type,
                                            const std::vector<MountOption>& options,
                                            std::uint64_t attributes) {
  const Fd context(::fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!context) return Error::from_errno(errno, fmt::format("open file system {}", type));
  for (const MountOption& option : options) {
    const unsigned command = option.is_flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    const char* value = option.is_flag ? nullptr : option.value.c_str();
    if (::fsconfig(context.get(), command, option.key.c_str(), value, 0) < 0)
      return context_error(context, errno, fmt::format("{}: option {}", type, option.key));
  }
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
    return context_error(context, errno, fmt::format("create {}", type));
  Fd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount) return context_error(context, errno, fmt::format("mount {}", type));
  return DetachedMount(std::move(mount));
}

Result<DetachedMount> DetachedMount::clone(const Fd& directory, const std::string& path,
                                           Recursive recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (path.empty()) flags |= AT_EMPTY_PATH;
  if (recursive == Recursive::Yes) flags |= AT_RECURSIVE;
  Fd mount(::open_tree(directory ? directory.get() : AT_FDCWD, path.c_str(), flags));
  if (!mount) return Error::from_errno(errno, fmt::format("copy mount {}", path));
  return DetachedMount(std::move(mount));
}

Result<> DetachedMount::change(Attributes attributes) const {
  mount_attr wanted{.attr_set = attributes.set,
                    .attr_clr = attributes.clear,
                    .propagation = attributes.propagation,
                    .userns_fd = 0};
  const unsigned flags =
      AT_EMPTY_PATH | (attributes.recursive == Recursive::Yes ? AT_RECURSIVE : 0U);
  if (::mount_setattr(fd_.get(), "", flags, &wanted, sizeof wanted) < 0)
    return Error::from_errno(errno, "change mount attributes");
  return {};
}

Result<> DetachedMount::map_ids(const Fd& user_namespace, Recursive recursive) const {
  mount_attr wanted{.attr_set = MOUNT_ATTR_IDMAP,
                    .attr_clr = 0,
                    .propagation = 0,
                    .userns_fd = static_cast<std::uint64_t>(user_namespace.get())};
  const unsigned flags = AT_EMPTY_PATH | (recursive == Recursive::Yes ? AT_RECURSIVE : 0U);
  if (::mount_setattr(fd_.get(), "", flags, &wanted, sizeof wanted) == 0) return {};
  const int reason = errno;
  if (reason == EINVAL || reason == EPERM)
    return Error(ErrorKind::Unsupported, reason, "the file system cannot show other ids (idmapped mounts)");
  return Error::from_errno(reason, "map the ids of a mount");
}

Result<> DetachedMount::attach(const Fd& target) const {
  if (::move_mount(fd_.get(), "", target.get(), "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return Error::from_errno(errno, "attach mount");
  return {};
}

Result<> unmount_detach(const std::string& path) {
  if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
    return Error::from_errno(errno, fmt::format("unmount {}", path));
  return {};
}

}  // namespace wherry::sys
