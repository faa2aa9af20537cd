#include "engine/mount_request.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/strings.h"
#include "engine/unavailable.h"
#include "sys/id_map.h"
#include "volume/volumes.h"

namespace wherry::engine {
namespace {

using spec::docker::items;
using spec::docker::Mount;

constexpr std::array<std::string_view, 6> kPropagations = {"private", "rprivate", "shared",
                                                           "rshared", "slave", "rslave"};
constexpr std::array<std::string_view, 3> kConsistencies = {"consistent", "cached", "delegated"};

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// Go's path.Clean for an absolute path.
std::string clean_path(std::string_view path) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(path, '/')) {
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
  }
  return "/" + join(parts, "/");
}

Result<std::string> checked_target(const std::string& target) {
  if (target.empty()) return Error::invalid("field Target must not be empty");
  if (!target.starts_with('/'))
    return Error::invalid(fmt::format("invalid mount path: '{}' mount path must be absolute", target));
  std::string clean = clean_path(target);
  if (clean == "/") return Error::invalid("invalid specification: destination can't be '/'");
  return clean;
}

struct BindMode {
  bool read_only = false;
  bool no_copy = false;
  std::string propagation;  // "": none was asked for
  std::string id_map;       // "": none
};

// Each kind of word at most once, as docker has it. z and Z relabel for SELinux, the
// consistencies speed up Docker Desktop: no effect here, as on a Linux host without SELinux.
std::optional<BindMode> parse_mode_words(std::string_view mode) {
  BindMode parsed;
  std::array<int, 6> seen{};
  for (const std::string_view word : split(mode, ',')) {
    std::size_t kind = 0;
    if (word == "ro" || word == "rw") {
      parsed.read_only = word == "ro";
    } else if (is_one_of(kPropagations, word)) {
      kind = 1;
      parsed.propagation = word;
    } else if (word == "z" || word == "Z") {
      kind = 2;
    } else if (word == "nocopy") {
      kind = 3;
      parsed.no_copy = true;
    } else if (is_one_of(kConsistencies, word)) {
      kind = 4;
    } else if (word == "idmap" || word.starts_with("idmap=")) {
      kind = 5;
      parsed.id_map = word == "idmap" ? "owner" : word.substr(std::strlen("idmap="));
    } else {
      return std::nullopt;
    }
    if (++seen.at(kind) > 1) return std::nullopt;
  }
  return parsed;
}

// Not docker's: the wish of moby's issue 2259, ownership without chown.
Result<> check_id_map(const std::string& text) {
  if (!text.empty() && text != "owner") TRY(sys::parse_id_maps(text));
  return {};
}

Result<BindMode> parse_bind_mode(std::string_view mode) {
  if (mode.empty()) return BindMode{};
  const auto parsed = parse_mode_words(mode);
  if (!parsed) return Error::invalid(fmt::format("invalid mode: {}", mode));
  TRY(check_id_map(parsed->id_map));
  return *parsed;
}

ContainerMount make_bind(std::string source, std::string target, const BindMode& mode) {
  ContainerMount mount;
  mount.point.type = "bind";
  mount.point.source = std::move(source);
  mount.point.destination = std::move(target);
  mount.point.rw = !mode.read_only;
  mount.id_map = mode.id_map;
  mount.point.propagation = mode.propagation.empty() ? "rprivate" : mode.propagation;
  mount.options = {"rbind", mount.point.propagation, mode.read_only ? "ro" : "rw"};
  return mount;
}

struct VolumeUse {
  std::string name;  // "": anonymous
  std::string target;
  std::string driver;
  BindMode mode;
};

ContainerMount make_volume(VolumeUse use) {
  ContainerMount mount;
  mount.point.type = "volume";
  mount.anonymous = use.name.empty();
  mount.point.name = use.name.empty() ? random_hex(32) : std::move(use.name);
  mount.point.destination = std::move(use.target);
  mount.point.driver = use.driver.empty() ? "local" : std::move(use.driver);
  mount.point.rw = !use.mode.read_only;
  mount.options = {"rbind", "rprivate", use.mode.read_only ? "ro" : "rw"};
  mount.copy_up = !use.mode.no_copy;
  if (mount.anonymous) mount.volume_labels.emplace()[volume::kAnonymousLabel] = "";
  return mount;
}

