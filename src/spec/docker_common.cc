#include "spec/docker_common.h"

#include "spec/json.h"

#include <boost/json.hpp>

namespace wherry::spec::docker {

json::Value to_json(const Nothing& /*nothing*/) { return boost::json::object(); }

// Go decodes any object into struct{}, and null leaves it as it is.
Result<> from_json(const json::Value& value, Nothing& /*nothing*/) {
  if (value.is_object() || value.is_null()) return {};
  return Error::invalid("want an object");
}

json::Value to_json(const Command& command) {
  return json::to_value(static_cast<const Strings&>(command));
}

Result<> from_json(const json::Value& value, Command& command) {
  if (value.is_string()) {
    command = Command(Strings({std::string(value.get_string())}));
    return {};
  }
  return json::assign(value, static_cast<Strings&>(command));
}

json::Value to_json(const ConsoleSize& size) {
  return boost::json::array{size.height, size.width};
}

// Go fills a [2]uint leniently: missing elements are zero, further ones are dropped.
Result<> from_json(const json::Value& value, ConsoleSize& size) {
  const auto numbers = TRY(json::from_value<std::vector<std::uint32_t>>(value));
  size.height = !numbers.empty() ? numbers[0] : 0;
  size.width = numbers.size() > 1 ? numbers[1] : 0;
  return {};
}

}  // namespace wherry::spec::docker
