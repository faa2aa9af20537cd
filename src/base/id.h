// Strong types over strings, so that a container id is never passed for an exec id.
#pragma once

#include <compare>
#include <string>
#include <utility>

#include "base/strings.h"

namespace wherry {

template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}
  // 64 lower-case hex characters from the kernel's randomness.
  static Id random() { return Id(random_hex(32)); }

  [[nodiscard]] const std::string& str() const { return text_; }
  // The first twelve characters, as docker's lists show them.
  [[nodiscard]] std::string short_form() const { return text_.substr(0, 12); }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string text_;
};

using ContainerId = Id<struct ContainerIdTag>;
using ExecId = Id<struct ExecIdTag>;
using NetworkId = Id<struct NetworkIdTag>;

}  // namespace wherry

template <class Tag>
struct std::hash<wherry::Id<Tag>> {
  std::size_t operator()(const wherry::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
