// Names of archive entries, made safe before any system call sees them.
#pragma once

#include <string>
#include <string_view>

#include "archive/extract.h"
#include "base/result.h"

namespace wherry::archive {

// A name below the layer's root: no leading slash, no "", "." or ".." in it. "" is the root.
class LayerPath {
 public:
  // Lexical, as docker does it: "/a" and "./a" are "a", "a/../b" is "b"; what would leave the
  // root, or is longer or deeper than the limits, is InvalidArgument.
  static Result<LayerPath> parse(std::string_view name, const ExtractLimits& limits);

  [[nodiscard]] const std::string& str() const { return path_; }
  [[nodiscard]] bool is_root() const { return path_.empty(); }
  [[nodiscard]] std::string_view parent() const;
  // The last name, as a C string as well.
  [[nodiscard]] const char* name() const;

 private:
  std::string path_;
};

}  // namespace wherry::archive
