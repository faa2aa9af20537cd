#include "engine/run_tag.h"

#include "base/strings.h"
#include "keeper/protocol.h"
#include "spec/docker_host_config_json.h"
#include "spec/docker_network_json.h"
#include "spec/json.h"

namespace wherry::engine {

std::string encode_run_tag(const RunTag& tag) {
  if (tag.endpoints.empty()) return tag.cgroup;
  std::string text = tag.cgroup + "\n" + json::write(tag.endpoints);
  if (tag.ports.empty()) return text;
  const std::string ports = json::write(tag.ports);
  if (text.size() + 1 + ports.size() <= keeper::kTagLimit) text += "\n" + ports;
  return text;
}

RunTag decode_run_tag(std::string_view text) {
  const auto parts = cut(text, '\n');
  if (!parts) return {.cgroup = std::string(text), .endpoints = {}};
  RunTag tag{.cgroup = std::string(parts->before), .endpoints = {}};
  const auto lines = cut(parts->after, '\n');
  const std::string_view first = lines ? lines->before : parts->after;
  if (auto endpoints = json::parse<spec::docker::EndpointMap>(first)) tag.endpoints = std::move(*endpoints);
  if (!lines) return tag;
  if (auto ports = json::parse<spec::docker::PortMap>(lines->after)) tag.ports = std::move(*ports);
  return tag;
}

}  // namespace wherry::engine
