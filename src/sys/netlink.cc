#include "sys/netlink.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "base/check.h"

namespace wherry::sys {
namespace {

// A dump's datagram: the kernel uses up to 32 KiB when the reader offers that much.
constexpr std::size_t kReceiveBytes = 64 * 1024;
// Acknowledgements, or the one object that was asked for (a link is 1-3 KiB).
constexpr std::size_t kAnswerBytes = 16 * 1024;
// The kernel answers inside sendmsg; this only bounds a wait that a bug would make endless.
constexpr int kAnswerTimeout_ms = 10'000;
constexpr int kDumpAttempts = 8;

constexpr std::size_t aligned(std::size_t length) {
  return (length + 3) & ~std::size_t{3};
}

template <class T>
T load(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// The messages of one received datagram.
template <class Visit>
void each_message(std::span<const std::byte> datagram, Visit visit) {
  while (datagram.size() >= sizeof(nlmsghdr)) {
    const auto header = load<nlmsghdr>(datagram);
    if (header.nlmsg_len < sizeof(nlmsghdr) || header.nlmsg_len > datagram.size()) return;
    visit(header, datagram.subspan(sizeof(nlmsghdr), header.nlmsg_len - sizeof(nlmsghdr)));
    datagram = datagram.subspan(std::min(aligned(header.nlmsg_len), datagram.size()));
  }
}

// The text of an NLMSG_ERROR, behind nlmsgerr because NETLINK_CAP_ACK drops the request.
std::string extended_text(const nlmsghdr& header, std::span<const std::byte> body) {
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0 || body.size() <= sizeof(nlmsgerr)) return {};
  return NetlinkAttributes(body.subspan(sizeof(nlmsgerr))).text(NLMSGERR_ATTR_MSG);
}

Error error_of(std::string_view name, int errno_value, const std::string& kernel_text) {
  Error error = Error::from_errno(errno_value, name);
  if (kernel_text.empty()) return error;
  return {error.kind(), errno_value, fmt::format("{} ({})", error.message(), kernel_text)};
}

}  // namespace

void NetlinkBatch::append(std::span<const std::byte> data) {
  CHECK(!starts_.empty());
  buffer_.insert(buffer_.end(), data.begin(), data.end());
  buffer_.resize(aligned(buffer_.size()));
  nlmsghdr header = header_at(starts_.back());
  header.nlmsg_len = static_cast<std::uint32_t>(buffer_.size() - starts_.back());
  set_header_at(starts_.back(), header);
}

nlmsghdr NetlinkBatch::header_at(std::size_t offset) const {
  return load<nlmsghdr>(std::span(buffer_).subspan(offset));
}

void NetlinkBatch::set_header_at(std::size_t offset, const nlmsghdr& header) {
  std::memcpy(buffer_.data() + offset, &header, sizeof header);
}

void NetlinkBatch::begin(std::string_view name, std::uint16_t type, std::uint16_t flags) {
  starts_.push_back(buffer_.size());
  names_.emplace_back(name);
  buffer_.resize(buffer_.size() + sizeof(nlmsghdr));
  nlmsghdr header{};
  header.nlmsg_len = sizeof(nlmsghdr);
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
  set_header_at(starts_.back(), header);
}

void NetlinkBatch::bytes(std::uint16_t type, std::span<const std::byte> value) {
  CHECK(value.size() + sizeof(nlattr) <= UINT16_MAX);
  nlattr header{};
  header.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + value.size());
  header.nla_type = type;
  append(std::as_bytes(std::span(&header, 1)));
  if (!value.empty()) append(value);
}

