// An open directory stream that closes itself.
#pragma once

#include <dirent.h>

#include <memory>

namespace wherry::sys {

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

}  // namespace wherry::sys
