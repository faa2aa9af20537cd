// Digest: the name of content, "sha256:" and 64 lower-case hex characters. The only way to
// make one from text is parse(), so a Digest is always safe as a file name (gauntlet F05).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry {

class Digest {
 public:
  // Empty: compares lower than every digest, and is none.
  Digest() = default;
  // Exactly the canonical form. Errors (InvalidArgument) have docker's words: "invalid checksum
  // digest format", "invalid checksum digest length", "unsupported digest algorithm".
  static Result<Digest> parse(std::string_view text);
  // 64 lower-case hex characters without the algorithm.
  static Result<Digest> from_hex(std::string_view hex);
  static Digest from_bytes(const std::array<std::uint8_t, 32>& sha256);

  [[nodiscard]] const std::string& str() const { return text_; }
  // The 64 characters after the colon.
  [[nodiscard]] std::string_view hex() const;
  // The first twelve hex characters: how docker's progress lines and lists name it.
  [[nodiscard]] std::string short_form() const { return std::string(hex().substr(0, 12)); }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  auto operator<=>(const Digest&) const = default;

 private:
  explicit Digest(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace wherry

template <>
struct std::hash<wherry::Digest> {
  std::size_t operator()(const wherry::Digest& digest) const noexcept {
    return std::hash<std::string>{}(digest.str());
  }
};
