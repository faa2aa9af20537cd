#include "snapshot/layout.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"

namespace wherry::snapshot {
namespace {

constexpr std::uint64_t kFormat = 1;
constexpr const char* kDriverFile = "driver";

}  // namespace

Result<sys::Fd> make_directory_at(const sys::Fd& parent, const std::string& name, unsigned mode) {
  if (::mkdirat(parent.get(), name.c_str(), mode) < 0 && errno != EEXIST)
    return Error::from_errno(errno, fmt::format("mkdir {}", name));
  return sys::open_at(parent, name.c_str(), kDirectory);
}

Result<> sync_directory(const sys::Fd& directory) {
  if (::fsync(directory.get()) < 0) return Error::from_errno(errno, "sync directory");
  return {};
}

Result<> sync_file_system(const sys::Fd& directory) {
  if (::syncfs(directory.get()) < 0) return Error::from_errno(errno, "sync file system");
  return {};
}

Result<std::string> driver_of(const std::string& path) {
  const std::string file = fmt::format("{}/{}", path, kDriverFile);
  const auto text = sys::read_file(file.c_str(), 4096);
  if (!text && text.error().kind() == ErrorKind::NotFound) return std::string();
  if (!text) return std::unexpected(text.error());
  const auto parts = cut(trim(*text), ' ');
  const auto version = parts ? parse_u64(parts->after) : std::nullopt;
  if (!version) return Error::internal(fmt::format("{} is damaged", file));
  if (*version > kFormat)
    return Error(ErrorKind::Unsupported,
                 fmt::format("snapshots in {} have format {}, this wherryd {} knows up to {}", path,
                             *version, WHERRY_VERSION, kFormat));
  return std::string(parts->before);
}

Result<> forget_driver(const std::string& path) {
  const std::string file = fmt::format("{}/{}", path, kDriverFile);
  if (::unlink(file.c_str()) < 0) return Error::from_errno(errno, fmt::format("remove {}", file));
  return {};
}

Result<Layout> open_layout(const std::string& path, std::string_view driver) {
  TRY(sys::make_directories(path, 0700));
  Layout layout;
  layout.path = path;
  layout.root = TRY(sys::open_at({}, path.c_str(), kDirectory));
  const std::string found = TRY(driver_of(path));
  if (found.empty()) {
    TRY(sys::replace_file_at(layout.root, kDriverFile, fmt::format("{} {}\n", driver, kFormat),
                             0600, sys::Durable::Yes));
  } else if (found != driver) {
    return Error(
        ErrorKind::Unsupported,
        fmt::format("snapshots in {} were made by driver {}, not {}", path, found, driver));
  }
  layout.layers = TRY(make_directory_at(layout.root, "layers", 0700));
  layout.drafts = TRY(make_directory_at(layout.root, "drafts", 0700));
  layout.containers = TRY(make_directory_at(layout.root, "containers", 0700));
  layout.trash = TRY(make_directory_at(layout.root, "trash", 0700));
  layout.spares = TRY(make_directory_at(layout.root, "spares", 0700));
  sys::spread_new_directories(layout.drafts);
  sys::spread_new_directories(layout.spares);
  sys::spread_new_directories(layout.containers);
  return layout;
}

}  // namespace wherry::snapshot
