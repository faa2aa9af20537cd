// Packets for the tests of this folder.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <string>
#include <vector>

#include "base/strings.h"
#include "resolver/message.h"

namespace wherry::resolver::testing {

struct QuerySpec {
  std::string name;
  std::uint16_t type = 1;
  std::uint16_t id = 1;
  std::uint16_t edns_bytes = 0;  // 0: no OPT
};

inline void append(std::string& packet, std::initializer_list<std::uint16_t> values) {
  for (const std::uint16_t value : values) {
    packet.push_back(static_cast<char>(value >> 8));
    packet.push_back(static_cast<char>(value));
  }
}

inline std::string make_query(const QuerySpec& spec) {
  std::string packet;
  const std::uint16_t additional = spec.edns_bytes == 0 ? 0 : 1;
  append(packet, {spec.id, 0x0100, 1, 0, 0, additional});
  for (const std::string_view label : split(spec.name, '.')) {
    if (label.empty()) continue;
    packet.push_back(static_cast<char>(label.size()));
    packet.append(label);
  }
  packet.push_back('\0');
  append(packet, {spec.type, kClassIn});
  if (additional == 0) return packet;
  packet.push_back('\0');
  append(packet, {41, spec.edns_bytes, 0, 0, 0});
  return packet;
}

struct Read {
  std::uint16_t id = 0;
  Rcode rcode = Rcode::NoError;
  bool truncated = false;
  std::vector<std::string> ipv4;
  std::vector<std::string> ipv6;
  std::string pointer;
  std::uint32_t ttl_s = 0;
};

// Reads what make_answer() writes: every answer's name is a pointer of two bytes.
inline Read read_answer(std::string_view packet) {
  Read read{.id = read_u16(packet, 0),
            .rcode = static_cast<Rcode>(read_u16(packet, 2) & 15),
            .truncated = (read_u16(packet, 2) & 0x200) != 0};
  std::size_t at = packet.size() > kHeaderBytes ? packet.find('\0', kHeaderBytes) + 5 : 0;
  for (int i = 0; i < read_u16(packet, 6); ++i) {
    const std::uint16_t type = read_u16(packet, at + 2);
    const std::size_t size = read_u16(packet, at + 10);
    const std::string_view data = packet.substr(at + 12, size);
    read.ttl_s = read_u32(packet, at + 6);
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (type == 1) read.ipv4.emplace_back(::inet_ntop(AF_INET, data.data(), text.data(), text.size()));
    if (type == 28) read.ipv6.emplace_back(::inet_ntop(AF_INET6, data.data(), text.data(), text.size()));
    for (std::size_t label = 0; type == 12 && data[label] != 0; label += 1U + static_cast<std::uint8_t>(data[label]))
      read.pointer.append(data.substr(label + 1, static_cast<std::uint8_t>(data[label]))).push_back('.');
    at += 12 + size;
  }
  return read;
}

struct Soa {
  std::uint32_t ttl_s = 0;
  std::uint32_t minimum_s = 0;
};

// NXDOMAIN with an SOA record of the root.
inline std::string negative_answer(std::string_view packet, const Query& query, const Soa& soa) {
  std::string answer = make_answer(packet, query, {.rcode = Rcode::NxDomain}, kLargestMessage);
  write_u16(answer, 8, 1);
  answer.push_back('\0');
  append(answer, {6, kClassIn, static_cast<std::uint16_t>(soa.ttl_s >> 16),
                  static_cast<std::uint16_t>(soa.ttl_s), 22});
  answer.append(2 + 16, '\0');  // two root names, serial, refresh, retry, expire
  append(answer, {static_cast<std::uint16_t>(soa.minimum_s >> 16), static_cast<std::uint16_t>(soa.minimum_s)});
  return answer;
}

}  // namespace wherry::resolver::testing
