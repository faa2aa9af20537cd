#include "image/glob.h"

#include <cstddef>
#include <optional>

namespace wherry::image {
namespace {

struct Class {
  std::size_t length;  // of the class's text in the pattern
  bool matches;
};

// "[...]" at the start of `pattern` against `c`; nullopt if it is malformed.
std::optional<Class> match_class(std::string_view pattern, char c) {
  std::size_t at = 1;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  const auto member = [&]() -> std::optional<char> {
    if (at < pattern.size() && pattern[at] == '\\') ++at;
    if (at >= pattern.size()) return std::nullopt;
    return pattern[at++];
  };
  for (bool first = true;; first = false) {
    if (at >= pattern.size()) return std::nullopt;
    if (pattern[at] == ']') {
      if (first) return std::nullopt;
      return Class{at + 1, found != negated};
    }
    const auto low = member();
    if (!low) return std::nullopt;
    auto high = low;
    if (at < pattern.size() && pattern[at] == '-') {
      ++at;
      high = member();
      if (!high) return std::nullopt;
    }
    if (*low <= c && c <= *high) found = true;
  }
}

// Length of the pattern's first element if it matches `c`; 0 if it does not.
std::size_t match_one(std::string_view pattern, char c) {
  if (pattern.empty()) return 0;
  if (pattern[0] == '[') {
    const auto match = match_class(pattern, c);
    return match && match->matches && c != '/' ? match->length : 0;
  }
  if (pattern[0] == '?') return c == '/' ? 0 : 1;
  if (pattern[0] == '\\' && pattern.size() > 1) return pattern[1] == c ? 2 : 0;
  return pattern[0] == c ? 1 : 0;
}

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::optional<std::size_t> star;  // the pattern behind the last "*"
  std::size_t star_text = 0;
  while (t < text.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
      continue;
    }
    if (t < text.size()) {
      if (const std::size_t length = match_one(pattern.substr(p), text[t])) {
        p += length;
        ++t;
        continue;
      }
    }
    // Let the last star take one character more, which "/" forbids.
    if (!star || star_text >= text.size() || text[star_text] == '/') return false;
    p = *star;
    t = ++star_text;
  }
  return true;
}

bool is_valid_glob(std::string_view pattern) {
  while (!pattern.empty()) {
    std::size_t length = 1;
    if (pattern[0] == '[') {
      const auto match = match_class(pattern, 'x');
      if (!match) return false;
      length = match->length;
    } else if (pattern[0] == '\\') {
      if (pattern.size() == 1) return false;
      length = 2;
    }
    pattern.remove_prefix(length);
  }
  return true;
}

}  // namespace wherry::image
