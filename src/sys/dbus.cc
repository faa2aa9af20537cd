#include "sys/dbus.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "sys/socket.h"

namespace wherry::sys {
namespace {

constexpr std::size_t kMaximumMessageBytes = 1U << 20;
constexpr std::size_t kMaximumSignals = 1024;  // that wait for somebody to ask
constexpr std::size_t kFixedHeader = 16;       // up to and with the length of the fields
constexpr std::size_t kMaximumLine = 4096;     // of the authentication
constexpr std::uint8_t kLittleEndian = 'l';
constexpr std::uint8_t kProtocolVersion = 1;

// "Message Protocol", the table of header fields.
enum Field : std::uint8_t {
  kPath = 1, kInterface = 2, kMember = 3, kErrorName = 4, kReplySerial = 5, kDestination = 6, kSignature = 8
};

std::size_t padding(std::size_t offset, std::size_t to) { return (to - offset % to) % to; }

std::string_view signature_of(const DbusValue& value) {
  constexpr std::array<std::string_view, std::variant_size_v<DbusValue>> kSignatures{"b", "i", "u", "x", "t", "s", "as", "ay"};
  return kSignatures[value.index()];
}

Error malformed(std::string_view what) { return Error::invalid(fmt::format("D-Bus: {}", what)); }

std::uint32_t number_at(std::string_view bytes, std::size_t offset) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

// Length of the whole message whose fixed header is at the beginning of `bytes`.
Result<std::size_t> message_length(std::string_view bytes) {
  if (static_cast<std::uint8_t>(bytes[0]) != kLittleEndian) return malformed("a message in another byte order");
  if (static_cast<std::uint8_t>(bytes[3]) != kProtocolVersion) return malformed("another protocol version");
  const std::uint64_t body = number_at(bytes, 4);
  const std::uint64_t fields = number_at(bytes, 12);
  const std::uint64_t header = kFixedHeader + fields;
  const std::uint64_t whole = header + padding(header, 8) + body;
  if (whole > kMaximumMessageBytes) return malformed(fmt::format("a message of {} bytes", whole));
  return whole;
}

Result<> take_field(DbusReader& reader, DbusMessage& message) {
  TRY(reader.structure());
  const std::uint8_t code = TRY(reader.byte());
  const std::string type = TRY(reader.signature());
  if (type == "u") {
    const std::uint32_t number = TRY(reader.u32());
    if (code == kReplySerial) message.reply_to = number;
    return {};
  }
  if (type == "g") {
    message.signature = TRY(reader.signature());
    return {};
  }
  if (type != "s" && type != "o") return malformed("a header field of an unknown type");
  std::string text = TRY(reader.text());
  switch (code) {
    case kPath: message.path = std::move(text); break;
    case kInterface: message.interface = std::move(text); break;
    case kMember: message.member = std::move(text); break;
    case kErrorName: message.error_name = std::move(text); break;
    case kDestination: message.destination = std::move(text); break;
    default: break;
  }
  return {};
}

Error error_of(const DbusMessage& reply) {
  std::string words = reply.error_name;
  if (reply.signature.starts_with('s'))
    if (const auto text = DbusReader(reply.body).text()) words += ": " + *text;
  const std::string_view name = reply.error_name;
  if (name.ends_with(".UnitExists")) return Error::conflict(words);
  if (name.ends_with(".NoSuchUnit")) return Error::not_found(words);
  return Error::internal(words);
}

Result<> await(const Fd& socket, short events, DbusConnection::Deadline deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Error(ErrorKind::Deadline, "D-Bus: no answer in time");
    pollfd waiting{.fd = socket.get(), .events = events, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return Error::from_errno(errno, "D-Bus: poll");
  }
}

}  // namespace

void DbusWriter::align(std::size_t to) { bytes_.append(padding(bytes_.size(), to), '\0'); }

DbusWriter& DbusWriter::byte(std::uint8_t value) {
  bytes_.push_back(static_cast<char>(value));
  return *this;
}

DbusWriter& DbusWriter::u32(std::uint32_t value) {
  align(4);
  bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  return *this;
}

DbusWriter& DbusWriter::u64(std::uint64_t value) {
  align(8);
  bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  return *this;
}

DbusWriter& DbusWriter::text(std::string_view value) {
  u32(static_cast<std::uint32_t>(value.size()));
  bytes_.append(value).push_back('\0');
  return *this;
}

DbusWriter& DbusWriter::signature(std::string_view value) {
  byte(static_cast<std::uint8_t>(value.size()));
  bytes_.append(value).push_back('\0');
  return *this;
}

DbusWriter& DbusWriter::structure() {
  align(8);
  return *this;
}

DbusWriter& DbusWriter::array(std::size_t alignment, const std::function<void(DbusWriter&)>& elements) {
  u32(0);
  const std::size_t length_at = bytes_.size() - sizeof(std::uint32_t);
  align(alignment);  // does not count
  const std::size_t begin = bytes_.size();
  elements(*this);
  const auto length = static_cast<std::uint32_t>(bytes_.size() - begin);
  std::memcpy(bytes_.data() + length_at, &length, sizeof length);
  return *this;
}

void DbusWriter::value(const DbusValue& value) {
  struct Put {
    DbusWriter& to;
    void operator()(bool flag) const { to.boolean(flag); }
    void operator()(std::int32_t number) const { to.u32(static_cast<std::uint32_t>(number)); }
    void operator()(std::uint32_t number) const { to.u32(number); }
    void operator()(std::int64_t number) const { to.u64(static_cast<std::uint64_t>(number)); }
    void operator()(std::uint64_t number) const { to.u64(number); }
    void operator()(const std::string& text) const { to.text(text); }
    void operator()(const std::vector<std::string>& list) const {
      to.array(4, [&](DbusWriter& writer) { for (const std::string& text : list) writer.text(text); });
    }
    void operator()(const DbusBytes& list) const {
      to.array(1, [&](DbusWriter& writer) { for (const char one : list.bytes) writer.byte(static_cast<std::uint8_t>(one)); });
    }
  };
  std::visit(Put{*this}, value);
}

DbusWriter& DbusWriter::variant(const DbusValue& content) {
  signature(signature_of(content));
  value(content);
  return *this;
}

Result<> DbusReader::align(std::size_t to) {
  TRY(take(padding(offset_, to)));
  return {};
}

Result<std::string_view> DbusReader::take(std::size_t count) {
  if (count > bytes_.size() - offset_) return malformed("a message that ends early");
  const std::string_view taken = bytes_.substr(offset_, count);
  offset_ += count;
  return taken;
}

Result<std::uint8_t> DbusReader::byte() { return static_cast<std::uint8_t>(TRY(take(1))[0]); }

Result<std::uint32_t> DbusReader::u32() {
  TRY(align(4));
  return number_at(TRY(take(4)), 0);
}

Result<std::string> DbusReader::text() {
  const std::uint32_t length = TRY(u32());
  std::string text(TRY(take(length)));
  TRY(take(1));
  return text;
}

Result<std::string> DbusReader::signature() {
  const std::uint8_t length = TRY(byte());
  std::string text(TRY(take(length)));
  TRY(take(1));
  return text;
}

std::string encode(const DbusMessage& message, std::uint32_t serial) {
  DbusWriter writer;
  writer.byte(kLittleEndian).byte(static_cast<std::uint8_t>(message.kind)).byte(0).byte(kProtocolVersion);
  writer.u32(static_cast<std::uint32_t>(message.body.size())).u32(serial);
  const auto field = [](DbusWriter& to, Field code, std::string_view type, const std::string& text) {
    if (text.empty()) return;
    to.structure().byte(code).signature(type);
    if (type == "g") to.signature(text);
    else to.text(text);
  };
  writer.array(8, [&](DbusWriter& fields) {
    field(fields, kPath, "o", message.path);
    field(fields, kDestination, "s", message.destination);
    field(fields, kInterface, "s", message.interface);
    field(fields, kMember, "s", message.member);
    field(fields, kErrorName, "s", message.error_name);
    field(fields, kSignature, "g", message.signature);
    if (message.reply_to != 0) fields.structure().byte(kReplySerial).signature("u").u32(message.reply_to);
  });
  return writer.structure().bytes() + message.body;
}

Result<DbusMessage> decode_dbus(std::string_view bytes) {
  if (bytes.size() < kFixedHeader) return malformed("a message that ends early");
  if (TRY(message_length(bytes)) != bytes.size()) return malformed("a message of another length than it says");
  const std::size_t end = kFixedHeader + number_at(bytes, 12);
  DbusMessage message;
  const auto kind = static_cast<std::uint8_t>(bytes[1]);
  if (kind < 1 || kind > 4) return malformed("a message of an unknown kind");
  message.kind = static_cast<DbusKind>(kind);
  DbusReader reader(bytes.substr(0, end));
  for (std::size_t skipped = 0; skipped < kFixedHeader; ++skipped) TRY(reader.byte());
  while (reader.offset() < end) TRY(take_field(reader, message));
  message.body = bytes.substr(end + padding(end, 8));
  return message;
}

Result<DbusConnection> DbusConnection::open(const std::string& socket, Deadline deadline) {
  DbusConnection connection(TRY(connect_unix(socket, SOCK_STREAM)));
  TRY_AS("D-Bus: authentication", connection.authenticate(deadline));
  return connection;
}

// "Authentication Protocol": EXTERNAL with the uid in hexadecimal ASCII.
Result<> DbusConnection::authenticate(Deadline deadline) {
  std::string hex;
  for (const char digit : std::to_string(::geteuid())) hex += fmt::format("{:02x}", static_cast<unsigned>(digit));
  // The NUL is where credentials could be attached; the peer asks the kernel for them.
  TRY(send(std::string(1, '\0') + "AUTH EXTERNAL " + hex + "\r\n", deadline));
  std::size_t end = std::string::npos;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (buffer_.size() > kMaximumLine) return malformed("a line without an end");
    TRY(fill(buffer_.size() + 1, deadline));
  }
  const std::string answer = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  if (!answer.starts_with("OK")) return Error::internal(fmt::format("refused: {}", quote(answer)));
  return send("BEGIN\r\n", deadline);
}

