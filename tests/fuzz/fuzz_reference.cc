// Names of images as users and clients type them. What is accepted keeps its meaning when it is
// written and read again, and holds nothing that could leave a URL's path.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "spec/oci_image.h"
#include "spec/reference.h"

namespace {

using namespace wherry;

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
         c == '/';
}

void check_reference(std::string_view text) {
  const auto reference = spec::parse_reference(text);
  if (!reference) return;
  CHECK(!reference->path.empty() && reference->path.size() <= spec::kMaximumRepositoryPath);
  CHECK(reference->tag.size() <= spec::kMaximumTag);
  CHECK(reference->tag.empty() || spec::check_tag(reference->tag));
  CHECK(std::ranges::all_of(reference->path, is_name_byte));
  CHECK(("/" + reference->path + "/").find("/../") == std::string::npos);
  for (const std::string& written : {reference->str(), reference->familiar()}) {
    const auto again = spec::parse_reference(written);
    CHECK(again && *again == *reference);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_reference(text);
  static_cast<void>(spec::looks_like_image_id(text));
  static_cast<void>(spec::parse_platform(text));
  static_cast<void>(Digest::parse(text));
  return 0;
}
