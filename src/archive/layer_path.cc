#include "archive/layer_path.h"

#include <fmt/format.h>

#include <vector>

#include "base/strings.h"

namespace wherry::archive {

namespace {

constexpr std::size_t kQuotedInErrors = 200;

Error refused(std::string_view name, const char* why) {
  return Error::invalid(
      fmt::format("archive entry {} {}", quote(name.substr(0, kQuotedInErrors)), why));
}

}  // namespace

Result<LayerPath> LayerPath::parse(std::string_view name, const ExtractLimits& limits) {
  if (name.find('\0') != std::string_view::npos) return refused(name, "has a NUL in its name");
  if (name.size() > limits.path_bytes) return refused(name, "has too long a name");
  std::vector<std::string_view> pieces;
  for (const std::string_view piece : split(name, '/')) {
    if (piece.empty() || piece == ".") continue;
    if (piece != "..") {
      pieces.push_back(piece);
      continue;
    }
    if (pieces.empty()) return refused(name, "leads out of the layer");
    pieces.pop_back();
  }
  if (pieces.size() > limits.path_depth) return refused(name, "is too deep");
  LayerPath path;
  for (const std::string_view piece : pieces) {
    if (!path.path_.empty()) path.path_ += '/';
    path.path_ += piece;
  }
  return path;
}

std::string_view LayerPath::parent() const {
  const auto slash = path_.rfind('/');
  return slash == std::string::npos ? std::string_view() : std::string_view(path_).substr(0, slash);
}

const char* LayerPath::name() const {
  const auto slash = path_.rfind('/');
  return path_.c_str() + (slash == std::string::npos ? 0 : slash + 1);
}

}  // namespace wherry::archive
