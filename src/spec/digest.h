// Digest: the name of content, "sha256:" and 64 lower-case hex characters. Constructed by
// parse() only, so that one that exists is safe in a path (docs: OCI image-spec, descriptor).
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace wherry::spec {

class Digest {
 public:
  // Empty: no digest. Every other value went through parse() or from_hex().
  Digest() = default;

  // Errors (InvalidArgument) have docker's words: "invalid checksum digest format",
  // "invalid checksum digest length", "unsupported digest algorithm".
  static Result<Digest> parse(std::string_view text);
  // 64 lower-case hex characters without the algorithm.
  static Result<Digest> from_hex(std::string_view hex);

  [[nodiscard]] const std::string& str() const { return text_; }  // "sha256:<hex>"
  [[nodiscard]] std::string_view hex() const {
    return text_.empty() ? std::string_view() : std::string_view(text_).substr(7);
  }
  // The first twelve hex characters: how docker's progress lines and lists name it.
  [[nodiscard]] std::string short_form() const { return std::string(hex().substr(0, 12)); }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  auto operator<=>(const Digest&) const = default;

 private:
  explicit Digest(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// sha256 over `bytes`.
Digest digest_of(std::string_view bytes);

}  // namespace wherry::spec

template <>
struct std::hash<wherry::spec::Digest> {
  std::size_t operator()(const wherry::spec::Digest& digest) const noexcept {
    return std::hash<std::string>{}(digest.str());
  }
};
