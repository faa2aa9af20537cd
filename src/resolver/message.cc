#include "resolver/message.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/strings.h"

namespace wherry::resolver {
namespace {

// Header flags, RFC 1035 section 4.1.1.
constexpr std::uint16_t kQr = 0x8000;
constexpr std::uint16_t kOpcode = 0x7800;
constexpr std::uint16_t kTc = 0x0200;
constexpr std::uint16_t kRd = 0x0100;
constexpr std::uint16_t kRa = 0x0080;
constexpr std::uint16_t kCd = 0x0010;
constexpr std::uint16_t kRcode = 0x000f;

constexpr std::size_t kMaximumName = 255;   // on the wire
constexpr std::size_t kMaximumLabel = 63;
constexpr std::size_t kMaximumRecords = 1024;  // of one packet
constexpr std::uint8_t kPointer = 0xc0;
constexpr std::size_t kRecordFixed = 10;  // type, class, TTL, length
constexpr std::size_t kOptBytes = 11;
// A pointer to the question's name, which always stands at 12.
constexpr std::uint16_t kQuestionPointer = 0xc00c;

std::uint8_t byte_at(std::string_view packet, std::size_t at) {
  return static_cast<std::uint8_t>(packet[at]);
}

void append_u16(std::string& packet, std::uint16_t value) {
  packet.push_back(static_cast<char>(value >> 8));
  packet.push_back(static_cast<char>(value));
}
void append_u32(std::string& packet, std::uint32_t value) {
  append_u16(packet, static_cast<std::uint16_t>(value >> 16));
  append_u16(packet, static_cast<std::uint16_t>(value));
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

Error malformed(const char* what) { return Error::invalid(what); }

// Reads the uncompressed name at `at` into `name`; gives the offset behind it.
Result<std::size_t> read_name(std::string_view packet, std::size_t at, std::string& name) {
  const std::size_t start = at;
  while (at < packet.size()) {
    const std::size_t length = byte_at(packet, at++);
    if (length == 0) return at;
    if (length > kMaximumLabel) return malformed("compressed question name");
    if (packet.size() - at < length || at + length - start > kMaximumName - 1)
      return malformed("question name is cut or too long");
    if (!name.empty()) name.push_back('.');
    for (const char c : packet.substr(at, length)) name.push_back(c == '.' ? '\0' : lower(c));
    at += length;
  }
  return malformed("question name is cut");
}

// Behind a name that may end in a pointer; the pointer is not followed.
Result<std::size_t> skip_name(std::string_view packet, std::size_t at) {
  while (at < packet.size()) {
    const std::uint8_t length = byte_at(packet, at);
    if (length == 0) return at + 1;
    if ((length & kPointer) == kPointer) {
      if (packet.size() - at < 2) return malformed("name is cut");
      return at + 2;
    }
    if (length > kMaximumLabel) return malformed("unknown label type");
    at += 1U + length;
  }
  return malformed("name is cut");
}

struct Record {
  std::uint16_t type = 0;
  std::uint16_t record_class = 0;
  std::uint32_t ttl_s = 0;
  std::size_t ttl_at = 0;
  std::size_t data_at = 0;
  std::size_t end = 0;
};

Result<Record> read_record(std::string_view packet, std::size_t at) {
  at = TRY(skip_name(packet, at));
  if (packet.size() < at || packet.size() - at < kRecordFixed) return malformed("record is cut");
  Record record;
  record.type = read_u16(packet, at);
  record.record_class = read_u16(packet, at + 2);
  record.ttl_at = at + 4;
  record.ttl_s = read_u32(packet, record.ttl_at);
  record.data_at = at + kRecordFixed;
  const std::size_t length = read_u16(packet, at + 8);
  if (packet.size() - record.data_at < length) return malformed("record data is cut");
  record.end = record.data_at + length;
  return record;
}

// RFC 2308: the lesser of the SOA's own TTL and its last field, MINIMUM.
std::uint32_t negative_ttl(std::string_view packet, const Record& soa) {
  constexpr std::size_t kSmallestSoa = 22;
  if (soa.end - soa.data_at < kSmallestSoa) return 0;
  return std::min(soa.ttl_s, read_u32(packet, soa.end - 4));
}

std::size_t records_of(std::string_view packet) {
  return std::size_t{read_u16(packet, 6)} + read_u16(packet, 8) + read_u16(packet, 10);
}

Result<> read_additional(std::string_view packet, Query& query) {
  std::size_t at = query.question_end;
  const std::size_t count = records_of(packet);
  if (count > kMaximumRecords) return malformed("too many records");
  for (std::size_t i = 0; i < count; ++i) {
    const Record record = TRY(read_record(packet, at));
    at = record.end;
    if (record.type != static_cast<std::uint16_t>(Type::Opt)) continue;
    if (query.has_edns) return malformed("two OPT records");
    query.has_edns = true;
    query.udp_bytes =
        std::clamp<std::size_t>(record.record_class, kPlainUdpBytes, kLargestUdpBytes);
  }
  return {};
}

bool same_question(std::string_view a, std::string_view b, const Query& query) {
  if (a.size() < query.question_end) return false;
  const auto question = [&](std::string_view packet) {
    return packet.substr(kHeaderBytes, query.question_end - kHeaderBytes);
  };
  // Some servers answer in lower case.
  return std::ranges::equal(question(a), question(b), {}, lower, lower);
}

std::string encode_name(std::string_view name) {
  std::string wire;
  for (const std::string_view label : split(name, '.')) {
    if (label.empty() || label.size() > kMaximumLabel) continue;
    wire.push_back(static_cast<char>(label.size()));
    wire.append(label);
  }
  if (wire.size() >= kMaximumName) wire.clear();
  wire.push_back('\0');
  return wire;
}

// The answer under construction: counts what is in it and stops at the limit.
class Builder {
 public:
  Builder(std::string packet, const Query& query, std::size_t limit)
      : packet_(std::move(packet)), reserved_(query.has_edns ? kOptBytes : 0), limit_(limit) {}

  void add(Type type, std::uint32_t ttl_s, std::string_view data) {
    if (packet_.size() + 2 + kRecordFixed + data.size() + reserved_ > limit_) truncated_ = true;
    if (truncated_) return;
    append_u16(packet_, kQuestionPointer);
    append_u16(packet_, static_cast<std::uint16_t>(type));
    append_u16(packet_, kClassIn);
    append_u32(packet_, ttl_s);
    append_u16(packet_, static_cast<std::uint16_t>(data.size()));
    packet_.append(data);
    ++answers_;
  }

  std::string finish(std::uint16_t flags) {
    write_u16(packet_, 2, static_cast<std::uint16_t>(truncated_ ? flags | kTc : flags));
    write_u16(packet_, 6, answers_);
    if (reserved_ == 0) return std::move(packet_);
    write_u16(packet_, 10, 1);
    packet_.push_back('\0');  // the root
    append_u16(packet_, static_cast<std::uint16_t>(Type::Opt));
    append_u16(packet_, kLargestUdpBytes);
    append_u32(packet_, 0);
    append_u16(packet_, 0);
    return std::move(packet_);
  }

 private:
  std::string packet_;
  std::size_t reserved_;
  std::size_t limit_;
  std::uint16_t answers_ = 0;
  bool truncated_ = false;
};

std::optional<std::uint8_t> hex_digit(std::string_view text) {
  if (text.size() != 1) return std::nullopt;
  if (text[0] >= '0' && text[0] <= '9') return static_cast<std::uint8_t>(text[0] - '0');
  if (text[0] >= 'a' && text[0] <= 'f') return static_cast<std::uint8_t>(text[0] - 'a' + 10);
  return std::nullopt;
}

std::optional<Address> reverse_ipv6(const std::vector<std::string_view>& labels) {
  constexpr std::size_t kNibbles = 32;
  if (labels.size() != kNibbles + 2) return std::nullopt;
  Address address{.size = 16};
  for (std::size_t i = 0; i < kNibbles; ++i) {
    const auto digit = hex_digit(labels[kNibbles - 1 - i]);
    if (!digit) return std::nullopt;
    address.bytes[i / 2] |= static_cast<std::uint8_t>(i % 2 == 0 ? *digit << 4 : *digit);
  }
  return address;
}

std::optional<Address> reverse_ipv4(const std::vector<std::string_view>& labels) {
  if (labels.size() != 6) return std::nullopt;
  std::string text;
  for (int i = 3; i >= 0; --i)
    text.append(labels[static_cast<std::size_t>(i)]).append(i > 0 ? "." : "");
  const auto address = parse_address(text);
  return address && address->size == 4 ? address : std::nullopt;
}

}  // namespace

std::uint16_t read_u16(std::string_view packet, std::size_t at) {
  CHECK(at + 2 <= packet.size());
  return static_cast<std::uint16_t>(byte_at(packet, at) << 8 | byte_at(packet, at + 1));
}

void write_u16(std::string& packet, std::size_t at, std::uint16_t value) {
  CHECK(at + 2 <= packet.size());
  packet[at] = static_cast<char>(value >> 8);
  packet[at + 1] = static_cast<char>(value);
}

std::uint32_t read_u32(std::string_view packet, std::size_t at) {
  return static_cast<std::uint32_t>(read_u16(packet, at)) << 16 | read_u16(packet, at + 2);
}

void write_u32(std::string& packet, std::size_t at, std::uint32_t value) {
  write_u16(packet, at, static_cast<std::uint16_t>(value >> 16));
  write_u16(packet, at + 2, static_cast<std::uint16_t>(value));
}

Result<Query> parse_query(std::string_view packet) {
  if (packet.size() < kHeaderBytes || packet.size() > kLargestMessage)
    return malformed("no DNS header");
  const std::uint16_t flags = read_u16(packet, 2);
  if ((flags & kQr) != 0) return malformed("a response, not a query");
  if ((flags & kOpcode) != 0) return Error(ErrorKind::NotImplemented, "not a standard query");
  if (read_u16(packet, 4) != 1) return malformed("not one question");
  Query query;
  query.id = read_u16(packet, 0);
  const std::size_t at = TRY(read_name(packet, kHeaderBytes, query.name));
  if (packet.size() - at < 4) return malformed("question is cut");
  query.type = read_u16(packet, at);
  query.question_class = read_u16(packet, at + 2);
  query.question_end = at + 4;
  TRY(read_additional(packet, query));
  return query;
}

std::optional<std::uint16_t> id_to_answer(std::string_view packet) {
  if (packet.size() < kHeaderBytes || (read_u16(packet, 2) & kQr) != 0) return std::nullopt;
  return read_u16(packet, 0);
}

std::string make_answer(std::string_view packet, const Query& query, const Answers& answers,
                        std::size_t limit) {
  std::string start(packet.substr(0, query.question_end));
  const std::uint16_t asked = read_u16(packet, 2);
  for (const std::size_t count : {6U, 8U, 10U}) write_u16(start, count, 0);
  Builder builder(std::move(start), query, limit);
  const auto text_of = [](const auto& bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  for (const Ipv4Bytes& ip : answers.ipv4) builder.add(Type::A, answers.ttl_s, text_of(ip));
  for (const Ipv6Bytes& ip : answers.ipv6) builder.add(Type::Aaaa, answers.ttl_s, text_of(ip));
  if (!answers.pointer.empty())
    builder.add(Type::Ptr, answers.ttl_s, encode_name(answers.pointer));
  const auto rcode = static_cast<std::uint16_t>(answers.rcode);
  return builder.finish(static_cast<std::uint16_t>(kQr | kRa | (asked & (kRd | kCd)) | rcode));
}

std::string make_error(std::uint16_t id, Rcode rcode) {
  std::string packet(kHeaderBytes, '\0');
  write_u16(packet, 0, id);
  write_u16(packet, 2, static_cast<std::uint16_t>(kQr | kRa | static_cast<std::uint16_t>(rcode)));
  return packet;
}

std::optional<Address> parse_address(std::string_view text) {
  const std::string copy(text);
  Address address;
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address.size = 4, address;
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address.size = 16, address;
  return std::nullopt;
}

std::optional<Address> reverse_address(std::string_view name) {
  const std::vector<std::string_view> labels = split(name, '.');
  if (name.ends_with(".in-addr.arpa")) return reverse_ipv4(labels);
  if (name.ends_with(".ip6.arpa")) return reverse_ipv6(labels);
  return std::nullopt;
}

Result<Response> parse_response(std::string_view packet, std::string_view query_packet,
                                const Query& query) {
  if (packet.size() < kHeaderBytes) return malformed("no DNS header");
  const std::uint16_t flags = read_u16(packet, 2);
  if ((flags & kQr) == 0) return malformed("a query, not a response");
  if (read_u16(packet, 4) != 1 || !same_question(packet, query_packet, query))
    return malformed("answers another question");
  Response response{.id = read_u16(packet, 0),
                    .rcode = static_cast<Rcode>(flags & kRcode),
                    .truncated = (flags & kTc) != 0};
  const std::size_t answers = read_u16(packet, 6);
  const std::size_t count = records_of(packet);
  if (count > kMaximumRecords) return malformed("too many records");
  std::size_t at = query.question_end;
  std::optional<std::uint32_t> least;
  std::optional<std::uint32_t> negative;
  for (std::size_t i = 0; i < count; ++i) {
    const Record record = TRY(read_record(packet, at));
    at = record.end;
    if (record.type == static_cast<std::uint16_t>(Type::Opt)) continue;
    response.ttl_places.push_back(record.ttl_at);
    least = std::min(least.value_or(record.ttl_s), record.ttl_s);
    if (record.type == static_cast<std::uint16_t>(Type::Soa))
      negative = negative_ttl(packet, record);
  }
  const bool known = response.rcode == Rcode::NoError || response.rcode == Rcode::NxDomain;
  const bool positive = response.rcode == Rcode::NoError && answers > 0;
  if (known && !response.truncated) response.ttl_s = positive ? least : negative;
  return response;
}

}  // namespace wherry::resolver
