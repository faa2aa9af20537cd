// The engine over the real keeper, runtime, snapshots and kernel. Needs root and the programs
// in bin/ beside tests/; skipped by name otherwise. Runs in a mount and a network namespace of
// its own, on a tmpfs, and leaves nothing behind.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>

#include "archive/sha256.h"
#include "engine/engine.h"
#include "image/images.h"
#include "keeper/client.h"
#include "sys/socket.h"

namespace wherry::engine {
namespace {

namespace fs = std::filesystem;
using spec::docker::ContainerCreateRequest;
using Strings = std::vector<std::string>;
using namespace std::chrono_literals;

constexpr const char* kRoot = "/tmp/wherry-engine-test";

std::string build_directory() { return fs::read_symlink("/proc/self/exe").parent_path().parent_path(); }

// ---- a busybox image as `docker save` writes it

void append_entry(std::string& tar, const std::string& name, std::string_view content, char type = '0',
                  unsigned mode = 0755, const std::string& link = "") {
  std::array<char, 512> header{};
  const auto put = [&](std::size_t offset, std::size_t size, const std::string& text) {
    std::memcpy(header.data() + offset, text.data(), std::min(size, text.size()));
  };
  put(0, 100, name);
  put(100, 8, fmt::format("{:07o}", mode));
  put(108, 8, "0000000");
  put(116, 8, "0000000");
  put(124, 12, fmt::format("{:011o}", content.size()));
  put(136, 12, "00000000000");
  put(148, 8, "        ");
  header[156] = type;
  put(157, 100, link);
  put(257, 8, std::string("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  tar.append(header.data(), header.size()).append(content);
  tar.append((512 - content.size() % 512) % 512, '\0');
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string busybox_layer() {
  std::string tar;
  for (const char* directory : {"bin/", "etc/", "tmp/", "proc/", "sys/", "dev/", "data/"})
    append_entry(tar, directory, "", '5');
  append_entry(tar, "data/seed", "from the image\n", '0', 0644);
  append_entry(tar, "bin/busybox", slurp("/bin/busybox"));
  for (const char* applet : {"sh", "sleep", "echo", "cat", "true", "id", "env", "hostname"})
    append_entry(tar, std::string("bin/") + applet, "", '2', 0777, "busybox");
  append_entry(tar, "etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n", '0', 0644);
  append_entry(tar, "etc/group", "root:x:0:\n", '0', 0644);
  return tar.append(1024, '\0');
}

std::string sha256_hex(const std::string& bytes) {
  return std::string(archive::Sha256::of(bytes).hex());
}

void write_image(const std::string& path) {
  const std::string layer = busybox_layer();
  const std::string config = fmt::format(
      R"({{"architecture":"{}","os":"linux","config":{{"Env":["PATH=/bin"],"Cmd":["sh"],"Volumes":{{"/data":{{}}}}}},)"
      R"("rootfs":{{"type":"layers","diff_ids":["sha256:{}"]}}}})",
      spec::host_platform().architecture, sha256_hex(layer));
  std::string tar;
  append_entry(tar, "config.json", config, '0', 0644);
  append_entry(tar, "layer.tar", layer, '0', 0644);
  append_entry(tar, "manifest.json",
               R"([{"Config":"config.json","RepoTags":["busybox:latest"],"Layers":["layer.tar"]}])", '0', 0644);
  std::ofstream(path, std::ios::binary) << tar.append(1024, '\0');
}

struct NoProgress final : image::ProgressSink {
  void emit(const spec::ProgressMessage& /*message*/) override {}
};

// ---- the fixture

class EngineOnHost : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (::geteuid() != 0 || !fs::exists(build_directory() + "/bin/wherry-keeper") ||
        !fs::exists(build_directory() + "/bin/wherryd") || !fs::exists("/bin/busybox"))
      return;
    if (::unshare(CLONE_NEWNS | CLONE_NEWNET) < 0) return;
    fs::create_directories(kRoot);
    ready_ = ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
             ::mount("tmpfs", kRoot, "tmpfs", 0, "mode=0755") == 0;
    if (!ready_) return;
    write_image(std::string(kRoot) + "/image.tar");
    open_engine();
    const sys::Fd stream = sys::open_at({}, (std::string(kRoot) + "/image.tar").c_str(), O_RDONLY).value();
    NoProgress progress;
    const auto loaded = engine_->images().load(stream, true, progress, {});
    ASSERT_TRUE(loaded) << loaded.error().message();
  }
  static void TearDownTestSuite() {
    if (!ready_) return;
    engine_.reset();
    auto keeper = keeper::Client::connect({.run_directory = std::string(kRoot) + "/run/keeper", .program = ""});
    ASSERT_TRUE(keeper);
    EXPECT_EQ((*keeper)->info().value().processes, 0U) << "the keeper still has processes";
    EXPECT_TRUE((*keeper)->shutdown());
    ::umount2(kRoot, MNT_DETACH);
    fs::remove(kRoot);
  }
  static void open_engine() {
    Options options;
    options.data_root = std::string(kRoot) + "/data";
    options.exec_root = std::string(kRoot) + "/run";
    options.keeper_program = build_directory() + "/bin/wherry-keeper";
    options.init_program = build_directory() + "/bin/wherry-init";
    options.unpack_program = build_directory() + "/bin/wherryd";
    auto opened = Engine::open(options);
    ASSERT_TRUE(opened) << opened.error().message();
    engine_ = std::move(*opened);
  }

  void SetUp() override {
    if (!ready_) GTEST_SKIP() << "needs root, /bin/busybox, bin/wherryd and bin/wherry-keeper";
  }
  void TearDown() override {
    if (!ready_) return;
    const auto all = engine_->list_containers({.all = true}).value();
    for (const auto& container : all) EXPECT_TRUE(engine_->remove_container(container.id, {.force = true}));
  }

  using Change = std::function<void(ContainerCreateRequest&)>;
  static Result<std::string> create(const Strings& command, const std::string& name = "",
                                    const Change& change = [](ContainerCreateRequest&) {}) {
    ContainerCreateRequest request;
    request.image = "busybox";
    request.cmd = spec::docker::Strings(command);
    request.host_config.emplace().network_mode = "none";
    change(request);
    return TRY(engine_->create_container(name, "", request)).id;
  }
  static std::string run(const Strings& command, const std::string& name = "",
                         const Change& change = [](ContainerCreateRequest&) {}) {
    auto id = create(command, name, change);
    EXPECT_TRUE(id) << (id ? "" : id.error().message());
    if (!id) return "";
    const auto started = engine_->start_container(*id);
    EXPECT_TRUE(started) << (started ? "" : started.error().message());
    return *id;
  }
  static std::int64_t wait(const std::string& name, WaitCondition condition = WaitCondition::NotRunning) {
    std::promise<std::int64_t> promise;
    auto future = promise.get_future();
    auto subscription =
        engine_->wait_container(name, condition, [&](WaitResult result) { promise.set_value(result.status_code); });
    EXPECT_TRUE(subscription) << (subscription ? "" : subscription.error().message());
    if (!subscription || future.wait_for(20s) != std::future_status::ready) return -1;
    return future.get();
  }
  static std::string logs(const std::string& name) {
    std::string text;
    const auto read = engine_->container_logs(
        name, {.stdout_ = true, .stderr_ = true}, [](LogsStart) -> Result<> { return {}; },
        [&](LogStream, std::string_view bytes) -> Result<> {
          text += bytes;
          return {};
        },
        {});
    EXPECT_TRUE(read);
    return text;
  }
  // Follows the log until `text` is there.
  static void await_output(const std::string& name, std::string_view text) {
    std::string seen;
    static_cast<void>(engine_->container_logs(
        name, {.follow = true, .stdout_ = true}, [](LogsStart) -> Result<> { return {}; },
        [&](LogStream, std::string_view bytes) -> Result<> {
          seen += bytes;
          if (!seen.contains(text)) return {};
          return Error(ErrorKind::Cancelled, "seen");
        },
        {}));
    EXPECT_TRUE(seen.contains(text)) << seen;
  }
  static std::string status(const std::string& name) {
    return engine_->inspect_container(name, false).value().state.status;
  }
  static std::string output_of(const Strings& command, const Change& change = [](ContainerCreateRequest&) {}) {
    const std::string id = run(command, "", change);
    wait(id);
    return logs(id);
  }

  static inline bool ready_ = false;
  static inline std::unique_ptr<Engine> engine_;
};

TEST_F(EngineOnHost, a_container_runs_and_its_code_and_output_stay) {
  const std::string id = run({"sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(wait(id), 7);
  EXPECT_EQ(status(id), "exited");
  const std::string text = logs(id);
  EXPECT_NE(text.find("out\n"), std::string::npos);
  EXPECT_NE(text.find("err\n"), std::string::npos);
}

TEST_F(EngineOnHost, a_failed_start_has_dockers_words_and_code) {
  const std::string id = create({"absent"}).value();
  const auto started = engine_->start_container(id);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind(), ErrorKind::InvalidArgument);
  EXPECT_EQ(started.error().message(),
            "failed to create task for container: failed to create shim task: OCI runtime create failed: runc "
            "create failed: unable to start container process: error during container init: exec: \"absent\": "
            "executable file not found in $PATH");
  const auto state = engine_->inspect_container(id, false).value().state;
  EXPECT_EQ(state.exit_code, 127);
  EXPECT_EQ(state.status, "created");
}

TEST_F(EngineOnHost, an_absent_image_or_container_is_named) {
  const auto image = create({"x"}, "", [](auto& r) { r.image = "absent"; });
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().kind(), ErrorKind::NotFound);
  EXPECT_EQ(image.error().message(), "No such image: absent:latest");
  EXPECT_EQ(engine_->start_container("absent").error().message(), "No such container: absent");
}

TEST_F(EngineOnHost, verbs_that_do_not_fit_the_state_say_so) {
  const std::string id = run({"sleep", "1000"}, "web");
  EXPECT_EQ(engine_->start_container("web").error().kind(), ErrorKind::NotModified);
  EXPECT_EQ(engine_->remove_container("web", {}).error().message(),
            "cannot remove container \"web\": container is running: stop the container before removing or "
            "force remove");
  EXPECT_EQ(create({"true"}, "web").error().message(),
            "Conflict. The container name \"/web\" is already in use by container \"" + id +
                "\". You have to remove (or rename) that container to be able to reuse that name.");
  EXPECT_EQ(engine_->unpause_container("web").error().message(), "Container " + id + " is not paused");
  ASSERT_TRUE(engine_->kill_container("web", ""));
  EXPECT_EQ(wait("web"), 137);
  EXPECT_EQ(engine_->kill_container("web", "").error().message(),
            "cannot kill container: web: container " + id + " is not running");
  EXPECT_EQ(engine_->stop_container("web", {}, {}).error().kind(), ErrorKind::NotModified);
}

TEST_F(EngineOnHost, stop_sends_the_signal_and_kills_after_its_time) {
  const std::string polite = run({"sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"});
  await_output(polite, "ready\n");
  ASSERT_TRUE(engine_->stop_container(polite, {.timeout_s = 10}, {}));
  EXPECT_EQ(wait(polite), 5);
  const std::string deaf = run({"sleep", "1000"});
  ASSERT_TRUE(engine_->stop_container(deaf, {.timeout_s = 0}, {}));
  EXPECT_EQ(wait(deaf), 137);
}

TEST_F(EngineOnHost, a_paused_container_is_frozen_and_can_be_removed_by_force) {
  run({"sleep", "1000"}, "frozen");
  ASSERT_TRUE(engine_->pause_container("frozen"));
  EXPECT_EQ(status("frozen"), "paused");
  spec::docker::ExecCreateRequest request;
  request.cmd = spec::docker::Strings(Strings{"true"});
  EXPECT_EQ(engine_->create_exec("frozen", request).error().message(),
            "Container frozen is paused, unpause the container before exec");
  ASSERT_TRUE(engine_->unpause_container("frozen"));
  EXPECT_EQ(status("frozen"), "running");
  ASSERT_TRUE(engine_->pause_container("frozen"));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(engine_->remove_container("frozen", {.force = true}));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

// What an exec writes, and its exit code.
struct ExecOutcome {
  std::string bytes;
  std::optional<std::int64_t> code;
};
ExecOutcome exec_in(Engine& engine, const std::string& name, const Strings& command) {
  spec::docker::ExecCreateRequest request;
  request.cmd = spec::docker::Strings(command);
  request.tty = false;
  request.attach_stdout = request.attach_stderr = true;
  const std::string id = engine.create_exec(name, request).value();
  sys::SocketPair pair = sys::make_socket_pair(SOCK_STREAM).value();
  const auto started = engine.start_exec(id, {}, [&](bool) -> Result<HijackedConnection> {
    return HijackedConnection{.fd = std::move(pair.second), .already_read = ""};
  });
  EXPECT_TRUE(started) << (started ? "" : started.error().message());
  ExecOutcome outcome{.bytes = sys::read_all(pair.first, 1 << 20).value(), .code = {}};
  outcome.code = engine.inspect_exec(id).value().exit_code;
  return outcome;
}

TEST_F(EngineOnHost, an_exec_runs_inside_and_its_code_is_known_when_its_stream_ends) {
  run({"sleep", "1000"}, "host");
  const ExecOutcome outcome = exec_in(*engine_, "host", {"sh", "-c", "hostname; exit 3"});
  EXPECT_NE(outcome.bytes.find(engine_->inspect_container("host", false)->config.hostname), std::string::npos);
  EXPECT_EQ(outcome.code, 3);
  const ExecOutcome absent = exec_in(*engine_, "host", {"absent"});
  EXPECT_NE(absent.bytes.find("OCI runtime exec failed: exec failed: unable to start container process: exec: "
                              "\"absent\": executable file not found in $PATH"),
            std::string::npos);
  EXPECT_EQ(absent.code, 127);
}

TEST_F(EngineOnHost, rename_frees_the_old_name_and_keeps_the_container) {
  run({"sleep", "1000"}, "old");
  ASSERT_TRUE(engine_->rename_container("old", "new"));
  EXPECT_FALSE(engine_->inspect_container("old", false));
  EXPECT_EQ(engine_->inspect_container("new", false)->name, "/new");
  EXPECT_TRUE(create({"true"}, "old"));
}

TEST_F(EngineOnHost, an_auto_removed_container_is_gone_when_wait_says_so_and_leaves_a_tombstone) {
  const std::string id =
      create({"sh", "-c", "exit 9"}, "gone", [](auto& r) { r.host_config->auto_remove = true; }).value();
  std::promise<std::int64_t> promise;
  auto subscription = engine_->wait_container(id, WaitCondition::Removed, [&](WaitResult result) {
    promise.set_value(result.status_code);
  });
  ASSERT_TRUE(engine_->start_container(id));
  EXPECT_EQ(promise.get_future().get(), 9);
  EXPECT_FALSE(engine_->inspect_container(id, false));
  EXPECT_TRUE(create({"true"}, "gone"));  // the name is free at once
  engine_.reset();
  open_engine();
  EXPECT_EQ(wait(id, WaitCondition::Removed), 9);
}

TEST_F(EngineOnHost, a_new_engine_adopts_what_runs_and_records_what_ended_meanwhile) {
  run({"sleep", "1000"}, "lives");
  run({"sh", "-c", "sleep 0.3; exit 4"}, "ends");
  run({"sh", "-c", "sleep 0.3"}, "vanishes", [](auto& r) { r.host_config->auto_remove = true; });
  const auto pid = engine_->inspect_container("lives", false)->state.pid;
  engine_.reset();
  std::this_thread::sleep_for(600ms);  // what ends now ends without an engine
  open_engine();
  const auto lives = engine_->inspect_container("lives", false).value();
  EXPECT_EQ(lives.state.status, "running");
  EXPECT_EQ(lives.state.pid, pid);
  EXPECT_EQ(exec_in(*engine_, "lives", {"echo", "ok"}).code, 0);
  const auto ends = engine_->inspect_container("ends", false).value();
  EXPECT_EQ(ends.state.status, "exited");
  EXPECT_EQ(ends.state.exit_code, 4);
  EXPECT_FALSE(engine_->inspect_container("vanishes", false));
  ASSERT_TRUE(engine_->kill_container("lives", ""));
  EXPECT_EQ(wait("lives"), 137);
}

TEST_F(EngineOnHost, a_second_engine_on_one_root_is_refused) {
  Options options;
  options.data_root = std::string(kRoot) + "/data";
  options.exec_root = std::string(kRoot) + "/run2";
  const auto second = Engine::open(options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::Conflict);
}

TEST_F(EngineOnHost, on_failure_restarts_as_often_as_it_may) {
  const std::string id = create({"sh", "-c", "echo run; exit 1"}, "again", [](auto& r) {
                           r.host_config->restart_policy = {.name = "on-failure", .maximum_retry_count = 2};
                         }).value();
  std::mutex mutex;
  std::condition_variable changed;
  int deaths = 0;
  auto subscription = engine_->subscribe_events(
      {.filters = {{"event", {"die"}}}},
      [&](const spec::docker::EventMessage&) {
        const std::lock_guard lock(mutex);
        ++deaths;
        changed.notify_all();
      },
      {});
  ASSERT_TRUE(engine_->start_container(id));
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 20s, [&] { return deaths == 3; }));
  }
  EXPECT_EQ(wait(id), 1);
  EXPECT_EQ(logs(id), "run\nrun\nrun\n");
  EXPECT_EQ(engine_->inspect_container(id, false)->restart_count, 2);
}

TEST_F(EngineOnHost, events_come_in_dockers_order) {
  std::mutex mutex;
  std::vector<std::string> actions;
  auto subscription = engine_->subscribe_events(
      {.filters = {{"type", {"container"}}}},
      [&](const spec::docker::EventMessage& event) {
        const std::lock_guard lock(mutex);
        actions.push_back(event.action);
      },
      {});
  const std::string id = run({"sleep", "1000"});
  ASSERT_TRUE(engine_->stop_container(id, {.timeout_s = 0}, {}));
  ASSERT_TRUE(engine_->remove_container(id, {}));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(actions, (Strings{"create", "start", "kill", "kill", "die", "stop", "destroy"}));
}

TEST_F(EngineOnHost, an_images_volume_begins_with_the_images_files_and_is_listed) {
  const std::string id = run({"sh", "-c", "cat /data/seed; echo more > /data/new; cat /data/new"});
  EXPECT_EQ(wait(id), 0);
  EXPECT_EQ(logs(id), "from the image\nmore\n");
  const auto mounts = engine_->inspect_container(id, false)->mounts;
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].destination, "/data");
  ASSERT_TRUE(engine_->start_container(id));
  EXPECT_EQ(wait(id), 0);
  EXPECT_EQ(logs(id), "from the image\nmore\nfrom the image\nmore\n");
}