void NetlinkBatch::text(std::uint16_t type, std::string_view value) {
  const std::string terminated(value);
  bytes(type, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
}

void NetlinkBatch::u8(std::uint16_t type, std::uint8_t value) {
  bytes(type, std::as_bytes(std::span(&value, 1)));
}
void NetlinkBatch::u16(std::uint16_t type, std::uint16_t value) {
  bytes(type, std::as_bytes(std::span(&value, 1)));
}
void NetlinkBatch::u32(std::uint16_t type, std::uint32_t value) {
  bytes(type, std::as_bytes(std::span(&value, 1)));
}
void NetlinkBatch::u32_be(std::uint16_t type, std::uint32_t value) {
  u32(type, htonl(value));
}
void NetlinkBatch::u64_be(std::uint16_t type, std::uint64_t value) {
  const std::array<std::uint32_t, 2> halves{htonl(static_cast<std::uint32_t>(value >> 32)),
                                            htonl(static_cast<std::uint32_t>(value))};
  bytes(type, std::as_bytes(std::span(halves)));
}

void NetlinkBatch::nest(std::uint16_t type, const std::function<void()>& inside) {
  const std::size_t start = buffer_.size();
  bytes(static_cast<std::uint16_t>(type | NLA_F_NESTED), {});
  inside();
  const std::size_t length = buffer_.size() - start;
  CHECK(length <= UINT16_MAX);
  nlattr header = load<nlattr>(std::span(buffer_).subspan(start));
  header.nla_len = static_cast<std::uint16_t>(length);
  std::memcpy(buffer_.data() + start, &header, sizeof header);
}

NetlinkAttributes::NetlinkAttributes(std::span<const std::byte> bytes) {
  while (bytes.size() >= sizeof(nlattr)) {
    const auto header = load<nlattr>(bytes);
    if (header.nla_len < sizeof(nlattr) || header.nla_len > bytes.size()) return;
    list_.push_back({static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
                     bytes.subspan(sizeof(nlattr), header.nla_len - sizeof(nlattr))});
    bytes = bytes.subspan(std::min(aligned(header.nla_len), bytes.size()));
  }
}

std::optional<std::span<const std::byte>> NetlinkAttributes::find(std::uint16_t type) const {
  for (const Attribute& attribute : list_)
    if (attribute.type == type) return attribute.value;
  return std::nullopt;
}

std::optional<NetlinkAttributes> NetlinkAttributes::nested(std::uint16_t type) const {
  const auto value = find(type);
  if (!value) return std::nullopt;
  return NetlinkAttributes(*value);
}

std::string NetlinkAttributes::text(std::uint16_t type) const {
  const auto value = find(type);
  if (!value) return {};
  const std::string all(reinterpret_cast<const char*>(value->data()), value->size());
  return all.substr(0, all.find('\0'));
}

std::optional<std::uint32_t> NetlinkAttributes::u32(std::uint16_t type) const {
  const auto value = find(type);
  if (!value || value->size() < sizeof(std::uint32_t)) return std::nullopt;
  return load<std::uint32_t>(*value);
}

std::optional<std::uint32_t> NetlinkAttributes::u32_be(std::uint16_t type) const {
  const auto value = u32(type);
  if (!value) return std::nullopt;
  return ntohl(*value);
}

std::optional<std::uint8_t> NetlinkAttributes::u8(std::uint16_t type) const {
  const auto value = find(type);
  if (!value || value->empty()) return std::nullopt;
  return static_cast<std::uint8_t>(value->front());
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  NetlinkSocket result;
  result.fd_ = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!result.fd_) return Error::from_errno(errno, "open netlink socket");
  const int one = 1;
  // Without these two the answers are as right, but carry no text: failure is harmless.
  static_cast<void>(::setsockopt(result.fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one));
  static_cast<void>(::setsockopt(result.fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one));
  return result;
}

Result<std::uint32_t> NetlinkSocket::send(std::span<std::byte> bytes, const NetlinkBatch& batch,
                                          std::uint16_t last_flags) {
  const std::uint32_t first = sequence_ + 1;
  for (const std::size_t start : batch.starts_) {
    auto header = load<nlmsghdr>(bytes.subspan(start));
    header.nlmsg_seq = ++sequence_;
    if (start == batch.starts_.back()) header.nlmsg_flags |= last_flags;
    std::memcpy(bytes.data() + start, &header, sizeof header);
  }
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const ssize_t sent = ::sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                                reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  if (sent < 0) return Error::from_errno(errno, "send to netlink");
  return first;
}

Result<> NetlinkSocket::transact(const NetlinkBatch& batch, const NetlinkVisitor& visit) {
  CHECK(!batch.empty());
  std::vector<std::byte> bytes = batch.buffer_;
  // Errors are always answered; one acknowledgement, of the last message, ends the answers.
  const std::uint32_t first = TRY(send(bytes, batch, NLM_F_ACK));
  return read_answers(batch, first, visit);
}

