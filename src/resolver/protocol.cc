#include "resolver/protocol.h"

#include <fmt/format.h>

#include <span>
#include <type_traits>

#include "sys/socket.h"

namespace wherry::resolver {
namespace {

constexpr std::uint8_t kHasSockets = 1;
constexpr std::uint8_t kHasProcess = 2;

class Writer {
 public:
  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  void put(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bytes_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
  }
  void put(std::string_view text) {
    put(static_cast<std::uint16_t>(text.size()));
    bytes_.append(text);
  }
  template <class List, class Each>
  void put_list(const List& list, Each each) {
    put(static_cast<std::uint16_t>(list.size()));
    for (const auto& item : list) each(item);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Takes fields in order; past the end everything is empty and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number(std::size_t size) {
    if (rest_.size() < size) return fail();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(rest_[i])) << (8 * i);
    rest_.remove_prefix(size);
    return value;
  }
  std::string text() {
    const std::size_t size = number(2);
    if (rest_.size() < size) return fail(), std::string();
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  template <class T>
  std::vector<T> list(auto each) {
    const std::size_t count = number(2);
    std::vector<T> items;
    for (std::size_t i = 0; i < count && ok_; ++i) items.push_back(each());
    return items;
  }
  std::vector<std::string> texts() {
    return list<std::string>([this] { return text(); });
  }
  [[nodiscard]] bool complete() const { return ok_ && rest_.empty(); }

 private:
  std::uint64_t fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

void put_texts(Writer& writer, const std::vector<std::string>& texts) {
  writer.put_list(texts, [&](const std::string& text) { writer.put(text); });
}

void put_container(Writer& writer, const Container& container) {
  writer.put(container.id);
  writer.put_list(container.attachments, [&](const Attachment& one) {
    for (const std::string* text : {&one.network_id, &one.network_name, &one.ipv4, &one.ipv6})
      writer.put(*text);
    put_texts(writer, one.names);
  });
  writer.put_list(container.links, [&](const Link& link) {
    writer.put(link.alias);
    writer.put(link.target);
  });
  put_texts(writer, container.upstreams);
  writer.put(container.forward);
  writer.put(container.ndots);
}

Container get_container(Reader& reader) {
  Container container;
  container.id = reader.text();
  container.attachments = reader.list<Attachment>([&] {
    Attachment one;
    for (std::string* text : {&one.network_id, &one.network_name, &one.ipv4, &one.ipv6})
      *text = reader.text();
    one.names = reader.texts();
    return one;
  });
  container.links = reader.list<Link>([&] {
    Link link;
    link.alias = reader.text();
    link.target = reader.text();
    return link;
  });
  container.upstreams = reader.texts();
  container.forward = reader.number(1) == 0 ? Forward::Yes : Forward::No;
  container.ndots = reader.number(1) == 0 ? Ndots::Ours : Ndots::Given;
  return container;
}

void put_fds(Writer& writer, const std::vector<ContainerFds>& list, std::vector<int>& raw) {
  writer.put_list(list, [&](const ContainerFds& fds) {
    const bool sockets = fds.udp && fds.tcp;
    writer.put(static_cast<std::uint8_t>((sockets ? kHasSockets : 0) |
                                         (fds.process ? kHasProcess : 0)));
    if (sockets) raw.insert(raw.end(), {fds.udp.get(), fds.tcp.get()});
    if (fds.process) raw.push_back(fds.process.get());
  });
}

// Takes descriptors from the front of `given`; nothing past its end.
Result<std::vector<ContainerFds>> get_fds(Reader& reader, std::span<sys::Fd> given) {
  bool missing = false;
  const auto next = [&] {
    missing = missing || given.empty();
    if (given.empty()) return sys::Fd();
    sys::Fd fd = std::move(given.front());
    given = given.subspan(1);
    return fd;
  };
  auto list = reader.list<ContainerFds>([&] {
    const auto mask = static_cast<std::uint8_t>(reader.number(1));
    ContainerFds fds;
    if ((mask & kHasSockets) != 0) {
      fds.udp = next();
      fds.tcp = next();
    }
    if ((mask & kHasProcess) != 0) fds.process = next();
    return fds;
  });
  if (missing || !given.empty())
    return Error::invalid("resolver packet without its descriptors");
  return list;
}

}  // namespace

Encoded encode(const Packet& packet) {
  Writer writer;
  Encoded encoded;
  writer.put(kMagic);
  writer.put(kVersion);
  writer.put(packet.say);
  switch (packet.say) {
    case Say::Put: put_container(writer, packet.container); break;
    case Say::Remove:
    case Say::Failed: writer.put(packet.text); break;
    case Say::Holding:
      writer.put(packet.resolver_pid);
      writer.put(packet.last);
      put_texts(writer, packet.ids);
      break;
    default: break;
  }
  put_fds(writer, packet.fds, encoded.fds);
  encoded.bytes = writer.take();
  return encoded;
}

Result<Packet> decode(std::string_view bytes, std::vector<sys::Fd> fds) {
  Reader reader(bytes);
  if (reader.number(4) != kMagic) return Error::invalid("resolver packet has no magic");
  if (const auto version = reader.number(2); version != kVersion)
    return Error::invalid(fmt::format("resolver protocol version {} is not spoken here (version {})",
                                      version, kVersion));
  Packet packet;
  packet.say = static_cast<Say>(reader.number(2));
  switch (packet.say) {
    case Say::Put: packet.container = get_container(reader); break;
    case Say::Remove:
    case Say::Failed: packet.text = reader.text(); break;
    case Say::Holding:
      packet.resolver_pid = static_cast<std::uint32_t>(reader.number(4));
      packet.last = reader.number(1) != 0;
      packet.ids = reader.texts();
      break;
    case Say::Hello:
    case Say::Begin:
    case Say::Commit:
    case Say::Quit:
    case Say::Ok: break;
    default: return Error::invalid("unknown resolver packet");
  }
  packet.fds = TRY(get_fds(reader, fds));
  if (!reader.complete()) return Error::invalid("resolver packet is cut or too long");
  if (packet.say == Say::Put) TRY(check(packet.container));
  const std::size_t wanted = packet.say == Say::Holding ? packet.ids.size() : packet.fds.size();
  if (packet.fds.size() != wanted || (packet.say == Say::Put && packet.fds.size() > 1))
    return Error::invalid("resolver packet with wrong descriptors");
  return packet;
}

Result<> send_packet(const sys::Fd& socket, const Packet& packet) {
  const Encoded encoded = encode(packet);
  return sys::send_message(socket, encoded.bytes, encoded.fds);
}

}  // namespace wherry::resolver