TEST_F(EngineOnHost, flags_are_seen_from_inside) {
  EXPECT_EQ(output_of({"id", "-u"}, [](auto& r) { r.user = "app"; }), "1000\n");
  EXPECT_EQ(output_of({"hostname"}, [](auto& r) { r.hostname = "boat"; }), "boat\n");
  EXPECT_EQ(output_of({"sh", "-c", "pwd; echo $A"},
                      [](auto& r) {
                        r.working_dir = "/new/dir";
                        r.env = spec::docker::Strings(Strings{"A=b"});
                      }),
            "/new/dir\nb\n");
  EXPECT_NE(output_of({"sh", "-c", "echo x > /f"}, [](auto& r) { r.host_config->readonly_rootfs = true; })
                .find("Read-only file system"),
            std::string::npos);
  EXPECT_EQ(output_of({"sh", "-c", "cat /proc/1/comm"}, [](auto& r) { r.host_config->init = true; }),
            "docker-init\n");
  EXPECT_EQ(output_of({"sh", "-c", "ulimit -n"},
                      [](auto& r) { r.host_config->ulimits = {{"nofile", 256, 128}}; }),
            "128\n");
}

TEST_F(EngineOnHost, modes_join_another_containers_namespaces) {
  run({"sleep", "1000"}, "base", [](auto& r) { r.host_config->ipc_mode = "shareable"; });
  const auto host = [](const std::string& kind) {
    return [kind](ContainerCreateRequest& r) {
      if (kind == "net") r.host_config->network_mode = "container:base";
      if (kind == "pid") r.host_config->pid_mode = "container:base";
      if (kind == "ipc") r.host_config->ipc_mode = "container:base";
    };
  };
  for (const char* kind : {"net", "pid", "ipc"}) {
    const ExecOutcome own = exec_in(*engine_, "base", {"busybox", "readlink", std::string("/proc/self/ns/") + kind});
    const std::string joined =
        output_of({"busybox", "readlink", std::string("/proc/self/ns/") + kind}, host(kind));
    EXPECT_NE(own.bytes.find(joined), std::string::npos) << kind << ": " << joined;
    EXPECT_FALSE(joined.empty());
  }
}

