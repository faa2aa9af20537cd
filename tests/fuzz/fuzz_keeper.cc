// What engine, keeper and pump say to each other, as an attacker who owns one of them would. The
// first byte chooses the message; packets are put together by the Assembler as well.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "keeper/protocol.h"
#include "keeper/wire.h"
#include "keeperd/pump_protocol.h"

namespace {

using namespace wherry;

// A newer peer's extra bytes may go, so the first decoding is what the second must repeat.
template <class Decode>
void check_round(std::string_view bytes, Decode decode) {
  const auto first = decode(bytes);
  if (!first) return;
  const std::string written = keeper::encode(*first);
  const auto second = decode(written);
  CHECK(second.has_value());
  CHECK(keeper::encode(*second) == written);
}

// Packets of a length byte each, to one Assembler.
void assemble(std::string_view bytes) {
  keeper::Assembler assembler;
  while (!bytes.empty()) {
    const std::size_t length =
        std::min<std::size_t>(static_cast<unsigned char>(bytes[0]), bytes.size() - 1);
    const auto message = assembler.accept(bytes.substr(1, length), {});
    if (!message) return;
    CHECK(!*message || (*message)->body.size() <= keeper::kMessageBytes);
    bytes.remove_prefix(1 + length);
  }
}

void check_stream(std::string_view bytes) {
  std::vector<sys::Fd> none(4);
  std::span<sys::Fd> fds(none);
  const auto message = keeperd::decode_stream(bytes, fds);
  CHECK(!message || fds.size() <= none.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 13) {
    case 0: check_round(bytes, keeper::decode_start); break;
    case 1: check_round(bytes, keeper::decode_attach); break;
    case 2: check_round(bytes, keeper::decode_target); break;
    case 3: check_round(bytes, keeper::decode_record); break;
    case 4: check_round(bytes, keeper::decode_records); break;
    case 5: check_round(bytes, keeper::decode_started); break;
    case 6: check_round(bytes, keeper::decode_attached); break;
    case 7: check_round(bytes, keeper::decode_info); break;
    case 8: check_round(bytes, keeper::decode_event); break;
    case 9: static_cast<void>(keeper::encode(keeper::decode_error(bytes))); break;
    case 10: check_stream(bytes); break;
    case 11: static_cast<void>(keeperd::decode_number(bytes)); break;
    default: assemble(bytes);
  }
  return 0;
}
