#include "engine/open.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "engine/dns.h"
#include "engine/lifecycle.h"
#include "engine/network_store.h"
#include "engine/reconcile.h"
#include "metadata/schema.h"
#include "sys/elf.h"

namespace wherry::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSuffixLength = 8;
// The keeper's client has no way to be woken: the thread looks at `stopping` this often.
constexpr auto kEventPatience = 250ms;

std::string own_directory() {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string program(path.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  return program.substr(0, program.rfind('/'));
}

void fill_programs(Options& options) {
  if (options.keeper_program.empty()) options.keeper_program = own_directory() + "/wherry-keeper";
  if (options.init_program.empty()) options.init_program = own_directory() + "/wherry-init";
}

Result<sys::Fd> lock_root(const std::string& data_root) {
  sys::Fd lock = TRY(sys::open_at({}, (data_root + "/engine.lock").c_str(), O_RDWR | O_CREAT, 0600));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK)
    return Error::conflict(fmt::format("another wherryd uses the data root {}", data_root));
  return Error::from_errno(errno, "lock " + data_root);
}

Result<std::string> engine_id_of(metadata::Database& database) {
  const std::string fresh = random_hex(16);
  return database.write([&](metadata::Connection& connection) -> Result<std::string> {
    TRY(connection.execute("INSERT OR IGNORE INTO engine(key, value) VALUES('id', ?)", {fresh}));
    auto rows = TRY(connection.query("SELECT value FROM engine WHERE key = 'id'"));
    const metadata::Row* row = TRY(rows.next());
    return row == nullptr ? fresh : row->text(0);
  });
}

// The default engine has the plain names of bridge, table and cgroup parent; others add this.
std::string suffix_of(const Options& options, const std::string& engine_id) {
  const Options defaults;
  const bool is_default = options.data_root == defaults.data_root && options.exec_root == defaults.exec_root;
  return is_default ? "" : engine_id.substr(0, kSuffixLength);
}

Result<> open_stores(Core& core) {
  const std::string& root = core.options.data_root;
  core.database = TRY(metadata::Database::open(root + "/wherry.db", metadata::schema()));
  core.engine_id = TRY(engine_id_of(*core.database));
  core.content = TRY(content::Store::open(root + "/content"));
  snapshot::Choice choice = snapshot::Choice::Probe;
  const std::string& driver = core.options.storage_driver;
  if (driver == "overlay" || driver == "overlay2") choice = snapshot::Choice::Overlay;
  else if (driver == "copy" || driver == "vfs") choice = snapshot::Choice::Copy;
  else if (!driver.empty()) return Error::invalid(fmt::format("unknown storage driver {}", quote(driver)));
  // Writes its session down: on a full disk as well, or nobody could remove anything.
  core.snapshots = TRY(core.database->with_reserve(
      [&] { return snapshot::open_driver(root + "/snapshots", choice); }));
  return {};
}

std::vector<image::User> users_of(Core& core, const image::ImageId& image) {
  std::vector<image::User> users;
  for (const ContainerPtr& container : core.containers->all()) {
    const auto details = container->details.lock();
    const auto mounts_it = [&](const ContainerMount& mount) { return mount.image_id == image.str(); };
    if (details->record.image_id == image.str() || std::ranges::any_of(details->record.mounts, mounts_it))
      users.push_back({.container_id = details->record.id.str(), .running = details->state.counts_as_running()});
  }
  return users;
}

registry::Settings registry_settings(const LiveOptions& options) {
  registry::Settings settings;
  settings.mirrors = options.registry_mirrors;
  settings.insecure_registries = options.insecure_registries;
  return settings;
}

Result<> open_images(Core& core) {
  image::Options options;
  options.content = core.content.get();
  options.snapshots = core.snapshots.get();
  options.database = core.database.get();
  options.registry = registry_settings(core.options);
  options.unpack_program = core.options.unpack_program;
  options.maximum_concurrent_downloads = core.options.maximum_concurrent_downloads;
  options.temporary_directory = core.options.data_root + "/tmp";
  options.hooks.users = [&core](const image::ImageId& id) { return users_of(core, id); };
  options.hooks.event = [&core](const image::Event& event) {
    core.events.publish("image", event.action, {.id = event.id, .attributes = event.attributes});
  };
  core.images = TRY(image::Images::open(std::move(options)));
  return {};
}

