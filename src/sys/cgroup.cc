#include "sys/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "base/strings.h"

namespace wherry::sys {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPollStep = std::chrono::milliseconds(1);
constexpr std::size_t kMaximumFileBytes = 4U << 20;
constexpr int kDeepestGroup = 32;  // of groups that a container made below its own

// Those that limits of ours are written to; v2 hands no other down.
constexpr std::array<std::string_view, 5> kHandedDown{"cpu", "cpuset", "io", "memory", "pids"};

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

int remaining_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  return std::max<int>(0, static_cast<int>(left.count()));
}

// The kernel offers no event for what is polled here; the caller's deadline bounds it.
void pause_for_poll() {
  const timespec step{.tv_sec = 0,
                      .tv_nsec = std::chrono::nanoseconds(kPollStep).count()};
  ::nanosleep(&step, nullptr);
}

Result<> write_text(const std::string& path, std::string_view value) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return Error::from_errno(errno, fmt::format("open {}", path));
  if (::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
    return Error::from_errno(errno, fmt::format("write \"{}\" to {}", value, path));
  return {};
}

std::vector<std::string> child_groups(const std::string& directory) {
  std::vector<std::string> names;
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return names;
  while (const dirent* entry = ::readdir(stream))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(stream);
  return names;
}

// rmdir of the inner groups first; 0 or the errno of the first refusal.
int remove_tree(const std::string& directory, int depth) {
  if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return 0;
  if (errno != EBUSY && errno != ENOTEMPTY) return errno;
  if (depth < kDeepestGroup)
    for (const std::string& name : child_groups(directory))
      remove_tree(directory + "/" + name, depth + 1);
  return ::rmdir(directory.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

void collect_processes(const std::string& directory, int depth, std::vector<pid_t>& found) {
  const auto text = read_file((directory + "/cgroup.procs").c_str(), kMaximumFileBytes);
  if (!text) return;
  for (const std::string_view line : split(*text, '\n'))
    if (const auto pid = parse_i64(line)) found.push_back(static_cast<pid_t>(*pid));
  if (depth >= kDeepestGroup) return;
  for (const std::string& name : child_groups(directory))
    collect_processes(directory + "/" + name, depth + 1, found);
}

// v2: waits until cgroup.events has `line`; the file is pollable (POLLPRI on a change).
Result<> wait_for_event(const std::string& directory, std::string_view line, int deadline_ms) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(deadline_ms);
  const std::string path = directory + "/cgroup.events";
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return errno == ENOENT ? Result<>() : Error::from_errno(errno, "open " + path);
  while (true) {
    std::array<char, 256> text{};
    const ssize_t length = ::pread(file.get(), text.data(), text.size(), 0);
    if (length < 0) return errno == ENODEV ? Result<>() : Error::from_errno(errno, "read " + path);
    if (std::string_view(text.data(), static_cast<std::size_t>(length)).contains(line)) return {};
    const int left = remaining_ms(deadline);
    if (left == 0)
      return Error(ErrorKind::Deadline, fmt::format("{}: no \"{}\" in time", path, line));
    // The kernel holds a change back for up to 10 ms (cgroup_file_notify) and forgets it when the
    // group is removed meanwhile: without the cap such a waiter would sleep to its deadline.
    constexpr int kLostEvent_ms = 20;
    pollfd waiting{.fd = file.get(), .events = POLLPRI, .revents = 0};
    ::poll(&waiting, 1, std::min(left, kLostEvent_ms));
  }
}

// Makes the v1 group usable for tasks: without cpus and mems of its own nothing may enter.
Result<> fill_cpuset(const std::string& parent, const std::string& directory) {
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    const std::string present = TRY(read_file((directory + file).c_str()));
    if (!trim(present).empty()) continue;
    const std::string inherited = TRY(read_file((parent + file).c_str()));
    TRY(write_text(directory + file, trim(inherited)));
  }
  return {};
}

// v2: lets the children of `directory` have the controllers. One write each: a group of
// writes fails as a whole where one controller cannot be had.
void hand_down(const CgroupHierarchy& hierarchy, const std::string& directory) {
  for (const std::string_view controller : kHandedDown) {
    if (!contains(hierarchy.controllers, controller)) continue;
    // Where it cannot be had, writing the limit says so by name.
    static_cast<void>(write_text(directory + "/cgroup.subtree_control", fmt::format("+{}", controller)));
  }
}

bool has_all_handed_down(const CgroupHierarchy& hierarchy, const std::string& directory) {
  const bool wants_any = std::ranges::any_of(kHandedDown, [&](std::string_view controller) {
    return contains(hierarchy.controllers, controller);
  });
  if (!wants_any) return true;
  const auto text = read_file((directory + "/cgroup.controllers").c_str());
  if (!text) return false;
  const std::string_view trimmed = trim(*text);
  const auto present = split(trimmed, ' ');
  return std::ranges::all_of(kHandedDown, [&](std::string_view controller) {
    return !contains(hierarchy.controllers, controller) ||
           std::ranges::find(present, controller) != present.end();
  });
}