Error invalid_mount(const Mount& mount, std::string_view why) {
  return Error::invalid(fmt::format("invalid mount config for type \"{}\": {}", mount.type, why));
}

Result<ContainerMount> resolve_bind_mount(const Mount& mount) {
  if (mount.source.empty()) return invalid_mount(mount, "field Source must not be empty");
  if (!mount.source.starts_with('/'))
    return invalid_mount(mount, fmt::format("invalid mount path: '{}' mount path must be absolute", mount.source));
  BindMode mode{.read_only = mount.read_only};
  const spec::docker::BindOptions options = mount.bind_options.value_or(spec::docker::BindOptions{});
  if (!options.propagation.empty()) {
    if (!is_one_of(kPropagations, options.propagation))
      return invalid_mount(mount, fmt::format("invalid propagation mode: {}", options.propagation));
    mode.propagation = options.propagation;
  }
  if (options.read_only_force_recursive && !mount.read_only)
    return invalid_mount(mount, "mount must be read-only to use ReadOnlyForceRecursive");
  if (auto checked = check_id_map(options.id_map); !checked)
    return invalid_mount(mount, checked.error().message());
  mode.id_map = options.id_map;
  struct stat status {};
  if (!options.create_mountpoint && ::stat(mount.source.c_str(), &status) < 0)
    return invalid_mount(mount, fmt::format("bind source path does not exist: {}", mount.source));
  ContainerMount resolved = make_bind(mount.source, TRY(checked_target(mount.target)), mode);
  resolved.create_source = options.create_mountpoint;
  if (options.non_recursive) resolved.options.front() = "bind";
  if (options.read_only_force_recursive) resolved.options.back() = "rro";
  return resolved;
}

// docker's defaults, each replaced by its opposite or its new value in `extra`.
std::vector<std::string> tmpfs_options(const std::vector<std::string>& extra) {
  std::vector<std::string> options = {"noexec", "nosuid", "nodev"};
  for (const std::string& option : extra) {
    const std::string opposite = option.starts_with("no") ? option.substr(2) : "no" + option;
    std::erase(options, opposite);
    const std::string key = option.substr(0, option.find('='));
    std::erase_if(options, [&](const auto& known) { return known.substr(0, known.find('=')) == key; });
    options.push_back(option);
  }
  return options;
}

ContainerMount make_tmpfs(std::string target, const std::vector<std::string>& extra) {
  ContainerMount mount;
  mount.point.type = "tmpfs";
  mount.point.destination = std::move(target);
  mount.options = tmpfs_options(extra);
  mount.point.rw = std::ranges::find(mount.options, "ro") == mount.options.end();
  return mount;
}

Result<ContainerMount> resolve_tmpfs_mount(const Mount& mount) {
  if (!mount.source.empty()) return invalid_mount(mount, "field Source must not be specified");
  std::vector<std::string> extra;
  if (mount.read_only) extra.emplace_back("ro");
  const spec::docker::TmpfsOptions options = mount.tmpfs_options.value_or(spec::docker::TmpfsOptions{});
  if (options.size_bytes < 0) return invalid_mount(mount, "size must be non-negative");
  if (options.size_bytes > 0) extra.push_back(fmt::format("size={}", options.size_bytes));
  if (options.mode != 0) extra.push_back(fmt::format("mode={:o}", options.mode));
  for (const auto& words : options.options.value_or(std::vector<std::vector<std::string>>{}))
    extra.push_back(join(words, "="));
  return make_tmpfs(
      TRY_AS("invalid mount config for type \"tmpfs\"", checked_target(mount.target)), extra);
}

// Go's filepath.IsLocal.
bool is_local_path(std::string_view path) {
  if (path.empty() || path.starts_with('/')) return false;
  int depth = 0;
  for (const std::string_view part : split(path, '/')) {
    if (part == "..") --depth;
    else if (!part.empty() && part != ".") ++depth;
    if (depth < 0) return false;
  }
  return true;
}