Result<> open_volumes(Core& core) {
  core.volume_records = std::make_unique<VolumeRecords>(*core.database);
  core.volumes = TRY(volume::Volumes::open(core.options.data_root + "/volumes", *core.volume_records));
  return {};
}

Result<> open_network(Core& core) {
  network::Options options;
  options.engine_id = core.engine_id;
  options.suffix = suffix_of(core.options, core.engine_id);
  options.bridge = core.options.bridge;
  options.mtu = core.options.mtu;
  options.strict_ports = core.options.strict_ports;
  options.address_pools = core.options.address_pools;
  options.icc = core.options.icc ? network::Icc::On : network::Icc::Off;
  const std::vector<network::Description> networks = TRY(load_networks(*core.database));
  for (const network::Description& network : networks)
    if (!network.subnet6.empty()) options.subnets6.push_back(network.subnet6);
  core.networks = TRY(network::Networks::open(options));
  for (const network::Description& network : networks)
    core.networks->adopt_network(network);
  core.cgroup_parent = core.options.cgroup_parent;
  if (core.cgroup_parent.empty())
    core.cgroup_parent = options.suffix.empty() ? "/wherry" : "/wherry-" + options.suffix;
  return {};
}

Result<> open_keeper(Core& core) {
  // Before the keeper exists: what it clones comes to us if it dies.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) return Error::from_errno(errno, "become a child subreaper");
  core.orphans = TRY(OrphanReaper::create([&core](pid_t pid, sys::ExitStatus status) {
    if (const auto told = core.keeper->reaped(pid, status); !told)
      log::warning("tell the keeper of process {}: {}", pid, told.error().message());
  }));
  core.keeper = TRY(keeper::Client::connect(
      {.run_directory = core.options.exec_root + "/keeper", .program = core.options.keeper_program}));
  return {};
}

// A keeper lives longer than its engine: after an installation it becomes the program that came with
// this engine, and keeps its containers. Where that fails it goes on as it is: versions next to
// each other understand each other.
Result<> upgrade_keeper(Core& core) {
  const sys::Fd program = TRY(sys::open_at({}, core.options.keeper_program.c_str(), O_RDONLY));
  const std::string build = TRY(sys::build_id(program));
  const keeper::KeeperInfo old = TRY(core.keeper->info());
  if (old.build == build) return {};
  if (old.build.empty()) return Error(ErrorKind::Unsupported, "it is too old for that and stays until no container runs");
  TRY(core.keeper->upgrade(build, program));
  log::info("the keeper is now build {} (was {})", build, old.build);
  return {};
}

// Their keeper is gone: from now on the engine is their parent.
void watch_orphans(Core& core) {
  const auto records = core.keeper->list();
  if (!records) {
    log::warning("ask the new keeper what runs: {}", records.error().message());
    return;
  }
  for (const keeper::Record& record : *records) {
    if (record.state == keeper::State::Exited || record.pid <= 0) continue;
    const auto start_time = sys::process_start_time(record.pid);
    if (!start_time || *start_time != record.start_time) continue;
    if (auto pidfd = sys::Pidfd::open(record.pid)) core.orphans->watch(record.pid, std::move(*pidfd));
  }
}

void handle_exited(Core& core, const keeper::Event& event) {
  if (!event.target.exec.empty()) {
    core.workers.post([&core, event] { handle_exec_end(core, event); });
    return;
  }
  const ContainerPtr container = core.containers->find_id(ContainerId(event.target.container));
  if (!container) {
    static_cast<void>(core.keeper->acknowledge(event.sequence));
    static_cast<void>(core.keeper->forget(event.target));
    return;
  }
  const EndOfRun end{.nonce = event.nonce,
                     .ending = {.exit_code = event.exit.code,
                                .known = event.exit.known,
                                .oom_killed = event.exit.oom_killed,
                                .finished_at = Instant(std::chrono::nanoseconds(event.exit.finished_ns))},
                     .keeper_sequence = event.sequence};
  core.workers.post([&core, container, end] { handle_end(core, container, end); });
}

