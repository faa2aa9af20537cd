#include "engine/event_filter.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "engine/filters.h"

namespace wherry::engine {
namespace {

using spec::docker::EventMessage;

constexpr std::array<std::string_view, 10> kKeys = {
    "container", "daemon", "event", "image", "label", "network", "plugin", "scope", "type", "volume"};
// Filters that name an object of their own type by id or name.
constexpr std::array<std::string_view, 5> kObjectKeys = {"container", "daemon", "network", "plugin",
                                                         "volume"};

std::string attribute(const EventMessage& event, const std::string& name) {
  const auto found = event.actor.attributes.find(name);
  return found == event.actor.attributes.end() ? "" : found->second;
}

// "exec_create: sh -c x" is matched by "exec_create" too, "health_status: healthy" likewise.
bool action_matches(const std::vector<std::string>& wanted, const std::string& action) {
  if (wanted.empty()) return true;
  const auto parts = cut(action, ':');
  return std::ranges::any_of(wanted, [&](const std::string& value) {
    return value == action || (parts && value == parts->before);
  });
}

bool object_matches(const FilterMap& filters, const std::string& key, const EventMessage& event) {
  const auto& values = filter_values(filters, key);
  if (values.empty()) return true;
  const std::string name = attribute(event, "name");
  return event.type == key && std::ranges::any_of(values, [&](const std::string& value) {
           return event.actor.id.starts_with(value) || name == value;
         });
}

std::string without_tag(const std::string& image) {
  const auto colon = image.rfind(':');
  const auto slash = image.rfind('/');
  const bool tagged = colon != std::string::npos && (slash == std::string::npos || slash < colon);
  return tagged ? image.substr(0, colon) : image;
}

bool image_matches(const FilterMap& filters, const EventMessage& event) {
  const auto& values = filter_values(filters, "image");
  if (values.empty()) return true;
  const std::string image = attribute(event, event.type == "image" ? "name" : "image");
  return std::ranges::any_of(values, [&](const std::string& value) {
    return value == image || value == without_tag(image) ||
           (event.type == "image" && (event.actor.id == value || without_tag(event.actor.id) == value));
  });
}

}  // namespace

Result<EventFilter> EventFilter::create(const FilterMap& filters) {
  TRY(check_filter_keys(filters, kKeys));
  EventFilter filter;
  filter.filters_ = filters;
  return filter;
}

bool EventFilter::takes(const EventMessage& event) const {
  return action_matches(filter_values(filters_, "event"), event.action) &&
         matches_exactly(filters_, "type", event.type) &&
         matches_exactly(filters_, "scope", event.scope) &&
         matches_labels(filters_, "label", event.actor.attributes) &&
         image_matches(filters_, event) &&
         std::ranges::all_of(kObjectKeys, [&](std::string_view key) {
           return object_matches(filters_, std::string(key), event);
         });
}

}  // namespace wherry::engine
