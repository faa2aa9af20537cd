// What /proc/self/mountinfo says of cgroup file systems.
#include <algorithm>
#include <array>

#include "base/strings.h"
#include "sys/cgroup.h"

namespace wherry::sys {
namespace {

constexpr std::array<std::string_view, 13> kControllers{
    "cpu",     "cpuacct",  "cpuset",     "memory", "devices", "freezer", "blkio",
    "pids",    "net_cls",  "net_prio",   "hugetlb", "perf_event", "rdma"};

bool has_option(std::string_view options, std::string_view wanted) {
  const auto list = split(options, ',');
  return std::ranges::find(list, wanted) != list.end();
}

// "36 35 98:0 /root /mount/point rw,noatime shared:1 - cgroup cgroup rw,cpu": spaces in
// paths come as \040, which no cgroup mount has.
struct MountLine {
  std::string_view mount_point;
  std::string_view options;
  std::string_view type;
  std::string_view super_options;
};

std::optional<MountLine> parse_line(std::string_view line) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  const auto front = split(line.substr(0, dash), ' ');
  const auto back = split(line.substr(dash + 3), ' ');
  if (front.size() < 6 || back.size() < 3) return std::nullopt;
  return MountLine{front[4], front[5], back[0], back[2]};
}

}  // namespace

CgroupLayout CgroupLayout::parse(std::string_view mountinfo) {
  CgroupLayout layout;
  for (const std::string_view text : split(mountinfo, '\n')) {
    const auto line = parse_line(text);
    if (!line || (line->type != "cgroup" && line->type != "cgroup2")) continue;
    CgroupHierarchy found;
    found.mount_point = line->mount_point;
    found.unified = line->type == "cgroup2";
    found.read_only = has_option(line->options, "ro") || has_option(line->super_options, "ro");
    if (!found.unified)
      for (const std::string_view name : kControllers)
        if (has_option(line->super_options, name)) found.controllers.emplace_back(name);
    // A named hierarchy (name=systemd) limits nothing; its owner's place in it is kept.
    const bool known = found.unified ? layout.unified() != nullptr
                                     : found.controllers.empty() ||
                                           layout.find(found.controllers[0]) != nullptr;
    if (!known) layout.hierarchies.push_back(std::move(found));
  }
  return layout;
}

Result<CgroupLayout> CgroupLayout::probe() {
  CgroupLayout layout = parse(TRY(read_file("/proc/self/mountinfo", 16U << 20)));
  for (CgroupHierarchy& hierarchy : layout.hierarchies) {
    if (!hierarchy.unified) continue;
    const auto text = read_file((hierarchy.mount_point + "/cgroup.controllers").c_str());
    if (!text) continue;
    for (const std::string_view name : split(trim(*text), ' '))
      if (!name.empty()) hierarchy.controllers.emplace_back(name);
  }
  return layout;
}

const CgroupHierarchy* CgroupLayout::unified() const {
  const auto found = std::ranges::find_if(hierarchies, &CgroupHierarchy::unified);
  return found == hierarchies.end() ? nullptr : &*found;
}

const CgroupHierarchy* CgroupLayout::find(std::string_view controller) const {
  const auto carries = [&](const CgroupHierarchy& hierarchy) {
    return std::ranges::find(hierarchy.controllers, controller) != hierarchy.controllers.end();
  };
  const auto found = std::ranges::find_if(hierarchies, carries);
  if (found != hierarchies.end()) return &*found;
  const bool always_on_v2 =
      controller == "devices" || controller == "freezer" || controller == "kill";
  return always_on_v2 ? unified() : nullptr;
}

CgroupMode CgroupLayout::mode() const {
  const bool v2 = unified() != nullptr;
  const bool v1 = std::ranges::any_of(
      hierarchies, [](const CgroupHierarchy& hierarchy) { return !hierarchy.unified; });
  if (v1) return v2 ? CgroupMode::Hybrid : CgroupMode::V1;
  return v2 ? CgroupMode::V2 : CgroupMode::None;
}

}  // namespace wherry::sys