void handle_event(Core& core, const keeper::Event& event) {
  switch (event.kind) {
    case keeper::EventKind::Exited: return handle_exited(core, event);
    case keeper::EventKind::KeeperRestarted: return watch_orphans(core);
    case keeper::EventKind::Detached:
      if (const ContainerPtr container = core.containers->find_id(ContainerId(event.target.container))) {
        if (event.target.exec.empty()) publish_event(core, container->record(), "detach");
        else publish_event(core, container->record(), "exec_detach", {{"execID", event.target.exec}});
      }
      return;
    case keeper::EventKind::LogLost:
      log::warning("container {}: {} log lines lost: {}", event.target.container.substr(0, 12),
                   event.lost_lines, event.text);
      return;
  }
}

void run_keeper_events(Core& core) {
  while (!core.stopping) {
    auto event = core.keeper->next_event(std::chrono::steady_clock::now() + kEventPatience);
    if (event && *event) handle_event(core, **event);
    if (event || core.stopping) continue;
    log::error("keeper: {}", event.error().message());
    // A keeper that cannot be started: tried again, and not in a tight loop.
    std::this_thread::sleep_for(1s);
  }
}

// Users of the host do not pass the data root, or a setuid file that a container leaves in a volume
// would be theirs to run (CVE-2021-41091). As docker: a root that is more open than that is closed.
Result<> open_roots(const Options& options) {
  TRY(sys::make_directories(options.data_root, 0710));
  if (::chmod(options.data_root.c_str(), 0710) < 0)
    return Error::from_errno(errno, fmt::format("change mode of {}", options.data_root));
  return sys::make_directories(options.exec_root, 0711);
}

}  // namespace

Result<std::unique_ptr<Core>> open_core(Options options) {
  auto core = std::make_unique<Core>();
  fill_programs(options);
  core->options = std::move(options);
  *core->live.lock() = core->options;
  TRY(open_roots(core->options));
  core->root_lock = TRY(lock_root(core->options.data_root));
  core->directories = TRY(ContainerDirectories::open(core->options.data_root + "/containers"));
  core->boot_id = TRY(sys::boot_id());
  core->cgroups = std::make_shared<const sys::CgroupLayout>(TRY(sys::CgroupLayout::probe()));
  TRY(open_stores(*core));
  core->containers = TRY(ContainerStore::open(*core->database));
  TRY(open_images(*core));
  TRY_AS("open volumes", open_volumes(*core));
  TRY(open_network(*core));
  TRY(open_keeper(*core));
  TRY(open_dns(*core));
  TRY(reconcile(*core));
  settle_dns(*core);
  if (auto upgraded = upgrade_keeper(*core); !upgraded)
    log::warning("upgrade the keeper: {}", upgraded.error().message());
  // Only now: an older keeper may not know every step of a plan of ours.
  apply_restart_policies(*core);
  core->keeper_events = std::thread([raw = core.get()] { run_keeper_events(*raw); });
  return core;
}

// The event has docker's attributes, as far as we have the settings.
Result<> reload(Core& core, const LiveOptions& options) {
  TRY(core.images->reconfigure(registry_settings(options), options.maximum_concurrent_downloads));
  *core.live.lock() = options;
  const auto list = [](const std::vector<std::string>& values) {
    return values.empty() ? std::string("[]") : fmt::format("[\"{}\"]", join(values, "\",\""));
  };
  core.events.publish(
      "daemon", "reload",
      {.id = core.engine_id,
       .attributes = std::map<std::string, std::string>{
           {"debug", options.debug ? "true" : "false"},
           {"insecure-registries", list(options.insecure_registries)},
           {"labels", list(options.labels)},
           {"max-concurrent-downloads", fmt::format("{}", options.maximum_concurrent_downloads)},
           {"registry-mirrors", list(options.registry_mirrors)}}});
  return {};
}

// The parent of all containers' cgroups goes with the last of them.
static void remove_empty_parent(Core& core) {
  if (!core.containers || !core.options.cgroup_parent.empty()) return;
  for (const ContainerPtr& container : core.containers->all())
    if (container->state().has_process()) return;
  static_cast<void>(cgroup_of(core, core.cgroup_parent).remove(0));
}

void close_core(Core& core) {
  core.stopping = true;
  if (core.keeper_events.joinable()) core.keeper_events.join();
  core.workers.drain();
  core.ended_cgroups.drain();
  remove_empty_parent(core);
  if (core.snapshots) static_cast<void>(core.snapshots->close_cleanly());
}

}  // namespace wherry::engine