TEST_F(EngineOnHost, attach_before_start_misses_nothing) {
  const std::string id = create({"sh", "-c", "echo first"}).value();
  sys::SocketPair pair = sys::make_socket_pair(SOCK_STREAM).value();
  ASSERT_TRUE(engine_->attach_container(id, {.stream = true, .stdout_ = true, .stderr_ = true},
                                        [&](bool) -> Result<HijackedConnection> {
                                          return HijackedConnection{.fd = std::move(pair.second), .already_read = ""};
                                        }));
  ASSERT_TRUE(engine_->start_container(id));
  EXPECT_EQ(sys::read_all(pair.first, 1 << 20).value(), std::string("\1\0\0\0\0\0\0\6first\n", 14));
  EXPECT_EQ(wait(id), 0);
}

TEST_F(EngineOnHost, races_for_one_name_and_one_container_have_one_winner) {
  std::vector<std::thread> threads;
  std::atomic<int> created{0};
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { created += create({"sleep", "1000"}, "one").has_value(); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  threads.clear();
  std::atomic<int> started{0};
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { started += engine_->start_container("one").has_value(); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(started, 1);
  threads.clear();
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] { static_cast<void>(engine_->remove_container("one", {.force = true})); });
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(engine_->inspect_container("one", false));
  EXPECT_TRUE(create({"true"}, "one"));
}

TEST_F(EngineOnHost, the_host_is_checked_line_by_line) {
  const auto lines = engine_->system_check();
  EXPECT_GE(lines.size(), 7U);
  for (const CheckLine& line : lines) EXPECT_EQ(line.state == CheckState::Ok, line.remedy.empty()) << line.subject;
}

}  // namespace
}  // namespace wherry::engine
