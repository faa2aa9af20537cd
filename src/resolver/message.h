// DNS packets (RFC 1035, EDNS of RFC 6891) as far as the resolver needs them: the one question
// of a query, answers to it from our tables, and the places of the TTLs in an answer of others.
// Every byte is hostile: nothing here reads past a packet, follows a pointer backwards more
// than once, or recurses. Pure functions; tests/fuzz/fuzz_dns.cc feeds them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace wherry::resolver {

inline constexpr std::size_t kHeaderBytes = 12;
inline constexpr std::size_t kPlainUdpBytes = 512;     // RFC 1035: without EDNS
inline constexpr std::size_t kLargestUdpBytes = 4096;  // what we send at most, and take
inline constexpr std::size_t kLargestMessage = 65535;

enum class Type : std::uint16_t { A = 1, Soa = 6, Ptr = 12, Aaaa = 28, Opt = 41 };
inline constexpr std::uint16_t kClassIn = 1;

enum class Rcode : std::uint8_t { NoError = 0, FormErr = 1, ServFail = 2, NxDomain = 3, NotImp = 4, Refused = 5 };

// What a client asks.
struct Query {
  std::uint16_t id = 0;
  std::string name;  // lower case, without the last dot; a dot inside a label is a zero byte
  std::uint16_t type = 0;
  std::uint16_t question_class = 0;
  std::size_t question_end = 0;  // the question is [kHeaderBytes, question_end)
  bool has_edns = false;
  std::size_t udp_bytes = kPlainUdpBytes;  // the largest answer that the client takes over UDP
};
// Exactly one question, opcode QUERY, a name without compression, at most one OPT.
// InvalidArgument otherwise; NotImplemented for another opcode.
Result<Query> parse_query(std::string_view packet);

// The id alone, of anything that has a header and QR 0: for FORMERR. Nothing: do not answer.
std::optional<std::uint16_t> id_to_answer(std::string_view packet);

using Ipv4Bytes = std::array<std::uint8_t, 4>;
using Ipv6Bytes = std::array<std::uint8_t, 16>;

// What we say of a name.
struct Answers {
  Rcode rcode = Rcode::NoError;
  std::vector<Ipv4Bytes> ipv4;  // for A
  std::vector<Ipv6Bytes> ipv6;  // for AAAA
  std::string pointer;          // for PTR; "" none
  std::uint32_t ttl_s = 0;
};
// `packet` is the query that `query` was parsed from. Leaves out records past `limit` and
// says so with TC.
std::string make_answer(std::string_view packet, const Query& query, const Answers& answers,
                        std::size_t limit);
// A header with the id and FORMERR, NOTIMP and the like; the question is not repeated.
std::string make_error(std::uint16_t id, Rcode rcode);

// "4.3.2.1.in-addr.arpa" or "….ip6.arpa" -> the address; nullopt for any other name.
struct Address {
  Ipv6Bytes bytes{};
  std::size_t size = 0;  // 4 or 16
  auto operator<=>(const Address&) const = default;
};
std::optional<Address> reverse_address(std::string_view name);
// "172.18.0.2" or "fd00::2".
std::optional<Address> parse_address(std::string_view text);

// What an upstream server answered.
struct Response {
  std::uint16_t id = 0;
  Rcode rcode = Rcode::NoError;
  bool truncated = false;
  // How long it may be kept: the least TTL of its records, or what the SOA of a negative answer
  // says (RFC 2308). Nothing: not at all.
  std::optional<std::uint32_t> ttl_s;
  std::vector<std::size_t> ttl_places;  // byte offsets of every TTL but OPT's
};
// Fails unless it is a whole response that repeats the question of `query_packet`.
Result<Response> parse_response(std::string_view packet, std::string_view query_packet,
                                const Query& query);

std::uint16_t read_u16(std::string_view packet, std::size_t at);
void write_u16(std::string& packet, std::size_t at, std::uint16_t value);
std::uint32_t read_u32(std::string_view packet, std::size_t at);
void write_u32(std::string& packet, std::size_t at, std::uint32_t value);

}  // namespace wherry::resolver