Result<ContainerMount> resolve_volume_mount(const Mount& mount) {
  if (mount.bind_options) return invalid_mount(mount, "field BindOptions must not be specified");
  if (mount.source.empty() && mount.read_only)
    return invalid_mount(mount, "must not set ReadOnly mode when using anonymous volumes");
  const auto options = mount.volume_options.value_or(spec::docker::VolumeOptions{});
  if (!options.subpath.empty() && !is_local_path(options.subpath))
    return invalid_mount(mount, "subpath must be a relative path within the volume");
  auto target = checked_target(mount.target);
  if (!target) return invalid_mount(mount, target.error().message());
  const auto driver = options.driver_config.value_or(spec::docker::VolumeDriverConfig{});
  ContainerMount made = make_volume({.name = mount.source,
                                     .target = std::move(*target),
                                     .driver = driver.name,
                                     .mode = {.read_only = mount.read_only, .no_copy = options.no_copy, .propagation = ""}});
  made.point.mode = "z";
  made.subpath = options.subpath;
  if (driver.options && !driver.options->empty()) made.volume_options = driver.options;
  for (const auto& [key, value] : items(options.labels)) {
    if (!made.volume_labels) made.volume_labels.emplace();
    made.volume_labels->try_emplace(key, value);
  }
  return made;
}

// Read-only whatever is asked for, as with docker.
Result<ContainerMount> resolve_image_mount(const Mount& mount) {
  if (mount.source.empty()) return invalid_mount(mount, "field Source must not be empty");
  if (mount.bind_options) return invalid_mount(mount, "field BindOptions must not be specified");
  if (mount.volume_options) return invalid_mount(mount, "field VolumeOptions must not be specified");
  const std::string subpath = mount.image_options ? mount.image_options->subpath : "";
  if (!subpath.empty() && !is_local_path(subpath))
    return invalid_mount(mount, "subpath must be a relative path within the volume");
  ContainerMount made;
  made.point.type = "image";
  made.point.name = mount.source;
  made.point.source = mount.source;
  made.point.propagation = "rprivate";
  made.point.destination = TRY(checked_target(mount.target));
  made.subpath = subpath;
  made.options = {"rbind", "rprivate", "ro"};
  return made;
}

Result<ContainerMount> resolve_mount(const Mount& mount) {
  if (mount.type == "bind") return resolve_bind_mount(mount);
  if (mount.type == "tmpfs") return resolve_tmpfs_mount(mount);
  if (mount.type == "volume") return resolve_volume_mount(mount);
  if (mount.type == "image") return resolve_image_mount(mount);
  if (mount.type == "cluster" || mount.type == "npipe")
    return flag_not_available("--mount type=" + mount.type);
  return invalid_mount(mount, "mount type unknown");
}

bool is_at(const std::vector<ContainerMount>& mounts, const std::string& destination) {
  return std::ranges::any_of(
      mounts, [&](const ContainerMount& known) { return known.point.destination == destination; });
}

Result<> add_unique(std::vector<ContainerMount>& mounts, ContainerMount mount) {
  if (is_at(mounts, mount.point.destination))
    return Error::invalid(fmt::format("Duplicate mount point: {}", mount.point.destination));
  mounts.push_back(std::move(mount));
  return {};
}

Error invalid_bind(const std::string& text, std::string_view type, std::string_view why) {
  return Error::invalid(fmt::format("invalid volume specification: '{}': invalid mount config for type \"{}\": {}",
                                    text, type, why));
}

Result<ContainerMount> make_bind_entry(const std::string& text, std::string_view source, VolumeUse use) {
  if (use.mode.no_copy) return invalid_bind(text, "bind", "field VolumeOptions must not be specified");
  ContainerMount mount = make_bind(clean_path(source), std::move(use.target), use.mode);
  mount.create_source = true;
  return mount;
}

Result<> add_tmpfs(const spec::docker::HostConfig& host, std::vector<ContainerMount>& mounts) {
  for (const auto& [target, options] : items(host.tmpfs)) {
    std::vector<std::string> extra;
    if (!options.empty())
      for (const std::string_view option : split(options, ',')) extra.emplace_back(option);
    ContainerMount mount = make_tmpfs(TRY(checked_target(target)), extra);
    mount.in_host_config_tmpfs = true;
    TRY(add_unique(mounts, std::move(mount)));
  }
  return {};
}

}  // namespace