namespace {

// One datagram from the kernel; nothing when none is queued.
Result<std::optional<std::span<const std::byte>>> receive(const Fd& fd, std::span<std::byte> buffer,
                                                          int flags) {
  ssize_t got = -1;
  do {
    got = ::recv(fd.get(), buffer.data(), buffer.size(), flags | MSG_TRUNC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return std::optional<std::span<const std::byte>>{};
  if (got < 0) return Error::from_errno(errno, "receive from netlink");
  if (static_cast<std::size_t>(got) > buffer.size())
    return Error::internal("netlink answer is longer than the buffer");
  return std::optional(std::span<const std::byte>(buffer.first(static_cast<std::size_t>(got))));
}

}  // namespace

Result<> NetlinkSocket::read_answers(const NetlinkBatch& batch, std::uint32_t first_sequence,
                                     const NetlinkVisitor& visit) {
  std::array<std::byte, kAnswerBytes> buffer;
  std::optional<Error> failed;
  bool acknowledged = false;
  // rtnetlink and nfnetlink work inside sendmsg: all answers are queued by now.
  while (const auto datagram = TRY(receive(fd_, buffer, MSG_DONTWAIT))) {
    each_message(*datagram, [&](const nlmsghdr& header, std::span<const std::byte> body) {
      const std::uint32_t index = header.nlmsg_seq - first_sequence;
      if (index >= batch.names_.size()) return;
      if (header.nlmsg_type != NLMSG_ERROR && visit) visit(header.nlmsg_type, body);
      if (header.nlmsg_type != NLMSG_ERROR || body.size() < sizeof(nlmsgerr)) return;
      const int error = -load<nlmsgerr>(body).error;
      if (error == 0)
        acknowledged = true;
      else if (!failed)
        failed = error_of(batch.names_[index], error, extended_text(header, body));
    });
  }
  if (failed) return std::move(*failed);
  if (!acknowledged)
    return Error::internal(fmt::format("{}: no answer from the kernel", batch.names_.back()));
  return {};
}

Result<> NetlinkSocket::subscribe(unsigned group) {
  // A socket without a port hears nothing: the kernel leaves port 0 out when it tells of changes
  // that nobody asked to be left out of.
  sockaddr_nl any{};
  any.nl_family = AF_NETLINK;
  if (port() == 0 && ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) < 0)
    return Error::from_errno(errno, "bind netlink socket");
  if (::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
    return Error::from_errno(errno, "subscribe to netlink changes");
  return {};
}

Result<bool> NetlinkSocket::wait_and_drain(int timeout_ms) {
  pollfd ready{fd_.get(), POLLIN, 0};
  if (timeout_ms <= 0 || ::poll(&ready, 1, timeout_ms) <= 0) return false;
  std::array<std::byte, kAnswerBytes> buffer;
  // ENOBUFS, more changes than the kernel kept, is a change too.
  while (::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) continue;
  return true;
}

Result<> NetlinkSocket::ignore_changes_of(std::uint32_t port) {
  // All messages of a datagram have one sender. BPF loads big endian.
  constexpr std::uint32_t sender = offsetof(nlmsghdr, nlmsg_pid);
  std::array<sock_filter, 4> program = {{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sender),
                                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1),
                                         BPF_STMT(BPF_RET | BPF_K, 0),
                                         BPF_STMT(BPF_RET | BPF_K, ~std::uint32_t{0})}};
  const sock_fprog filter{program.size(), program.data()};
  if (::setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
    return Error::from_errno(errno, "filter netlink changes");
  return {};
}

Result<> NetlinkSocket::read_changes(const ChangeVisitor& visit) {
  std::array<std::byte, kAnswerBytes> buffer;
  while (const auto datagram = TRY(receive(fd_, buffer, MSG_DONTWAIT)))
    each_message(*datagram, visit);
  return {};
}

std::uint32_t NetlinkSocket::port() const {
  sockaddr_nl address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0) return 0;
  return address.nl_pid;
}

Result<> NetlinkSocket::dump(const NetlinkBatch& request, const NetlinkVisitor& visit,
                             const std::function<void()>& restart) {
  CHECK(request.starts_.size() == 1);
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    restart();
    std::vector<std::byte> bytes = request.buffer_;
    const std::uint32_t sequence = TRY(send(bytes, request, NLM_F_DUMP));
    auto whole = read_dump(sequence, visit);
    if (!whole) return std::move(whole).error().within(request.names_.front());
    if (*whole) return {};
  }
  return Error::internal(
      fmt::format("{}: torn by changes {} times", request.names_.front(), kDumpAttempts));
}

// False: the dump ended, but was torn.
Result<bool> NetlinkSocket::read_dump(std::uint32_t sequence, const NetlinkVisitor& visit) {
  std::vector<std::byte> buffer(kReceiveBytes);
  bool done = false;
  bool torn = false;
  int error = 0;
  while (!done) {
    pollfd ready{fd_.get(), POLLIN, 0};
    if (::poll(&ready, 1, kAnswerTimeout_ms) == 0)
      return Error(ErrorKind::Deadline, "no answer from the kernel");
    const auto datagram = TRY(receive(fd_, buffer, MSG_DONTWAIT));
    if (!datagram) continue;
    each_message(*datagram, [&](const nlmsghdr& header, std::span<const std::byte> body) {
      if (header.nlmsg_seq != sequence) return;
      torn = torn || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      done = done || header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
      const bool carries_error = done && body.size() >= sizeof(int);
      if (carries_error) error = -load<int>(body);
      if (!done) visit(header.nlmsg_type, body);
    });
  }
  if (error != 0) return Error::from_errno(error, "dump");
  return !torn;
}

}  // namespace wherry::sys
