// A client of D-Bus for static programs, which can link no libsystemd: blocking calls over one unix
// socket, with a deadline each. The wire format is that of the D-Bus specification 0.43 (little endian,
// protocol version 1); of its types there are those that systemd's manager takes and gives.
// Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::sys {

// A variant's content: b i u x t s as ay.
struct DbusBytes {
  std::string bytes;
  bool operator==(const DbusBytes&) const = default;
};
using DbusValue = std::variant<bool, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, std::string,
                               std::vector<std::string>, DbusBytes>;

// Values one after the other, each aligned from the beginning of what is written: a message's body.
class DbusWriter {
 public:
  DbusWriter& boolean(bool value) { return u32(value ? 1 : 0); }
  DbusWriter& byte(std::uint8_t value);
  DbusWriter& u32(std::uint32_t value);
  DbusWriter& u64(std::uint64_t value);
  DbusWriter& text(std::string_view value);       // s and o
  DbusWriter& signature(std::string_view value);  // g, at most 255 bytes
  DbusWriter& variant(const DbusValue& value);
  // `alignment` is that of the elements, 8 for structures.
  DbusWriter& array(std::size_t alignment, const std::function<void(DbusWriter&)>& elements);
  DbusWriter& structure();  // its members follow
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void align(std::size_t to);
  void value(const DbusValue& value);
  std::string bytes_;
};

// Of hostile bytes: InvalidArgument where one goes on behind the end.
class DbusReader {
 public:
  explicit DbusReader(std::string_view bytes) : bytes_(bytes) {}
  Result<std::uint8_t> byte();
  Result<std::uint32_t> u32();
  Result<std::string> text();
  Result<std::string> signature();
  Result<> structure() { return align(8); }
  [[nodiscard]] std::size_t offset() const { return offset_; }

 private:
  Result<> align(std::size_t to);
  Result<std::string_view> take(std::size_t count);
  std::string_view bytes_;
  std::size_t offset_ = 0;
};

enum class DbusKind : std::uint8_t { Call = 1, Return = 2, Error = 3, Signal = 4 };

struct DbusMessage {
  DbusKind kind = DbusKind::Call;
  std::string destination;
  std::string path;
  std::string interface;
  std::string member;
  std::string error_name;
  std::string signature;
  std::string body;
  std::uint32_t reply_to = 0;  // of a Return or an Error: the call's serial
};

// With its fixed header and `serial`.
std::string encode(const DbusMessage& message, std::uint32_t serial);
// `bytes` is one whole message. InvalidArgument for another byte order, version or form.
Result<DbusMessage> decode_dbus(std::string_view bytes);

class DbusConnection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // Connects and authenticates as the caller's uid. A socket of a bus wants hello() then; systemd's own
  // (/run/systemd/private) has no bus behind it.
  static Result<DbusConnection> open(const std::string& socket, Deadline deadline);
  Result<> hello(Deadline deadline);

  // The reply. An error reply is Conflict or another kind by its name, with the name and the peer's
  // words: "org.freedesktop.systemd1.UnitExists: Unit a.scope already exists.". Signals that arrive
  // meanwhile are kept for next_signal().
  Result<DbusMessage> call(DbusMessage message, Deadline deadline);
  Result<DbusMessage> next_signal(Deadline deadline);

 private:
  explicit DbusConnection(Fd socket) : socket_(std::move(socket)) {}
  Result<> authenticate(Deadline deadline);
  Result<> send(std::string_view bytes, Deadline deadline);
  Result<> fill(std::size_t count, Deadline deadline);
  Result<DbusMessage> next(Deadline deadline);

  Fd socket_;
  std::string buffer_;
  std::vector<DbusMessage> signals_;
  std::uint32_t serial_ = 0;
};

}  // namespace wherry::sys
