// Makes files below one directory, by descriptor only. What it knows of archives is their
// entries; which of them mean a deletion is layer_writer's.
#pragma once

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "archive/extract.h"
#include "archive/layer_path.h"
#include "archive/tar_reader.h"
#include "base/result.h"
#include "sys/fd.h"

namespace wherry::archive {

class TreeWriter {
 public:
  TreeWriter(const sys::Fd& root, ExtractOptions::Privilege privilege)
      : root_(root), privilege_(privilege) {}

  // Each replaces what has the name, but a directory stays when a directory comes again.
  Result<> write_file(const LayerPath& path, const TarEntry& entry, TarReader& content);
  Result<> make_directory(const LayerPath& path, const TarEntry& entry);
  Result<> make_symlink(const LayerPath& path, const TarEntry& entry);
  Result<> make_node(const LayerPath& path, const TarEntry& entry);
  // `target` must be in this tree already and be no directory.
  Result<> make_hard_link(const LayerPath& path, const LayerPath& target);
  // overlayfs' deletion of `name` beside `path`; nothing if the tree has the name itself.
  Result<> make_whiteout(const LayerPath& marker, const std::string& name);
  // overlayfs' mark of a directory that hides the one below; "" is the root.
  Result<> mark_opaque(std::string_view directory);

  // Times of directories, which later entries would have changed. Call once, last.
  Result<> finish();

 private:
  struct Place {
    int parent;  // borrowed from parent_ or root_
    const char* name;
  };
  struct DirectoryTime {
    std::size_t path;  // offset in directory_paths_, NUL-terminated
    timespec mtime;
    std::uint32_t mode;
  };

  Result<Place> place(const LayerPath& path);
  Result<> open_parent(std::string_view parent);
  Result<sys::Fd> lookup(std::string_view directory) const;
  Result<> remove(const Place& place);
  Result<bool> is_whiteout(const Place& place) const;
  Result<sys::Fd> create_file(const Place& place, std::uint32_t mode);
  Result<> write_content(const sys::Fd& file, const TarEntry& entry, TarReader& content);
  Result<> set_owner(const Place& place, const TarEntry& entry);
  Result<> set_file_metadata(const sys::Fd& file, const TarEntry& entry);
  Result<> set_directory_metadata(const sys::Fd& directory, const LayerPath& path,
                                  const TarEntry& entry);
  Result<> set_xattrs(const sys::Fd& file, const TarEntry& entry);
  [[nodiscard]] bool must_chown(const TarEntry& entry) const;

  const sys::Fd& root_;
  ExtractOptions::Privilege privilege_;
  std::string parent_path_;  // of parent_, which most entries share with the one before
  sys::Fd parent_;
  bool inherits_group_ = false;  // a setgid directory was made
  std::string directory_paths_;
  std::vector<DirectoryTime> directory_times_;
};

}  // namespace wherry::archive
