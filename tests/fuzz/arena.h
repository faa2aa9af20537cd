// Where the fuzzed extractor writes: <arena>/layer, beside <arena>/secret.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/check.h"
#include "sys/fd.h"
#include "sys/path.h"

namespace wherry::fuzz {

class Arena {
 public:
  Arena() {
    char pattern[] = "/dev/shm/wherry-fuzz-XXXXXX";
    CHECK(::mkdtemp(pattern) != nullptr);
    root_ = open(pattern);
    CHECK(::mkdirat(root_.get(), "layer", 0755) == 0);
    CHECK(::mkdirat(root_.get(), "secret", 0755) == 0);
    layer_ = open(std::string(pattern) + "/layer");
    before_ = look();
    path_ = pattern;
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    static_cast<void>(sys::remove_tree_at(root_, "layer"));
    static_cast<void>(sys::remove_tree_at(root_, "secret"));
    static_cast<void>(::rmdir(path_.c_str()));
  }

  [[nodiscard]] const sys::Fd& layer() const { return layer_; }
  // No name beside the layer came, went or changed.
  [[nodiscard]] bool outside_is_untouched() const {
    const Look now = look();
    return now.links == before_.links && now.changed.tv_sec == before_.changed.tv_sec &&
           now.changed.tv_nsec == before_.changed.tv_nsec;
  }
  void empty_layer() const {
    CHECK(sys::remove_tree_at(root_, "layer").has_value());
    CHECK(::mkdirat(root_.get(), "layer", 0755) == 0);
    layer_ = open(path_ + "/layer");
    before_ = look();
  }

 private:
  struct Look {
    nlink_t links;
    timespec changed;
  };
  [[nodiscard]] Look look() const {
    struct stat root{};
    CHECK(::fstat(root_.get(), &root) == 0);
    return {root.st_nlink, root.st_ctim};
  }
  static sys::Fd open(const std::string& path) {
    auto fd = sys::open_at({}, path.c_str(), O_RDONLY | O_DIRECTORY);
    CHECK(fd.has_value());
    return std::move(*fd);
  }

  std::string path_;
  sys::Fd root_;
  mutable sys::Fd layer_;
  mutable Look before_{};
};

}  // namespace wherry::fuzz
