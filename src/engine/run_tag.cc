#include "engine/run_tag.h"

#include "base/strings.h"
#include "spec/json.h"
#include "spec/json.h"

namespace wherry::engine {

std::string encode_run_tag(const RunTag& tag) {
  return tag.endpoints.empty() ? tag.cgroup : tag.cgroup + "\n" + json::write(tag.endpoints);
}

RunTag decode_run_tag(std::string_view text) {
  const auto parts = cut(text, '\n');
  if (!parts) return {.cgroup = std::string(text), .endpoints = {}};
  RunTag tag{.cgroup = std::string(parts->before), .endpoints = {}};
  if (auto endpoints = json::parse<spec::docker::EndpointMap>(parts->after)) tag.endpoints = std::move(*endpoints);
  return tag;
}

}  // namespace wherry::engine
