#include "engine/container_directories.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "sys/directory.h"

namespace wherry::engine {
namespace {

// No container's names: an id has only hex digits.
constexpr const char* kTrash = "/.trash";
constexpr const char* kSpare = "/.spare";
constexpr unsigned kPrivateMode = 0700;
constexpr unsigned kMode = 0710;  // docker's
constexpr std::size_t kSpares = 8;
constexpr std::size_t kIdDigits = 64;

bool is_id(std::string_view name) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return name.size() == kIdDigits && std::ranges::all_of(name, is_hex);
}

Result<sys::Fd> make_private(const std::string& path) {
  TRY(sys::make_directories(path, kPrivateMode));
  return sys::open_at({}, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

Result<std::unique_ptr<ContainerDirectories>> ContainerDirectories::open(const std::string& root) {
  TRY(sys::make_directories(root, 0711));
  sys::Fd directory = TRY(sys::open_at({}, root.c_str(), O_RDONLY | O_DIRECTORY));
  auto opened = std::unique_ptr<ContainerDirectories>(
      new ContainerDirectories(root, std::move(directory)));
  sys::Spares spares{.shelf = TRY(make_private(root + kSpare)), .keep = kSpares, .mode = kMode};
  sys::spread_new_directories(spares.shelf);
  opened->reaper_ =
      std::make_unique<sys::Reaper>(TRY(make_private(root + kTrash)), std::move(spares));
  return opened;
}

Result<> ContainerDirectories::create(const ContainerId& id) {
  TRY_AS(fmt::format("directory of container {}", id.short_form()),
         reaper_->place(directory_, id.str()));
  return {};
}

Result<> ContainerDirectories::discard(const ContainerId& id) {
  return reaper_->discard(directory_, id.str());
}

Result<std::vector<ContainerId>> ContainerDirectories::list() const {
  std::vector<ContainerId> ids;
  for (const std::string& name : TRY(sys::names_in(directory_)))
    if (is_id(name)) ids.emplace_back(name);
  return ids;
}

}  // namespace wherry::engine
