#include "runtime_cli/container.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "base/strings.h"
#include "runtime/systemd_scope.h"
#include "runtime_cli/config.h"
#include "spec/oci_runtime_json.h"
#include "sys/path.h"

namespace wherry::runtime_cli {
namespace {

constexpr int kFormat = 1;
constexpr std::size_t kMaximumIdBytes = 1024;
constexpr int kKillDeadlineMs = 10000;
constexpr int kRemoveDeadlineMs = 5000;

Result<> check_id(const std::string& id) {
  const auto odd = std::ranges::find_if(id, [](unsigned char letter) {
    return std::isalnum(letter) == 0 && !std::string_view("_+-.").contains(static_cast<char>(letter));
  });
  if (odd != id.end())
    return Error::invalid(fmt::format("invalid container ID format: {}: invalid character {}", quote(id), quote({&*odd, 1})));
  if (id.empty() || id.starts_with('.') || id.size() > kMaximumIdBytes)
    return Error::invalid(fmt::format("invalid container ID format: {}", quote(id)));
  return {};
}

}  // namespace

std::shared_ptr<const sys::CgroupLayout> cgroup_layout() {
  auto layout = sys::CgroupLayout::probe();
  return std::make_shared<const sys::CgroupLayout>(
      layout ? std::move(*layout) : sys::CgroupLayout{});
}

Result<Container> Container::create(const std::string& root, const std::string& id) {
  TRY(check_id(id));
  std::string directory = fmt::format("{}/{}", root, id);
  int made = ::mkdir(directory.c_str(), 0711);
  if (made < 0 && errno == ENOENT) {
    TRY(sys::make_directories(root, 0700));
    made = ::mkdir(directory.c_str(), 0711);
  }
  if (made < 0 && errno == EEXIST)
    return Error::conflict("container with given ID already exists");
  if (made < 0) return Error::from_errno(errno, fmt::format("create {}", directory));
  Record record;
  record.id = id;
  Container container(std::move(directory), std::move(record));
  container.claim_ = TRY(sys::open_at({}, container.directory_.c_str(), O_RDONLY | O_DIRECTORY));
  if (::flock(container.claim_.get(), LOCK_EX) < 0) return Error::from_errno(errno, "lock container");
  return container;
}

void Container::settle() {
  // Not by close alone: a child that was cloned meanwhile has the same lock.
  if (claim_) ::flock(claim_.get(), LOCK_UN);
  claim_.reset();
}

Result<> Container::await_settled() {
  if (status() != "creating") return {};
  const sys::Fd directory = TRY(sys::open_at({}, directory_.c_str(), O_RDONLY | O_DIRECTORY));
  while (::flock(directory.get(), LOCK_SH) < 0)
    if (errno != EINTR) return Error::from_errno(errno, "wait for the container");
  const auto text = sys::read_file((directory_ + "/state.json").c_str(), json::kMaximumBytes);
  if (text) record_ = TRY(parse_record(*text, record_.id));
  if (::access(directory_.c_str(), F_OK) == 0) return {};
  return Error::not_found(fmt::format("container {} does not exist", quote(record_.id)));
}

Result<Record> parse_record(std::string_view text, const std::string& id) {
  Record record = TRY_AS("state.json", json::parse<Record>(text));
  if (record.format != kFormat)
    return Error::invalid(fmt::format("state.json: format {}, this program knows {}", record.format, kFormat));
  if (record.id != id) return Error::invalid(fmt::format("state.json: it is of container {}", quote(record.id)));
  if (record.pid < 0) return Error::invalid(fmt::format("state.json: pid {}", record.pid));
  const std::string& group = record.cgroup_path;
  const auto names = split(group, '/');
  const bool odd = group.find('\0') != std::string::npos || std::ranges::find(names, "..") != names.end();
  if (!group.empty() && (odd || !group.starts_with('/') || group.find_first_not_of("/.") == std::string::npos))
    return Error::invalid(fmt::format("state.json: cgroupPath {}", quote(group)));
  return record;
}

Result<Container> Container::load(const std::string& root, const std::string& id) {
  TRY(check_id(id));
  std::string directory = fmt::format("{}/{}", root, id);
  auto text = sys::read_file((directory + "/state.json").c_str(), json::kMaximumBytes);
  if (!text) {
    if (::access(directory.c_str(), F_OK) != 0)
      return Error::not_found(fmt::format("container {} does not exist", quote(id)));
    // `create` ended before it wrote anything: the claim alone is left.
    Record record;
    record.id = id;
    return Container(std::move(directory), std::move(record));
  }
  Record record = TRY(parse_record(*text, id));
  return Container(std::move(directory), std::move(record));
}

std::vector<std::string> Container::list(const std::string& root) {
  std::vector<std::string> ids;
  DIR* stream = ::opendir(root.c_str());
  if (stream == nullptr) return ids;
  while (const dirent* entry = ::readdir(stream))
    if (entry->d_name[0] != '.') ids.emplace_back(entry->d_name);
  ::closedir(stream);
  std::ranges::sort(ids);
  return ids;
}

Result<> Container::save() const {
  const sys::Fd directory = TRY(sys::open_at({}, directory_.c_str(), O_RDONLY | O_DIRECTORY));
  return sys::replace_file_at(directory, "state.json", json::write(record_), 0600,
                              sys::Durable::No);
}

Result<spec::oci::Config> Container::config() const {
  const std::string text =
      TRY(sys::read_file(path("config.json").c_str(), json::kMaximumBytes));
  auto config = TRY(json::parse<spec::oci::Config>(text));
  complete_hooks(config);
  return config;
}

std::optional<sys::Pidfd> Container::process() const {
  if (record_.pid <= 0) return std::nullopt;
  auto pidfd = sys::Pidfd::open(record_.pid);
  if (!pidfd) return std::nullopt;
  const auto start_time = sys::process_start_time(record_.pid);
  if (!start_time || *start_time != record_.start_time) return std::nullopt;
  const auto boot = sys::boot_id();
  if (!boot || *boot != record_.boot_id) return std::nullopt;
  const auto ended = pidfd->wait_ended(0);  // a zombie has ended, whoever forgot to reap it
  if (!ended || *ended) return std::nullopt;
  return std::move(*pidfd);
}

std::string Container::status() const {
  if (record_.pid == 0) return "creating";
  if (!process()) return "stopped";
  if (::access(path("go").c_str(), F_OK) == 0) return "created";
  const auto group = cgroup();
  return group && group->is_frozen() ? "paused" : "running";
}

Result<sys::Cgroup> Container::cgroup() const {
  if (record_.cgroup_path.empty()) return sys::Cgroup();
  return sys::Cgroup(cgroup_layout(), record_.cgroup_path);
}

// Somebody else may have frozen the process in a group of their own (cgroup v1), where it does not even
// die: whoever deletes a container wants it to.
void Container::thaw_elsewhere() const {
  const auto groups = process() ? sys::read_file(fmt::format("/proc/{}/cgroup", record_.pid).c_str()) : Result<std::string>("");
  for (const std::string_view line : split(groups.value_or(""), '\n')) {
    const auto rest = cut(line, ':');
    const auto path = rest ? cut(rest->after, ':') : std::nullopt;
    if (!path || path->before != "freezer" || path->after.contains("..")) continue;
    const sys::Cgroup group(cgroup_layout(), std::string(path->after));
    if (path->after != "/" && group.is_frozen()) static_cast<void>(group.thaw());
  }
}

Result<> Container::remove() {
  thaw_elsewhere();
  if (!record_.cgroup_path.empty()) {
    const sys::Cgroup group = TRY(cgroup());
    TRY(group.kill_all(kKillDeadlineMs));
    TRY(group.remove(kRemoveDeadlineMs));
  }
  if (!record_.systemd_scope.empty()) {
    auto ended = runtime::end_unit(record_.systemd_scope);
    // Where no systemd is left there is no unit either.
    if (!ended && ended.error().kind() != ErrorKind::Unsupported) return std::move(ended).error().within("systemd");
  }
  if (const auto alive = process()) {
    TRY(alive->signal(SIGKILL));
    static_cast<void>(TRY(alive->wait_ended(kKillDeadlineMs)));
  }
  const std::size_t slash = directory_.rfind('/');
  const sys::Fd root = TRY(
      sys::open_at({}, directory_.substr(0, slash).c_str(), O_RDONLY | O_DIRECTORY));
  return sys::remove_tree_at(root, directory_.substr(slash + 1));
}

}  // namespace wherry::runtime_cli
