// --device: host nodes and CDI names.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace wherry::cli {

struct DeviceOptions {
  boost::json::array devices;   // HostConfig.Devices
  boost::json::array requests;  // HostConfig.DeviceRequests: "vendor.com/class=name"
};
// Each "source[:target[:rwm]]". Errors: "bad format for path: x", "bad mode specified: x",
// "x is not an absolute path".
Result<DeviceOptions> parse_devices(const std::vector<std::string>& values);

}  // namespace wherry::cli
