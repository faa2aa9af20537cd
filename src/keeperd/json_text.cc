#include "keeperd/json_text.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace wherry::keeperd {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

constexpr std::uint64_t has_zero(std::uint64_t word) { return (word - kOnes) & ~word & kHighs; }
constexpr std::uint64_t has_byte(std::uint64_t word, unsigned char byte) {
  return has_zero(word ^ (kOnes * byte));
}

// Nothing of these eight bytes needs escaping or decoding.
bool is_plain(std::uint64_t word) {
  const std::uint64_t control = (word - kOnes * 0x20) & ~word & kHighs;
  return ((word & kHighs) | control | has_byte(word, '"') | has_byte(word, '\\') |
          has_byte(word, '<') | has_byte(word, '>') | has_byte(word, '&')) == 0;
}

constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> table{};
  for (std::size_t i = 0x20; i < 0x80; ++i) table[i] = true;
  for (const char c : {'"', '\\', '<', '>', '&'}) table[static_cast<unsigned char>(c)] = false;
  return table;
}();

char* escape_ascii(char* out, unsigned char byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (byte) {
    case '"': return append(out, "\\\"");
    case '\\': return append(out, "\\\\");
    case '\n': return append(out, "\\n");
    case '\r': return append(out, "\\r");
    default:
      out = append(out, "\\u00");
      *out++ = kHex[byte >> 4];
      *out++ = kHex[byte & 15];
      return out;
  }
}

struct Lead {
  std::size_t length;  // of the character; 0: no lead byte
  unsigned char low;   // range of the second byte (Unicode, table 3-7)
  unsigned char high;
};

Lead lead_of(unsigned char byte) {
  if (byte >= 0xc2 && byte <= 0xdf) return {2, 0x80, 0xbf};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};
  if (byte == 0xed) return {3, 0x80, 0x9f};
  if (byte >= 0xe1 && byte <= 0xef) return {3, 0x80, 0xbf};
  if (byte == 0xf0) return {4, 0x90, 0xbf};
  if (byte >= 0xf1 && byte <= 0xf3) return {4, 0x80, 0xbf};
  if (byte == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

// How many bytes of `text` are a correct beginning of the character that its lead announces.
std::size_t correct_bytes(std::string_view text, const Lead& lead) {
  std::size_t count = 1;
  for (; count < lead.length && count < text.size(); ++count) {
    const auto byte = static_cast<unsigned char>(text[count]);
    const bool second = count == 1;
    if (byte < (second ? lead.low : 0x80) || byte > (second ? lead.high : 0xbf)) break;
  }
  return count;
}

// One character (or one bad byte) at the front of `text`.
char* escape_character(char* out, std::string_view& text) {
  const Lead lead = lead_of(static_cast<unsigned char>(text.front()));
  if (lead.length == 0 || correct_bytes(text, lead) != lead.length) {
    text.remove_prefix(1);
    return append(out, "\\ufffd");
  }
  const std::string_view character = text.substr(0, lead.length);
  text.remove_prefix(lead.length);
  if (character == "\xe2\x80\xa8") return append(out, "\\u2028");
  if (character == "\xe2\x80\xa9") return append(out, "\\u2029");
  return append(out, character);
}

}  // namespace

char* escape_json(char* out, std::string_view text) {
  while (!text.empty()) {
    std::uint64_t word = 0;
    while (text.size() >= sizeof word) {
      std::memcpy(&word, text.data(), sizeof word);
      if (!is_plain(word)) break;
      std::memcpy(out, &word, sizeof word);
      out += sizeof word;
      text.remove_prefix(sizeof word);
    }
    // The word that stopped us, or the tail, byte by byte.
    for (std::size_t i = 0; i < sizeof word && !text.empty(); ++i) {
      const auto byte = static_cast<unsigned char>(text.front());
      if (byte >= 0x80) {
        out = escape_character(out, text);
        continue;
      }
      if (kPlain[byte]) {
        *out++ = text.front();
      } else {
        out = escape_ascii(out, byte);
      }
      text.remove_prefix(1);
    }
  }
  return out;
}

std::size_t whole_characters(std::string_view text) {
  // A character has at most four bytes, so only the last three can be an unfinished one.
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const std::string_view tail = text.substr(text.size() - back);
    const Lead lead = lead_of(static_cast<unsigned char>(tail.front()));
    if (lead.length == 0) continue;
    const bool unfinished = lead.length > back && correct_bytes(tail, lead) == back;
    return unfinished ? text.size() - back : text.size();
  }
  return text.size();
}

}  // namespace wherry::keeperd
