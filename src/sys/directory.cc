#include "sys/directory.h"

#include <fcntl.h>

#include <cerrno>
#include <string_view>

namespace wherry::sys {

Result<Directory> open_directory(const Fd& directory) {
  Fd copy = TRY(open_at(directory, ".", O_RDONLY | O_DIRECTORY));
  Directory stream(::fdopendir(copy.get()));
  if (!stream) return Error::from_errno(errno, "read directory");
  static_cast<void>(copy.release());  // closedir(3) closes it
  return stream;
}

Result<std::vector<std::string>> names_in(const Fd& directory) {
  const Directory stream = TRY(open_directory(directory));
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

}  // namespace wherry::sys
