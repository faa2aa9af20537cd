// Volumes: docker's local driver. A volume is a record and a directory `<root>/<name>/_data`;
// with the options type, o and device its data is another file system instead.
//
// Crash rules: the record is on disk before the directory is made, and says "removing" before the
// directory goes; open() finishes both. A directory without a record is somebody's data and
// becomes a volume, as with docker; nothing but remove() deletes data.
// Safe from any thread. Volumes are made and removed one at a time; what touches the data of one
// waits for nobody but its other users.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "sys/fd.h"
#include "volume/records.h"

namespace wherry::volume {

// The label that docker gives to volumes without a name of the user's.
inline constexpr const char* kAnonymousLabel = "com.docker.volume.anonymous";
inline constexpr std::size_t kLongestName = 255;  // NAME_MAX: it is a directory

struct CreateRequest {
  std::string name;  // "" gives one of 64 hex characters and the anonymous label
  Pairs labels;
  Pairs options;
  ContainerId user;  // made for this container, which holds it; empty: by `volume create`
};
enum class Made : bool { Found, New };
struct Created {
  Record record;
  Made made = Made::New;
};

struct Usage {
  std::vector<std::string> containers;  // full ids
  bool mounted = false;
};

class Volumes {
 public:
  // `root` is made if it is missing (0701, as docker's). Failures about one volume are logged.
  static Result<std::unique_ptr<Volumes>> open(const std::string& root, Records& records);

  // An existing volume of that name is given as it is. InvalidArgument and Conflict in docker's
  // words, "create NAME: ..." in front.
  Result<Created> create(const CreateRequest& request);
  // NotFound "get NAME: no such volume".
  Result<Record> find(const std::string& name);
  std::vector<Record> list();  // by name
  // Conflict "remove NAME: volume is in use - [id, id]". What was in it goes in empty_trash().
  Result<> remove(const std::string& name);
  // remove() in two steps, for volumes that go with a container. doom() takes it out of the lists
  // and queues the record, before whatever is queued next; false while somebody holds it. bury()
  // ends it; after a crash between the two open() does.
  bool doom(const std::string& name);
  void bury(const std::string& name);
  // Deletes what remove() left; slow where it is much.
  void empty_trash();

  // Containers hold the volumes that they name, from their creation to their removal.
  Result<> hold(const std::string& name, const ContainerId& container);
  void release(const std::string& name, const ContainerId& container);
  // The container's own row is on disk: its volumes are complete.
  void settle(const ContainerId& container);
  // At start, once every container that has a row holds what it names: pending volumes that
  // nobody holds go, file systems that nobody has mounted are unmounted.
  void drop_unheld();
  Usage usage(const std::string& name);

  // A detached mount of the data, or of the directory `subpath` in it, looked up below the data
  // only (RESOLVE_BENEATH). `container` has it mounted until unmount().
  Result<sys::Fd> mount(const std::string& name, const ContainerId& container,
                        const std::string& subpath);
  // Of a container that already runs when the engine starts.
  void mounted(const std::string& name, const ContainerId& container);
  void unmount(const ContainerId& container);
  // Fills an empty volume with `source` and its attributes; one that has content is left alone.
  // NoCopy volumes are not given to it. Crash: the whole content or none, unless a container
  // has the volume mounted already.
  Result<> fill(const std::string& name, const sys::Fd& source);

  // Sizes of the regular files; of volumes with a device: 0, as docker does not look there.
  Result<std::uint64_t> size(const std::string& name);
  // docker's Mountpoint: `<root>/NAME/_data`.
  [[nodiscard]] std::string path_of(const std::string& name) const;

 private:
  struct Entry {
    Record record;
    std::set<ContainerId> holders;
    std::set<ContainerId> mounted;
    // Held over I/O on the data, taken before mutex_.
    std::shared_ptr<std::mutex> busy = std::make_shared<std::mutex>();
  };
  Volumes(std::string root, Records& records) : root_(std::move(root)), records_(records) {}
  Result<> load();
  Result<> adopt_directories();
  Result<> make_directory(const std::string& name);
  Result<> discard_directory(const std::string& name);
  Result<Entry> entry(const std::string& name);
  Result<sys::Fd> open_data(const Entry& entry);
  Result<sys::Fd> shared_instance(const Entry& entry);
  void unmount_one(const Entry& entry, const ContainerId& container);

  const std::string root_;
  Records& records_;
  sys::Fd root_fd_;
  std::mutex operation_;  // create and remove; held over I/O, taken before mutex_
  std::mutex mutex_;      // short
  std::map<std::string, Entry, std::less<>> entries_;
};

// Opens (O_PATH) `subpath` of a tree that docker would show at `base`: nothing above it, no link out
// of it, no other mount in it.
Result<sys::Fd> open_subpath(const sys::Fd& tree, const std::string& base, const std::string& subpath);

// docker's grammar for names; its two sentences, without "create NAME: ".
Result<> check_name(const std::string& name);

}  // namespace wherry::volume
