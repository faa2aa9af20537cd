// Templates of --format, executed on one small document.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "cli/go_template.h"
#include "spec/json.h"

namespace {

constexpr std::string_view kData = R"({
  "Name": "/box", "Count": 3, "Ratio": 1.5, "Up": true, "Down": false, "Nothing": null,
  "Args": ["-c", "x <y>"], "Empty": [], "Labels": {"b.c": "two", "a": "1"},
  "State": {"Status": "running", "Pid": 42}, "Mounts": [{"T": "/a"}, {"T": "/b"}]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wherry;
  static const auto document = json::parse_value(kData);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = cli::GoTemplate::parse(text, {.name = "fuzz"});
  if (!parsed) {
    CHECK(!parsed.error().message().empty());
    return 0;
  }
  static_cast<void>(parsed->mentions_field("Name"));
  static_cast<void>(parsed->execute(*document));
  return 0;
}
