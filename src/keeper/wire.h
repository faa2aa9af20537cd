// Packets of the keeper's socket (SOCK_SEQPACKET), and the encoding of fields. A message is
// one or more packets with the same operation id; all but the last carry kMore. A packet
// holds at most 32 KiB and 200 descriptors, a message 4 MiB and 4,096.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "keeper/protocol.h"
#include "sys/fd.h"

namespace wherry::keeper {

// What a new keeper says on its ready pipe: it answers on the socket now, or another one owns the
// run directory.
inline constexpr char kSayReady = '1';
inline constexpr char kSayOwned = 'o';

inline constexpr std::size_t kPacketBytes = 32 * 1024;
inline constexpr std::size_t kMessageBytes = 4 << 20;
inline constexpr std::size_t kMessageFds = 4096;
inline constexpr std::uint32_t kMagic = 0x4b524857;  // "WHRK"

// Appends fields: integers little-endian of fixed size, strings with a u32 length before.
class Writer {
 public:
  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  Writer& put(T value) {
    if constexpr (std::is_enum_v<T>) {
      return put(static_cast<std::underlying_type_t<T>>(value));
    } else {
      for (std::size_t i = 0; i < sizeof(T); ++i)
        bytes_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
      return *this;
    }
  }
  Writer& put(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
    return *this;
  }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Takes fields in order. Past the end every field keeps its default (an older peer); a field
// that is cut in the middle makes ok() false for good.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
    requires std::is_integral_v<T>
  Reader& get(T& value) {
    std::uint64_t raw = 0;
    if (!take_raw(sizeof(T), raw)) return *this;
    if constexpr (std::is_same_v<T, bool>) {
      if (raw > 1) fail();
      value = raw == 1;
    } else {
      value = static_cast<T>(raw);
    }
    return *this;
  }
  // Refuses values past `last`.
  template <class T>
    requires std::is_enum_v<T>
  Reader& get(T& value, T last) {
    auto raw = static_cast<std::underlying_type_t<T>>(value);
    get(raw);
    if (raw > static_cast<std::underlying_type_t<T>>(last)) fail();
    if (ok_) value = static_cast<T>(raw);
    return *this;
  }
  Reader& get(std::string& value, std::size_t limit);
  void fail() { ok_ = false; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  bool take_raw(std::size_t size, std::uint64_t& value);
  std::string_view rest_;
  bool ok_ = true;
};

struct Message {
  Verb verb = Verb::Ok;
  std::uint64_t operation = 0;
  std::uint16_t version = kProtocolVersion;
  std::string body;
  std::vector<sys::Fd> fds;
};

struct Outgoing {
  Verb verb = Verb::Ok;
  std::uint64_t operation = 0;
  std::string_view body;
  std::span<const int> fds;  // stay the caller's
};
struct Packet {
  std::string bytes;  // header and body
  std::vector<int> fds;
};
std::vector<Packet> split(const Outgoing& message);
// Sends all packets on a blocking socket.
Result<> send(const sys::Fd& socket, const Outgoing& message);

// Puts packets together. One per connection.
class Assembler {
 public:
  // One recvmsg(2). nullopt: the message goes on. Error Unavailable: the peer closed;
  // InvalidArgument: the peer broke the protocol and must be dropped.
  Result<std::optional<Message>> receive(const sys::Fd& socket, int flags);
  // As receive(), with one packet's bytes and descriptors given.
  Result<std::optional<Message>> accept(std::string_view packet, std::vector<sys::Fd> fds);
  // A message has begun and not ended.
  [[nodiscard]] bool is_in_message() const { return partial_.has_value(); }

 private:
  std::optional<Message> partial_;
};

}  // namespace wherry::keeper
