// What systemd is asked for where it manages a container's control group: the name of a scope, and its
// properties made of the config's limits (org.freedesktop.systemd1(5), systemd.resource-control(5)).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/resources.h"
#include "sys/dbus.h"

namespace wherry::runtime {

struct UnitName {
  std::string slice;  // "system.slice"
  std::string scope;  // "libpod-4f1e.scope"
};

// linux.cgroupsPath in the form that runc defined, "slice:prefix:name": scope "prefix-name.scope" below
// the slice, system.slice where it is empty. An empty path is the container's id below system.slice.
// InvalidArgument for what is no name of systemd's (systemd.unit(5)).
Result<UnitName> unit_name(std::string_view cgroups_path, std::string_view id);

struct UnitProperty {
  std::string name;
  sys::DbusValue value;
  bool operator==(const UnitProperty&) const = default;
};
using UnitProperties = std::vector<UnitProperty>;

// Those of `writes` that systemd has a property for. It writes them as well, and again with every
// daemon-reload: what it does not know of it would take back.
Result<UnitProperties> unit_limits(const std::vector<CgroupWrite>& writes);

// Annotations "org.systemd.property.NAME": the value in GVariant's text form, of the types of
// DbusValue ("true", "'text'", "5", "uint64 5", "['a', 'b']"). As with runc a NAME that ends in "Sec" and a
// number give NAME with USec, in microseconds. InvalidArgument names the annotation.
Result<UnitProperties> annotated_properties(const std::map<std::string, std::string>& annotations);

}  // namespace wherry::runtime
