// The plan as the keeper takes it from the engine's socket: what decodes also validates, and is
// encoded to bytes that decode to the same plan. The first byte is the number of descriptors.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "runtime/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wherry::runtime;
  if (size == 0) return 0;
  const std::size_t fd_count = data[0] % 8;
  const auto plan = decode({reinterpret_cast<const char*>(data) + 1, size - 1}, fd_count);
  if (!plan) return 0;
  CHECK(validate(*plan, fd_count).has_value());
  const auto again = decode(encode(*plan), fd_count);
  CHECK(again && *again == *plan);
  return 0;
}
