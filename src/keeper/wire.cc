#include "keeper/wire.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "sys/socket.h"

namespace wherry::keeper {
namespace {

constexpr std::uint16_t kMore = 1;

// 24 bytes, little-endian, no padding: the first thing in every packet.
struct PacketHeader {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kProtocolVersion;
  std::uint16_t verb = 0;
  std::uint64_t operation = 0;
  std::uint32_t length = 0;  // of the body in this packet
  std::uint16_t flags = 0;
  std::uint16_t fd_count = 0;  // in this packet
};
static_assert(sizeof(PacketHeader) == 24);
static_assert(std::endian::native == std::endian::little);

Result<PacketHeader> parse_header(std::string_view packet, std::size_t fd_count) {
  PacketHeader header;
  if (packet.size() < sizeof header) return Error::invalid("keeper packet is too short");
  std::memcpy(&header, packet.data(), sizeof header);
  if (header.magic != kMagic) return Error::invalid("keeper packet has no magic");
  if (header.version < kOldestProtocolVersion || header.version > kProtocolVersion + 1)
    return Error::invalid(fmt::format("keeper protocol version {} is not spoken here (versions {} to {})",
                                      header.version, kOldestProtocolVersion, kProtocolVersion + 1));
  if (header.length != packet.size() - sizeof header || header.length > kPacketBytes)
    return Error::invalid("keeper packet has a wrong length");
  if (header.fd_count != fd_count)
    return Error::invalid("keeper packet lost its descriptors");
  return header;
}

}  // namespace

bool Reader::take_raw(std::size_t size, std::uint64_t& value) {
  if (!ok_ || rest_.empty()) return false;
  if (rest_.size() < size) {
    ok_ = false;
    return false;
  }
  value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
  rest_.remove_prefix(size);
  return true;
}

Reader& Reader::get(std::string& value, std::size_t limit) {
  std::uint64_t size = 0;
  if (!take_raw(sizeof(std::uint32_t), size)) return *this;
  if (size > limit || size > rest_.size()) {
    ok_ = false;
    return *this;
  }
  value.assign(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return *this;
}

std::vector<Packet> split(const Outgoing& message) {
  std::vector<Packet> packets;
  std::string_view body = message.body;
  std::span<const int> fds = message.fds;
  do {
    const std::string_view part = body.substr(0, kPacketBytes);
    const auto part_fds = fds.subspan(0, std::min(fds.size(), sys::kMaximumFdsPerMessage));
    body.remove_prefix(part.size());
    fds = fds.subspan(part_fds.size());
    PacketHeader header;
    header.verb = static_cast<std::uint16_t>(message.verb);
    header.operation = message.operation;
    header.length = static_cast<std::uint32_t>(part.size());
    header.flags = body.empty() && fds.empty() ? 0 : kMore;
    header.fd_count = static_cast<std::uint16_t>(part_fds.size());
    Packet packet;
    packet.bytes.assign(reinterpret_cast<const char*>(&header), sizeof header);
    packet.bytes.append(part);
    packet.fds.assign(part_fds.begin(), part_fds.end());
    packets.push_back(std::move(packet));
  } while (!body.empty() || !fds.empty());
  return packets;
}

Result<> send(const sys::Fd& socket, const Outgoing& message) {
  for (const Packet& packet : split(message))
    TRY(sys::send_message(socket, packet.bytes, packet.fds));
  return {};
}

Result<std::optional<Message>> Assembler::receive(const sys::Fd& socket, int flags) {
  sys::Message packet =
      TRY(sys::receive_message(socket, kPacketBytes + sizeof(PacketHeader), flags));
  if (packet.bytes.empty() && packet.fds.empty())
    return Error(ErrorKind::Unavailable, "keeper connection is closed");
  return accept(packet.bytes, std::move(packet.fds));
}

Result<std::optional<Message>> Assembler::accept(std::string_view packet, std::vector<sys::Fd> fds) {
  const PacketHeader header = TRY(parse_header(packet, fds.size()));
  if (!partial_) {
    partial_.emplace();
    partial_->verb = static_cast<Verb>(header.verb);
    partial_->operation = header.operation;
    partial_->version = header.version;
  }
  Message& message = *partial_;
  if (static_cast<std::uint16_t>(message.verb) != header.verb ||
      message.operation != header.operation)
    return Error::invalid("keeper packets of two messages are mixed");
  message.body.append(packet.substr(sizeof header));
  for (sys::Fd& fd : fds) message.fds.push_back(std::move(fd));
  if (message.body.size() > kMessageBytes || message.fds.size() > kMessageFds)
    return Error::invalid("keeper message is too large");
  if ((header.flags & kMore) != 0) return std::nullopt;
  Message complete = std::move(message);
  partial_.reset();
  return complete;
}

}  // namespace wherry::keeper