Result<> make_group(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return Error::from_errno(errno, fmt::format("create cgroup {}", directory));
}

// Every group on the way to `path`, each with what its children need.
Result<> make_parents(const CgroupHierarchy& hierarchy, const std::string& path) {
  std::string directory = hierarchy.mount_point;
  const bool cpuset = !hierarchy.unified && contains(hierarchy.controllers, "cpuset");
  for (const std::string_view name : split(std::string_view(path).substr(1), '/')) {
    if (hierarchy.unified) hand_down(hierarchy, directory);
    const std::string parent = directory;
    directory += fmt::format("/{}", name);
    TRY(make_group(directory));
    if (!cpuset) continue;
    TRY(fill_cpuset(parent, directory));
    // Groups made below get cpus and mems by themselves: saves two writes per container.
    TRY(write_text(directory + "/cgroup.clone_children", "1"));
  }
  return {};
}

Result<> check_free(const std::string& directory, const std::string& path, pid_t guest = 0) {
  std::vector<pid_t> found;
  collect_processes(directory, 0, found);
  std::erase(found, guest);
  if (found.empty()) return {};
  return Error::conflict(fmt::format("cgroup {} is in use by process {}", path, found[0]));
}

Result<> make_leaf(const CgroupHierarchy& hierarchy, const std::string& path, pid_t guest) {
  const std::string directory = hierarchy.mount_point + path;
  const std::string parent = directory.substr(0, directory.rfind('/'));
  if (::mkdir(directory.c_str(), 0755) < 0) {
    if (errno == ENOENT) return make_parents(hierarchy, path);
    if (errno != EEXIST)
      return Error::from_errno(errno, fmt::format("create cgroup {}", directory));
    TRY(check_free(directory, path, guest));
  }
  if (hierarchy.unified && !has_all_handed_down(hierarchy, directory))
    return make_parents(hierarchy, path);
  if (!hierarchy.unified && contains(hierarchy.controllers, "cpuset"))
    return fill_cpuset(parent, directory);
  return {};
}

}  // namespace

std::string Cgroup::directory_of(const CgroupHierarchy& hierarchy) const {
  return hierarchy.mount_point + path_;
}

Result<> Cgroup::create(std::vector<std::string>& warnings, pid_t guest) const {
  for (const CgroupHierarchy& hierarchy : layout_->hierarchies) {
    if (hierarchy.read_only) {
      warnings.push_back(fmt::format("cgroup {} is read-only", hierarchy.mount_point));
      continue;
    }
    auto made = make_leaf(hierarchy, path_, guest);
    if (made) continue;
    if (made.error().kind() == ErrorKind::Conflict) return std::unexpected(made.error());
    warnings.push_back(made.error().message());
  }
  return {};
}

Result<> Cgroup::check_unused() const {
  for (const CgroupHierarchy& hierarchy : layout_->hierarchies) TRY(check_free(directory_of(hierarchy), path_));
  return {};
}

Result<> Cgroup::remove(int deadline_ms) const {
  if (!layout_) return {};
  const auto deadline = Clock::now() + std::chrono::milliseconds(deadline_ms);
  Result<> outcome;
  for (const CgroupHierarchy& hierarchy : layout_->hierarchies) {
    const std::string directory = directory_of(hierarchy);
    int error = remove_tree(directory, 0);
    while (error == EBUSY && Clock::now() < deadline) {
      pause_for_poll();
      error = remove_tree(directory, 0);
    }
    if (error != 0 && error != EROFS && outcome)
      outcome = Error::from_errno(error, fmt::format("remove cgroup {}", directory));
  }
  return outcome;
}

Result<> Cgroup::write(std::string_view controller, const std::string& file,
                       std::string_view value) const {
  const CgroupHierarchy* hierarchy = layout_ ? layout_->find(controller) : nullptr;
  if (hierarchy == nullptr)
    return Error(ErrorKind::Unsupported, fmt::format("no cgroup controller {}", controller));
  auto written = write_text(directory_of(*hierarchy) + "/" + file, value);
  if (written) return written;
  const int error = written.error().errno_value();
  if (error == ENOENT || error == EROFS || error == EACCES || error == EPERM)
    return Error(ErrorKind::Unsupported, error, written.error().message());
  return written;
}

Result<std::string> Cgroup::read(std::string_view controller, const std::string& file) const {
  const CgroupHierarchy* hierarchy = layout_ ? layout_->find(controller) : nullptr;
  if (hierarchy == nullptr)
    return Error(ErrorKind::Unsupported, fmt::format("no cgroup controller {}", controller));
  return read_file((directory_of(*hierarchy) + "/" + file).c_str(), kMaximumFileBytes);
}

bool Cgroup::has(std::string_view controller) const {
  const CgroupHierarchy* hierarchy = layout_ ? layout_->find(controller) : nullptr;
  return hierarchy != nullptr && exists(directory_of(*hierarchy));
}

