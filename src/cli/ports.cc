#include "cli/ports.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/strings.h"
#include "cli/json_access.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

struct Port {
  std::string ip;
  std::int64_t inner;
  std::int64_t outer;
  std::string type;
};

struct Group {
  std::string ip;  // "" for a port that is not published
  std::string type;
  std::int64_t first;
  std::int64_t last;
};

std::vector<Port> sorted_ports(const bj::value& ports) {
  std::vector<Port> sorted;
  for (const bj::value& port : elements(ports)) {
    sorted.push_back({.ip = text_at(port, "IP"),
                      .inner = number_at(port, "PrivatePort"),
                      .outer = number_at(port, "PublicPort"),
                      .type = text_at(port, "Type")});
  }
  std::ranges::stable_sort(sorted, {}, [](const Port& port) {
    return std::tie(port.inner, port.ip, port.outer, port.type);
  });
  return sorted;
}

std::string group_text(const Group& group) {
  const std::string range = group.first == group.last
                                ? fmt::format("{}", group.first)
                                : fmt::format("{}-{}", group.first, group.last);
  if (group.ip.empty()) return fmt::format("{}/{}", range, group.type);
  return fmt::format("{}:{}->{}/{}", group.ip, range, range, group.type);
}

}  // namespace

std::string displayable_ports(const bj::value& ports) {
  std::vector<std::string> texts;
  std::vector<std::string> mappings;
  std::vector<Group> groups;
  for (const Port& port : sorted_ports(ports)) {
    if (!port.ip.empty() && port.outer != port.inner) {
      const bool v6 = port.ip.find(':') != std::string::npos;
      mappings.push_back(fmt::format("{}{}{}:{}->{}/{}", v6 ? "[" : "", port.ip, v6 ? "]" : "",
                                     port.outer, port.inner, port.type));
      continue;
    }
    const auto same = std::ranges::find_if(
        groups, [&](const Group& group) { return group.ip == port.ip && group.type == port.type; });
    if (same == groups.end()) {
      groups.push_back({port.ip, port.type, port.inner, port.inner});
    } else if (port.inner == same->last + 1) {
      same->last = port.inner;
    } else {
      texts.push_back(group_text(*same));
      same->first = same->last = port.inner;
    }
  }
  for (const Group& group : groups) texts.push_back(group_text(group));
  texts.insert(texts.end(), mappings.begin(), mappings.end());
  return join(texts, ", ");
}

std::map<std::string, std::vector<std::string>> parse_filters(
    const std::vector<std::string>& values) {
  std::map<std::string, std::vector<std::string>> filters;
  for (const std::string& value : values) {
    const auto pair = cut(value, '=');
    if (pair) filters[to_lower(trim(pair->before))].emplace_back(trim(pair->after));
  }
  return filters;
}

}  // namespace wherry::cli
