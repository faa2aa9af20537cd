#include "volume/volumes.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"
#include "base/undo.h"
#include "sys/mount.h"
#include "sys/directory.h"
#include "sys/path.h"
#include "volume/driver_options.h"
#include "volume/tree.h"

namespace wherry::volume {
namespace {

constexpr const char* kTrash = ".trash";  // no volume's name: those begin with a letter or digit
constexpr mode_t kRootMode = 0701;        // docker's: a container's user may pass, not look
constexpr mode_t kDataMode = 0755;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Error no_such_volume(const std::string& name) {
  return Error::not_found(fmt::format("get {}: no such volume", name));
}

std::string today() {
  const std::string full = format_rfc3339_nano(now());
  return full.substr(0, full.find_first_of(".Z")) + "Z";
}

std::string holders_text(const std::set<ContainerId>& holders) {
  std::vector<std::string> ids;
  for (const ContainerId& holder : holders) ids.push_back(holder.str());
  return join(ids, ", ");
}

}  // namespace

Result<> check_name(const std::string& name) {
  if (name.size() == 1)
    return Error::invalid("volume name is too short, names should be at least two alphanumeric characters");
  const auto allowed = [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; };
  if (name.empty() || !is_alphanumeric(name.front()) || !std::ranges::all_of(name, allowed))
    return Error::invalid(fmt::format(
        "\"{}\" includes invalid characters for a local volume name, only "
        "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use "
        "absolute path",
        name));
  if (name.size() > kLongestName) return Error::invalid("volume name is too long");
  return {};
}

Result<std::unique_ptr<Volumes>> Volumes::open(const std::string& root, Records& records) {
  std::unique_ptr<Volumes> volumes(new Volumes(root, records));
  TRY(sys::make_directories(root, kRootMode));
  volumes->root_fd_ = TRY(sys::open_at({}, root.c_str(), O_RDONLY | O_DIRECTORY));
  if (::mkdirat(volumes->root_fd_.get(), kTrash, 0700) < 0 && errno != EEXIST)
    return Error::from_errno(errno, "create " + root + "/" + kTrash);
  TRY(volumes->load());
  TRY(volumes->adopt_directories());
  return volumes;
}

Result<> Volumes::load() {
  for (Record& record : TRY(records_.load())) {
    const std::string name = record.name;
    if (record.removing) {
      if (auto done = discard_directory(name); !done) log::warning("volume {}: {}", name, done.error().message());
      else records_.erase_later(name);
      continue;
    }
    if (auto made = make_directory(name); !made) log::warning("volume {}: {}", name, made.error().message());
    entries_[name].record = std::move(record);
  }
  return {};
}

Result<> Volumes::adopt_directories() {
  for (const std::string& name : TRY(sys::names_in(root_fd_))) {
    if (entries_.contains(name) || !check_name(name)) continue;
    struct stat status {};
    const std::string data = name + "/" + kData;
    if (::fstatat(root_fd_.get(), data.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(status.st_mode))
      continue;
    Record record{.name = name, .created = today(), .labels = {}, .options = {}, .pending_for = ""};
    log::warning("volume {}: its directory has no record and becomes a volume", name);
    TRY(records_.save(record));
    entries_[name].record = std::move(record);
  }
  return {};
}

Result<> Volumes::make_directory(const std::string& name) {
  if (::mkdirat(root_fd_.get(), name.c_str(), kRootMode) < 0 && errno != EEXIST)
    return Error::from_errno(errno, fmt::format("error while creating volume root path '{}'", path_of(name)));
  const sys::Fd directory = TRY(sys::open_at(root_fd_, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (::mkdirat(directory.get(), kData, kDataMode) < 0 && errno != EEXIST)
    return Error::from_errno(errno, fmt::format("error while creating volume data path '{}'", path_of(name)));
  if (::fsync(directory.get()) < 0 || ::fsync(root_fd_.get()) < 0)
    return Error::from_errno(errno, "sync " + path_of(name));
  return {};
}

// One rename: a volume of that name can be made again at once.
Result<> Volumes::discard_directory(const std::string& name) {
  // A shared tmpfs, or a disk that somebody put there: not ours to empty.
  static_cast<void>(sys::unmount_detach(path_of(name)));
  const std::string grave = fmt::format("{}/{}", kTrash, random_hex(16));
  if (::renameat(root_fd_.get(), name.c_str(), root_fd_.get(), grave.c_str()) < 0 && errno != ENOENT)
    return Error::from_errno(errno, "remove " + path_of(name));
  return {};
}

void Volumes::empty_trash() {
  const auto trash = sys::open_at(root_fd_, kTrash, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!trash) return;
  const auto names = sys::names_in(*trash);
  if (!names) return;
  for (const std::string& name : *names)
    if (auto removed = sys::remove_tree_at(*trash, name); !removed)
      log::warning("removed volume {}: {}", name, removed.error().message());
}

Result<Created> Volumes::create(const CreateRequest& request) {
  Record record{.name = request.name,
                .created = today(),
                .labels = request.labels,
                .options = request.options,
                .pending_for = request.user.str()};
  if (record.name.empty()) {
    record.name = random_hex(32);
    if (!record.labels) record.labels.emplace();
    (*record.labels)[kAnonymousLabel] = "";
  }
  const std::string context = "create " + record.name;
  TRY_AS(context, check_name(record.name));
  const std::lock_guard operation(operation_);
  if (const auto known = entry(record.name)) {
    if (!request.user.empty()) TRY(hold(record.name, request.user));
    return Created{known->record, Made::Found};
  }
  TRY_AS(context, check_options(record.options));
  TRY_AS(context, records_.save(record));
  if (auto made = make_directory(record.name); !made) {
    records_.erase_later(record.name);
    return std::move(made).error().within(context);
  }
  const std::lock_guard lock(mutex_);
  Entry& added = entries_[record.name];
  added.record = record;
  if (!request.user.empty()) added.holders.insert(request.user);
  return Created{std::move(record), Made::New};
}

Result<Volumes::Entry> Volumes::entry(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return no_such_volume(name);
  return found->second;
}

Result<Record> Volumes::find(const std::string& name) { return TRY(entry(name)).record; }

std::vector<Record> Volumes::list() {
  const std::lock_guard lock(mutex_);
  std::vector<Record> records;
  for (const auto& [name, entry] : entries_) records.push_back(entry.record);
  return records;
}

Result<> Volumes::remove(const std::string& name) {
  const std::lock_guard operation(operation_);
  Record record;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return no_such_volume(name);
    if (!found->second.holders.empty())
      return Error::conflict(
          fmt::format("remove {}: volume is in use - [{}]", name, holders_text(found->second.holders)));
    record = found->second.record;
    entries_.erase(found);  // nobody can begin to hold it
  }
  record.removing = true;
  Result<> removed = records_.save(record);
  if (removed) removed = discard_directory(name);
  if (!removed) {
    record.removing = false;
    records_.save_later(record);
    const std::lock_guard lock(mutex_);
    entries_[name].record = record;
    return std::move(removed).error().within("remove " + name);
  }
  records_.erase_later(name);
  return {};
}

bool Volumes::doom(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end() || !found->second.holders.empty()) return false;
  Record record = std::move(found->second.record);
  entries_.erase(found);
  record.removing = true;
  records_.save_later(record);
  return true;
}

void Volumes::bury(const std::string& name) {
  if (auto discarded = discard_directory(name); !discarded)
    log::warning("volume {}: {}", name, discarded.error().message());
  else
    records_.erase_later(name);
}

Result<> Volumes::hold(const std::string& name, const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return no_such_volume(name);
  found->second.holders.insert(container);
  return {};
}

void Volumes::release(const std::string& name, const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found != entries_.end()) found->second.holders.erase(container);
}

void Volumes::settle(const ContainerId& container) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, entry] : entries_) {
    if (entry.record.pending_for != container.str()) continue;
    entry.record.pending_for.clear();
    records_.save_later(entry.record);
  }
}

Usage Volumes::usage(const std::string& name) {
  Usage usage;
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return usage;
  for (const ContainerId& holder : found->second.holders) usage.containers.push_back(holder.str());
  usage.mounted = !found->second.mounted.empty();
  return usage;
}

void Volumes::drop_unheld() {
  std::vector<Entry> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, entry] : entries_) all.push_back(entry);
  }
  for (const Entry& entry : all) {
    const std::string& name = entry.record.name;
    if (entry.mounted.empty() && backing_of(entry.record.options) == Backing::Memory)
      static_cast<void>(sys::unmount_detach(path_of(name)));
    if (entry.record.pending_for.empty()) continue;
    if (!entry.holders.empty()) {
      settle(ContainerId(entry.record.pending_for));
    } else if (auto removed = remove(name); !removed) {
      log::warning("half-made volume: {}", removed.error().message());
    }
  }
}

std::string Volumes::path_of(const std::string& name) const {
  return fmt::format("{}/{}/{}", root_, name, kData);
}

}  // namespace wherry::volume