bool Cgroup::is_v2(std::string_view controller) const {
  const CgroupHierarchy* hierarchy = layout_ ? layout_->find(controller) : nullptr;
  return hierarchy != nullptr && hierarchy->unified;
}

Result<std::vector<Fd>> Cgroup::open_v1_tasks() const {
  std::vector<Fd> files;
  if (!layout_) return files;
  for (const CgroupHierarchy& hierarchy : layout_->hierarchies) {
    if (hierarchy.unified || hierarchy.read_only) continue;
    const std::string path = directory_of(hierarchy) + "/tasks";
    Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file) files.push_back(std::move(file));
    else if (errno != ENOENT) return Error::from_errno(errno, "open " + path);
  }
  return files;
}

Result<Fd> Cgroup::open_unified() const {
  const CgroupHierarchy* hierarchy = layout_ ? layout_->unified() : nullptr;
  if (hierarchy == nullptr || hierarchy->read_only) return Fd();
  const std::string path = directory_of(*hierarchy);
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory && errno != ENOENT) return Error::from_errno(errno, "open " + path);
  return directory;
}

std::vector<Cgroup::Directory> Cgroup::open_directories() const {
  std::vector<Directory> found;
  if (!layout_) return found;
  for (const CgroupHierarchy& hierarchy : layout_->hierarchies) {
    Fd fd(::open(directory_of(hierarchy).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (fd) found.push_back({.hierarchy = &hierarchy, .fd = std::move(fd)});
  }
  return found;
}

const CgroupHierarchy* Cgroup::tracking() const {
  if (!layout_) return nullptr;
  for (const CgroupHierarchy& hierarchy : layout_->hierarchies)
    if (hierarchy.unified && exists(directory_of(hierarchy))) return &hierarchy;
  for (const CgroupHierarchy& hierarchy : layout_->hierarchies)
    if (exists(directory_of(hierarchy))) return &hierarchy;
  return nullptr;
}

Result<std::vector<pid_t>> Cgroup::processes() const {
  std::vector<pid_t> found;
  if (const CgroupHierarchy* hierarchy = tracking())
    collect_processes(directory_of(*hierarchy), 0, found);
  return found;
}

Result<> Cgroup::freeze(int deadline_ms) const {
  if (is_v2("freezer")) {
    TRY(write("freezer", "cgroup.freeze", "1"));
    return wait_for_event(directory_of(*layout_->find("freezer")), "frozen 1", deadline_ms);
  }
  const auto deadline = Clock::now() + std::chrono::milliseconds(deadline_ms);
  while (true) {
    // Written each time: a fork that races keeps v1 in FREEZING until somebody asks again.
    TRY(write("freezer", "freezer.state", "FROZEN"));
    if (trim(TRY(read("freezer", "freezer.state"))) == "FROZEN") return {};
    if (Clock::now() >= deadline) break;
    pause_for_poll();
  }
  TRY(thaw());
  return Error(ErrorKind::Deadline, "cgroup did not freeze in time");
}

Result<> Cgroup::thaw() const {
  if (is_v2("freezer")) return write("freezer", "cgroup.freeze", "0");
  return write("freezer", "freezer.state", "THAWED");
}

bool Cgroup::is_frozen() const {
  const bool v2 = is_v2("freezer");
  const auto state = read("freezer", v2 ? "cgroup.events" : "freezer.state");
  if (!state) return false;
  return v2 ? state->contains("frozen 1") : trim(*state) != "THAWED";
}

Result<> Cgroup::signal_all(int number) const {
  for (const pid_t pid : TRY(processes()))
    if (::kill(pid, number) < 0 && errno != ESRCH)
      return Error::from_errno(errno, fmt::format("signal process {}", pid));
  return {};
}

Result<> Cgroup::kill_all(int deadline_ms) const {
  const CgroupHierarchy* unified = layout_ ? layout_->unified() : nullptr;
  if (unified != nullptr && write_text(directory_of(*unified) + "/cgroup.kill", "1")) {
    // A task frozen by v1 does not even die before it is thawed.
    if (!is_v2("freezer") && has("freezer")) TRY(thaw());
    return wait_for_event(directory_of(*unified), "populated 0", deadline_ms);
  }
  const auto deadline = Clock::now() + std::chrono::milliseconds(deadline_ms);
  while (!TRY(processes()).empty()) {
    // Frozen first, so that nothing forks away between the list and the signals.
    const bool freezes = has("freezer");
    if (freezes) static_cast<void>(write("freezer", "freezer.state", "FROZEN"));
    auto signalled = signal_all(SIGKILL);
    if (freezes) TRY(thaw());
    TRY(std::move(signalled));
    if (Clock::now() >= deadline)
      return Error(ErrorKind::Deadline, fmt::format("processes are left in cgroup {}", path_));
    pause_for_poll();
  }
  return {};
}

}  // namespace wherry::sys