Result<ContainerMount> parse_bind(const std::string& text, const std::string& volume_driver) {
  const std::vector<std::string_view> parts = split(text, ':');
  const bool has_empty = std::ranges::any_of(parts, [](auto part) { return part.empty(); });
  // "/x:ro" would be an anonymous volume with a mode, which docker does not have.
  const bool mode_without_source = parts.size() == 2 && parse_mode_words(parts[1]).has_value();
  if (parts.empty() || parts.size() > 3 || has_empty || mode_without_source)
    return Error::invalid(fmt::format("invalid volume specification: '{}'", text));
  const std::string mode_text(parts.size() == 3 ? parts[2] : "");
  const BindMode mode = TRY(parse_bind_mode(mode_text));
  const std::string_view source = parts.size() == 1 ? "" : parts[0];
  const std::string_view type = source.starts_with('/') ? "bind" : "volume";
  auto target = checked_target(std::string(parts[parts.size() == 1 ? 0 : 1]));
  if (!target) return invalid_bind(text, type, target.error().message());
  VolumeUse use{.name = std::string(source), .target = std::move(*target), .driver = volume_driver, .mode = mode};
  if (type == "volume" && (!mode.propagation.empty() || !mode.id_map.empty()))
    return invalid_bind(text, type, "field BindOptions must not be specified");
  ContainerMount mount =
      type == "bind" ? TRY(make_bind_entry(text, source, std::move(use))) : make_volume(std::move(use));
  mount.point.mode = mode_text;
  // docker notes the shared SELinux label on what it made itself.
  if (type == "volume" && mode_text.empty()) mount.point.mode = "z";
  return mount;
}

Result<VolumesFrom> parse_volumes_from(const std::string& text) {
  const auto parts = cut(text, ':');
  VolumesFrom from{.container = std::string(parts ? parts->before : std::string_view(text))};
  if (from.container.empty()) return Error::invalid("volumes-from specification cannot be an empty string");
  if (!parts) return from;
  const auto mode = parse_mode_words(parts->after);
  if (!mode || !mode->propagation.empty() || mode->no_copy || !mode->id_map.empty())
    return Error::invalid(fmt::format("invalid mode: {}", parts->after));
  from.read_only = mode->read_only;
  return from;
}

std::vector<ContainerMount> inherit_mounts(const std::vector<ContainerMount>& mounts, const VolumesFrom& from) {
  std::vector<ContainerMount> inherited;
  for (ContainerMount mount : mounts) {
    if (mount.in_host_config_tmpfs) continue;
    mount.point.mode.clear();
    mount.copy_up = false;
    if (from.read_only) {
      mount.point.rw = false;
      std::ranges::replace(mount.options, "rw", "ro");
    }
    inherited.push_back(std::move(mount));
  }
  return inherited;
}

Result<std::vector<ContainerMount>> resolve_mounts(const MountSources& sources) {
  const spec::docker::HostConfig& host = sources.host_config;
  std::vector<ContainerMount> mounts;
  for (const std::string& bind : items(host.binds))
    TRY(add_unique(mounts, TRY(parse_bind(bind, host.volume_driver))));
  for (const Mount& mount : host.mounts.value_or(std::vector<Mount>{}))
    TRY(add_unique(mounts, TRY(resolve_mount(mount))));
  TRY(add_tmpfs(host, mounts));
  // Of several --volumes-from the last one wins.
  std::vector<ContainerMount> inherited;
  for (const ContainerMount& mount : sources.inherited) {
    if (is_at(mounts, mount.point.destination)) continue;
    std::erase_if(inherited, [&](const auto& known) { return known.point.destination == mount.point.destination; });
    inherited.push_back(mount);
  }
  mounts.insert(mounts.begin(), inherited.begin(), inherited.end());
  if (!sources.volumes) return mounts;
  for (const auto& [target, nothing] : *sources.volumes) {
    const std::string clean = TRY(checked_target(target));
    if (!is_at(mounts, clean)) mounts.push_back(make_volume({.name = "", .target = clean, .driver = host.volume_driver, .mode = {}}));
  }
  return mounts;
}

}  // namespace wherry::engine
