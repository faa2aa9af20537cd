#include "engine/mount_request.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "engine/names.h"
#include "engine/unavailable.h"

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
  std::string propagation = "rprivate";
};

Result<BindMode> parse_bind_mode(std::string_view mode) {
  BindMode parsed;
  if (mode.empty()) return parsed;
  bool access_seen = false;
  bool propagation_seen = false;
  for (const std::string_view word : split(mode, ',')) {
    if ((word == "ro" || word == "rw") && !access_seen) {
      access_seen = true;
      parsed.read_only = word == "ro";
    } else if (is_one_of(kPropagations, word) && !propagation_seen) {
      propagation_seen = true;
      parsed.propagation = word;
    } else if (word != "z" && word != "Z" && !is_one_of(kConsistencies, word)) {
      // z and Z relabel for SELinux, the consistencies speed up Docker Desktop: no effect here,
      // as on a Linux host without SELinux.
      return Error::invalid(fmt::format("invalid mode: {}", mode));
    }
  }
  return parsed;
}

ContainerMount make_bind(std::string source, std::string target, const BindMode& mode) {
  ContainerMount mount;
  mount.point.type = "bind";
  mount.point.source = std::move(source);
  mount.point.destination = std::move(target);
  mount.point.rw = !mode.read_only;
  mount.point.propagation = mode.propagation;
  mount.options = {"rbind", mode.propagation, mode.read_only ? "ro" : "rw"};
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

Result<ContainerMount> resolve_mount(const Mount& mount) {
  if (mount.type == "bind") return resolve_bind_mount(mount);
  if (mount.type == "tmpfs") return resolve_tmpfs_mount(mount);
  if (mount.type == "volume" || mount.type == "image" || mount.type == "cluster" || mount.type == "npipe")
    return flag_not_available("--mount type=" + mount.type);
  return invalid_mount(mount, "mount type unknown");
}

Result<> add_unique(std::vector<ContainerMount>& mounts, ContainerMount mount) {
  const auto same = [&](const ContainerMount& known) {
    return known.point.destination == mount.point.destination;
  };
  if (std::ranges::any_of(mounts, same))
    return Error::invalid(fmt::format("Duplicate mount point: {}", mount.point.destination));
  mounts.push_back(std::move(mount));
  return {};
}

ContainerMount make_anonymous_volume(const std::string& target, const std::string& directory) {
  ContainerMount mount;
  mount.point.type = "volume";
  mount.point.name = random_hex(32);
  mount.point.source = fmt::format("{}/{}/_data", directory, mount.point.name);
  mount.point.destination = target;
  mount.point.driver = "local";
  mount.point.rw = true;
  mount.options = {"rbind", "rprivate", "rw"};
  mount.copy_up = true;
  return mount;
}

// A source that is no path names a volume, and those come with a later version.
Error volume_name_error(std::string_view name) {
  if (checked_name(name)) return flag_not_available(fmt::format("--volume {}:...", name));
  return Error::invalid(fmt::format(
      "create {0}: \"{0}\" includes invalid characters for a local volume name, only "
      "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use "
      "absolute path",
      name));
}

Error invalid_bind(const std::string& text, const Error& cause) {
  return Error::invalid(fmt::format("invalid volume specification: '{}': invalid mount config for type \"bind\": {}",
                                    text, cause.message()));
}

}  // namespace

Result<ContainerMount> parse_bind(const std::string& text) {
  const std::vector<std::string_view> parts = split(text, ':');
  const bool has_empty = std::ranges::any_of(parts, [](auto part) { return part.empty(); });
  if (parts.empty() || parts.size() > 3 || has_empty)
    return Error::invalid(fmt::format("invalid volume specification: '{}'", text));
  if (parts.size() == 1) return flag_not_available("--volume " + text);
  if (!parts[0].starts_with('/')) return volume_name_error(parts[0]);
  const auto mode = parse_bind_mode(parts.size() == 3 ? parts[2] : "");
  if (!mode) return invalid_bind(text, mode.error());
  auto target = checked_target(std::string(parts[1]));
  if (!target) return invalid_bind(text, target.error());
  ContainerMount mount = make_bind(clean_path(parts[0]), std::move(*target), *mode);
  if (parts.size() == 3) mount.point.mode = std::string(parts[2]);
  mount.create_source = true;
  return mount;
}

Result<std::vector<ContainerMount>> resolve_mounts(const spec::docker::HostConfig& host,
                                                   const spec::docker::StringSet& image_volumes,
                                                   const std::string& volumes_directory) {
  std::vector<ContainerMount> mounts;
  for (const std::string& bind : items(host.binds)) TRY(add_unique(mounts, TRY(parse_bind(bind))));
  for (const Mount& mount : host.mounts.value_or(std::vector<Mount>{}))
    TRY(add_unique(mounts, TRY(resolve_mount(mount))));
  for (const auto& [target, options] : items(host.tmpfs)) {
    std::vector<std::string> extra;
    if (!options.empty())
      for (const std::string_view option : split(options, ',')) extra.emplace_back(option);
    ContainerMount mount = make_tmpfs(TRY(checked_target(target)), extra);
    mount.in_host_config_tmpfs = true;
    TRY(add_unique(mounts, std::move(mount)));
  }
  if (!image_volumes) return mounts;
  for (const auto& [target, nothing] : *image_volumes) {
    const std::string clean = TRY(checked_target(target));
    const auto replaced = [&](const auto& mount) { return mount.point.destination == clean; };
    if (std::ranges::none_of(mounts, replaced))
      mounts.push_back(make_anonymous_volume(clean, volumes_directory));
  }
  return mounts;
}

}  // namespace wherry::engine
