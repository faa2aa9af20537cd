// How the checks of a config say where it is wrong. A check of a value gives ": reason", one of a
// struct "member: reason"; each caller puts the name that it knows before it.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/strings.h"

namespace wherry::runtime_cli {

inline constexpr std::size_t kMaximumPathBytes = 4095;      // PATH_MAX and its NUL
inline constexpr std::size_t kMaximumArgumentBytes = 131071;  // MAX_ARG_STRLEN and its NUL
inline constexpr std::size_t kMaximumWordBytes = 255;

inline Error wrong(std::string_view reason) { return Error::invalid(fmt::format(": {}", reason)); }
inline Error not_known(std::string_view word) { return wrong(fmt::format("{} is not known", quote(word))); }

// The error of something inside of `name`.
inline Error below(std::string_view name, const Error& error) {
  const std::string& text = error.message();
  const bool direct = text.starts_with(':') || text.starts_with('[');
  return {error.kind(), fmt::format("{}{}{}", name, direct ? "" : ".", text)};
}
inline Result<> at(std::string_view name, Result<> outcome) {
  if (outcome) return outcome;
  return below(name, outcome.error());
}

template <class T, class Check>
Result<> each(std::string_view name, const std::vector<T>& list, Check check) {
  for (std::size_t i = 0; i < list.size(); ++i)
    if (Result<> outcome = check(list[i]); !outcome)
      return below(fmt::format("{}[{}]", name, i), outcome.error());
  return {};
}
template <class T, class Check>
Result<> each(std::string_view name, const std::map<std::string, T>& entries, Check check) {
  for (const auto& [key, value] : entries)
    if (Result<> outcome = check(key, value); !outcome)
      return below(fmt::format("{}.{}", name, key), outcome.error());
  return {};
}

enum class MayBeEmpty : std::uint8_t { No, Yes };

Result<> check_text(std::string_view text, std::size_t limit, MayBeEmpty may_be_empty);
// An absolute path that a kernel takes.
Result<> check_path(std::string_view path);
Result<> check_range(std::int64_t number, std::int64_t first, std::int64_t last);
Result<> check_word(std::string_view word, std::initializer_list<std::string_view> known);
// A user's or group's id: (uid_t)-1 is nobody's.
Result<> check_id_number(std::uint32_t id);
// "0-3,7".
Result<> check_number_list(std::string_view list);

// The same without blanks and steps, and no number above what a plan's mask holds.
Result<> check_mask_list(std::string_view list);

}  // namespace wherry::runtime_cli
