// For tests: a real keeper and pump on a directory of their own, and processes in no
// namespace at all (plans of a few steps), so that no test here needs root.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/stdcopy.h"
#include "keeper/client.h"
#include "runtime/plan.h"
#include "sys/fd.h"
#include "sys/pidfd.h"
#include "sys/socket.h"

namespace wherry::keeperd {

inline constexpr std::chrono::seconds kPatience{20};

class KeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Keeper and pump become our children when their parents end: TearDown waits for them.
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    char name[] = "/tmp/wherry-keeper-test.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    ASSERT_TRUE(connect());
  }

  // Every process of the test ends here, whatever happened.
  void TearDown() override {
    if (client_) end_keeper();
    int status = 0;
    while (::waitpid(-1, &status, 0) > 0) {
    }
    std::filesystem::remove_all(root_);
  }

  // Ends every process that the keeper has, and the keeper.
  void end_keeper() {
    const auto records = client_->list();
    for (const keeper::Record& record : records.value_or(std::vector<keeper::Record>{}))
      if (!client_->forget(record.target)) kill_group(record.pid);
    // A killed start is reaped a moment later, and nothing tells.
    bool ended = false;
    for (int i = 0; i < 200 && !ended; ++i) {
      const auto event =
          client_->next_event(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
      if (event && *event && (*event)->sequence != 0)
        static_cast<void>(client_->acknowledge((*event)->sequence));
      ended = client_->shutdown().has_value();
    }
    EXPECT_TRUE(ended);
    client_.reset();
  }

  bool connect() {
    auto client = keeper::Client::connect(
        {.run_directory = run_directory(), .program = WHERRY_KEEPER, .timeout = std::chrono::seconds(20)});
    EXPECT_TRUE(client.has_value()) << (client ? "" : client.error().message());
    if (client) client_ = std::move(*client);
    return client_ != nullptr;
  }

  std::string run_directory() const { return root_ + "/run"; }

  static void kill_group(pid_t pid) {
    if (::kill(-pid, SIGKILL) < 0) ::kill(pid, SIGKILL);
  }

  struct Program {
    std::string script;
    keeper::StdioOptions stdio;
    keeper::LogOptions log;
    std::string container = "c1";
    std::string exec;
    std::string nonce = "n1";
    std::string interpreter = "/bin/sh";
  };

  static runtime::Plan plan_of(const Program& program) {
    runtime::Plan plan;
    plan.terminal = program.stdio.tty;
    plan.steps.push_back({.kind = runtime::StepKind::NewSession});
    // As root the keeper's mount namespace is empty: the programs are in ours.
    if (::geteuid() == 0)
      plan.steps.push_back(
          {.kind = runtime::StepKind::JoinNamespaces, .fd = plan.terminal ? 1U : 0U, .a = CLONE_NEWNS});
    if (plan.terminal) plan.steps.push_back({.kind = runtime::StepKind::OpenTerminal, .fd = 0});
    for (const auto kind :
         {runtime::StepKind::SetStdio, runtime::StepKind::ResetSignals, runtime::StepKind::FindProgram,
          runtime::StepKind::Ready, runtime::StepKind::WaitForGo, runtime::StepKind::Execute})
      plan.steps.push_back({.kind = kind});
    plan.args = {program.interpreter, "-c", program.script};
    plan.env = {"PATH=/usr/bin:/bin", "TERM=xterm"};
    return plan;
  }

  Result<keeper::StartedProcess> start(const Program& program) {
    keeper::StartRequest request;
    request.target = {program.container, program.exec};
    request.nonce = program.nonce;
    request.stdio = program.stdio;
    request.log = program.log;
    request.deadline_ms = 10'000;
    keeper::StartFds fds;
    TRY(add_plan(program, fds));
    if (program.log.driver == keeper::LogDriver::JsonFile)
      fds.log_directory = TRY(sys::open_at({}, root_.c_str(), O_RDONLY | O_DIRECTORY));
    request.go_at_once = !program.exec.empty();
    return client_->start(request, fds);
  }

  static Result<> add_plan(const Program& program, keeper::StartFds& fds) {
    fds.plan = TRY(sys::sealed_memfd("plan", runtime::encode(plan_of(program))));
    if (program.stdio.tty)
      fds.fds.push_back(TRY(sys::open_at({}, "/dev/pts", O_PATH | O_DIRECTORY)));
    if (::geteuid() == 0)
      fds.fds.push_back(TRY(sys::open_at({}, "/proc/self/ns/mnt", O_RDONLY)));
    return {};
  }

  // Start and go.
  keeper::StartedProcess run(const Program& program) {
    auto started = start(program);
    EXPECT_TRUE(started.has_value()) << (started ? "" : started.error().message());
    if (!started) return {};
    const auto went = client_->go({program.container, program.exec});
    EXPECT_TRUE(went.has_value()) << (went ? "" : went.error().message());
    return std::move(*started);
  }

  keeper::LogOptions json_log() const {
    keeper::LogOptions log;
    log.driver = keeper::LogDriver::JsonFile;
    log.file_name = "c1-json.log";
    log.path = root_;
    return log;
  }

  std::string log_text() const {
    return sys::read_file((root_ + "/c1-json.log").c_str(), 1 << 30).value_or("");
  }

  std::optional<keeper::Event> next_event() {
    auto event = client_->next_event(std::chrono::steady_clock::now() + kPatience);
    EXPECT_TRUE(event.has_value()) << (event ? "" : event.error().message());
    return event ? *event : std::nullopt;
  }

  // The exit of `container`, acknowledged; other events on the way are skipped.
  keeper::ExitReport wait_exit(const std::string& container = "c1", const std::string& exec = "") {
    for (auto event = next_event(); event; event = next_event()) {
      if (event->kind != keeper::EventKind::Exited) continue;
      EXPECT_TRUE(client_->acknowledge(event->sequence).has_value());
      if (event->target == keeper::Target{container, exec}) return event->exit;
    }
    ADD_FAILURE() << "no exit of " << container << exec;
    return {};
  }

  struct Attachment {
    sys::Fd socket;  // the user's end
    keeper::Attached attached;
  };

  Attachment attach(keeper::AttachRequest request) {
    auto pair = sys::make_socket_pair(SOCK_STREAM);
    EXPECT_TRUE(pair.has_value());
    auto attached = client_->attach(request, pair->second);
    EXPECT_TRUE(attached.has_value()) << (attached ? "" : attached.error().message());
    EXPECT_EQ(static_cast<bool>(pair->second), !attached.has_value());
    return {std::move(pair->first), attached.value_or(keeper::Attached{})};
  }

  static std::string read_to_end(const sys::Fd& socket) {
    return sys::read_all(socket, std::size_t{1} << 31).value_or("(error)");
  }

  // Reads until `text` has come; what came.
  static std::string read_until(const sys::Fd& socket, const std::string& text) {
    std::string all;
    char bytes[4096];
    while (all.find(text) == std::string::npos) {
      const ssize_t count = ::read(socket.get(), bytes, sizeof bytes);
      if (count <= 0) break;
      all.append(bytes, static_cast<std::size_t>(count));
    }
    return all;
  }

  static void type(const sys::Fd& socket, std::string_view text) {
    EXPECT_TRUE(sys::write_all(socket, text).has_value());
  }

  std::string root_;
  std::unique_ptr<keeper::Client> client_;
};

}  // namespace wherry::keeperd
