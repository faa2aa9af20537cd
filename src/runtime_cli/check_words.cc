#include "runtime_cli/check_words.h"

#include <algorithm>

#include "runtime/policy_words.h"

namespace wherry::runtime_cli {

Result<> check_text(std::string_view text, std::size_t limit, MayBeEmpty may_be_empty) {
  if (text.empty() && may_be_empty == MayBeEmpty::No) return wrong("must not be empty");
  if (text.find('\0') != std::string_view::npos) return wrong("must not hold a NUL");
  if (text.size() > limit) return wrong(fmt::format("must not be longer than {} bytes", limit));
  return {};
}

Result<> check_path(std::string_view path) {
  TRY(check_text(path, kMaximumPathBytes, MayBeEmpty::No));
  if (!path.starts_with('/')) return wrong(fmt::format("{} is not an absolute path", quote(path)));
  return {};
}

Result<> check_range(std::int64_t number, std::int64_t first, std::int64_t last) {
  if (number >= first && number <= last) return {};
  return wrong(fmt::format("{} is not between {} and {}", number, first, last));
}

Result<> check_word(std::string_view word, std::initializer_list<std::string_view> known) {
  if (std::ranges::find(known, word) != known.end()) return {};
  return not_known(word);
}

Result<> check_id_number(std::uint32_t id) {
  if (id == 0xffffffffU) return wrong("4294967295 is nobody's id");
  return {};
}

Result<> check_number_list(std::string_view list) {
  constexpr std::size_t kMaximumListBytes = 4095;  // a page of cgroupfs
  TRY(check_text(list, kMaximumListBytes, MayBeEmpty::Yes));
  if (list.find_first_not_of("0123456789,-:/ ") == std::string_view::npos) return {};
  return wrong(fmt::format("{} is not a list of numbers", quote(list)));
}

Result<> check_mask_list(std::string_view list) {
  if (list.empty()) return {};
  if (auto mask = runtime::number_mask(list); !mask) return wrong(mask.error().message());
  return {};
}

}  // namespace wherry::runtime_cli