Result<> DbusConnection::hello(Deadline deadline) {
  TRY(call({.destination = "org.freedesktop.DBus", .path = "/org/freedesktop/DBus",
            .interface = "org.freedesktop.DBus", .member = "Hello"}, deadline));
  return {};
}

Result<> DbusConnection::send(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    TRY(await(socket_, POLLOUT, deadline));
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return Error::from_errno(errno, "D-Bus: send");
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

// Until the buffer holds `count` bytes.
Result<> DbusConnection::fill(std::size_t count, Deadline deadline) {
  std::array<char, 4096> piece{};
  while (buffer_.size() < count) {
    TRY(await(socket_, POLLIN, deadline));
    const ssize_t length = ::recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (length == 0) return Error::internal("D-Bus: the other side hung up");
    if (length < 0 && errno != EAGAIN && errno != EINTR) return Error::from_errno(errno, "D-Bus: receive");
    if (length > 0) buffer_.append(piece.data(), static_cast<std::size_t>(length));
  }
  return {};
}

Result<DbusMessage> DbusConnection::next(Deadline deadline) {
  TRY(fill(kFixedHeader, deadline));
  const std::size_t length = TRY(message_length(buffer_));
  TRY(fill(length, deadline));
  auto message = decode_dbus(std::string_view(buffer_).substr(0, length));
  buffer_.erase(0, length);
  return message;
}

Result<DbusMessage> DbusConnection::call(DbusMessage message, Deadline deadline) {
  message.kind = DbusKind::Call;
  const std::uint32_t serial = ++serial_;
  TRY(send(encode(message, serial), deadline));
  while (true) {
    DbusMessage reply = TRY(next(deadline));
    if (reply.kind == DbusKind::Signal && signals_.size() < kMaximumSignals) signals_.push_back(std::move(reply));
    if (reply.reply_to != serial) continue;
    if (reply.kind == DbusKind::Error) return error_of(reply);
    if (reply.kind == DbusKind::Return) return reply;
  }
}

Result<DbusMessage> DbusConnection::next_signal(Deadline deadline) {
  if (!signals_.empty()) {
    DbusMessage signal = std::move(signals_.front());
    signals_.erase(signals_.begin());
    return signal;
  }
  while (true) {
    DbusMessage message = TRY(next(deadline));
    if (message.kind == DbusKind::Signal) return message;
  }
}

}  // namespace wherry::sys
