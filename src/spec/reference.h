// Names of images: docker's reference grammar (distribution/reference), normalised.
//   alpine                  -> docker.io/library/alpine
//   foo/bar:1               -> docker.io/foo/bar:1
//   localhost:5000/x@sha256 -> localhost:5000/x@sha256:...
// A Reference that exists is valid: domain, path and tag are safe in a URL and in SQL.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace wherry::spec {

inline constexpr std::string_view kDockerHub = "docker.io";
inline constexpr std::size_t kMaximumRepositoryPath = 255;
inline constexpr std::size_t kMaximumTag = 128;

struct Reference {
  std::string domain;  // "docker.io", "localhost:5000", "[::1]:5000"
  std::string path;    // "library/alpine"
  std::string tag;     // empty: none given
  Digest digest;       // empty: none given

  // "docker.io/library/alpine"
  [[nodiscard]] std::string name() const { return domain + "/" + path; }
  // "alpine", "foo/bar", "localhost:5000/x": what docker shows.
  [[nodiscard]] std::string familiar_name() const;
  // name() with tag and digest.
  [[nodiscard]] std::string str() const;
  // familiar_name() with tag and digest.
  [[nodiscard]] std::string familiar() const;
  // Neither tag nor digest.
  [[nodiscard]] bool name_only() const { return tag.empty() && digest.empty(); }
  // This with ":latest" if it is name_only().
  [[nodiscard]] Reference with_default_tag() const;
  auto operator<=>(const Reference&) const = default;
};

// `text` as a user typed it. Errors (InvalidArgument) have docker's words:
//   "invalid reference format"
//   "invalid reference format: repository name (library/Foo) must be lowercase"
//   "invalid repository name (<64 hex>), cannot specify 64-byte hexadecimal strings"
//   "repository name must not be more than 255 characters"
//   and those of Digest::parse.
Result<Reference> parse_reference(std::string_view text);

// [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}; error: "invalid tag format".
Result<> check_tag(std::string_view tag);

// True for 64 hex characters, or "sha256:" and up to 64: the user means an image id (or a
// prefix of one), not a name.
bool looks_like_image_id(std::string_view text);

}  // namespace wherry::spec
