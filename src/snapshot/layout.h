// The directories of a driver's root, the same for every driver that keeps trees.
#pragma once

#include <fcntl.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/fd.h"

namespace wherry::snapshot {

// How every directory below a root is opened.
inline constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

struct Layout {
  std::string path;  // of the root, for overlay's options
  sys::Fd root;
  sys::Fd layers;      // layers/<hex of diff_id>/{diff,record}
  sys::Fd drafts;      // drafts/<random>/{diff,record}: not visible yet
  sys::Fd containers;  // containers/<id>/...
  sys::Fd trash;       // trash/<random>: being deleted
  sys::Fd spares;      // spares/<random>: kept ready for containers
};

// Makes what is missing (0700). `driver` is written into the root's "driver" file; a root of
// another driver or a newer format is Unsupported, naming both.
Result<Layout> open_layout(const std::string& path, std::string_view driver);
// The driver that `path` was made for; "" for a new root.
Result<std::string> driver_of(const std::string& path);
// Takes the mark back from a new root whose driver turned out not to work.
Result<> forget_driver(const std::string& path);

Result<sys::Fd> make_directory_at(const sys::Fd& parent, const std::string& name, unsigned mode);
Result<> sync_directory(const sys::Fd& directory);
Result<> sync_file_system(const sys::Fd& directory);

}  // namespace wherry::snapshot
