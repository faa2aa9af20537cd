#include "api/router.h"

#include "base/strings.h"

namespace wherry::api {
namespace {

bool is_variable(std::string_view segment) {
  return segment.starts_with('{');
}
bool is_greedy(std::string_view segment) {
  return segment.ends_with("...}");
}
std::string_view variable_name(std::string_view segment) {
  return segment.substr(1, segment.size() - (is_greedy(segment) ? 5 : 2));
}

using Segments = std::span<const std::string_view>;

std::string join_segments(Segments segments) {
  std::string out;
  for (const std::string_view segment : segments) {
    if (!out.empty()) out += '/';
    out += segment;
  }
  return out;
}

// Matches as many segments as `pattern` has, one for one.
bool match_segments(Segments pattern, Segments path,
                    std::map<std::string, std::string>& variables) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_variable(pattern[i])) {
      if (path[i].empty()) return false;
      variables[std::string(variable_name(pattern[i]))] = std::string(path[i]);
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return true;
}

bool match_path(Segments pattern, Segments path, std::map<std::string, std::string>& variables) {
  std::size_t greedy = 0;
  while (greedy < pattern.size() && !is_greedy(pattern[greedy])) ++greedy;
  if (greedy == pattern.size())
    return pattern.size() == path.size() && match_segments(pattern, path, variables);
  if (path.size() < pattern.size()) return false;
  const std::size_t behind = pattern.size() - greedy - 1;
  const Segments taken = path.subspan(greedy, path.size() - greedy - behind);
  if (!match_segments(pattern.first(greedy), path.first(greedy), variables)) return false;
  if (!match_segments(pattern.last(behind), path.last(behind), variables)) return false;
  std::string name = join_segments(taken);
  if (name.empty()) return false;
  variables[std::string(variable_name(pattern[greedy]))] = std::move(name);
  return true;
}

// "v1.44" -> "1.44"; "" if the segment is no version.
std::string_view version_of(std::string_view segment) {
  if (segment.size() < 2 || segment.front() != 'v') return {};
  segment.remove_prefix(1);
  for (const char c : segment)
    if (c != '.' && (c < '0' || c > '9')) return {};
  return segment;
}

Error page_not_found() {
  return Error::not_found("page not found");
}

}  // namespace

Router::Router(std::span<const std::span<const Route>> tables) {
  for (const auto& table : tables)
    for (const Route& route : table) {
      auto segments = split(route.pattern.substr(1), '/');
      const std::string_view first = segments.front();
      entries_[first].push_back({&route, std::move(segments)});
    }
}

Result<Match> Router::match(std::string_view method, std::string_view path) const {
  if (!path.starts_with('/')) return page_not_found();
  std::vector<std::string_view> all = split(path.substr(1), '/');
  Match match;
  Segments segments = all;
  const std::string_view version = version_of(segments.front());
  if (!version.empty()) segments = segments.subspan(1);
  if (segments.empty()) return page_not_found();

  const auto found = entries_.find(segments.front());
  if (found == entries_.end()) return page_not_found();
  for (const Entry& entry : found->second) {
    if (entry.route->method != method) continue;
    match.variables.clear();
    if (!match_path(entry.segments, segments, match.variables)) continue;
    if (!version.empty()) match.version = TRY(negotiate(version));
    match.route = entry.route;
    return match;
  }
  return page_not_found();
}

}  // namespace wherry::api
