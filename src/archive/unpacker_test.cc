// The confined worker, run for real: this test program starts itself with --unpack.
#include "archive/unpacker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "archive/confine.h"
#include "archive/testing.h"
#include "base/sanitizer.h"

namespace wherry::archive {
namespace {

using testing::TarText;
using testing::TemporaryDirectory;

// Before any test of the child runs, it becomes the worker.
class BecomeWorker : public ::testing::Environment {
 public:
  void SetUp() override {
    const auto command = sys::read_file("/proc/self/cmdline");
    if (command && command->ends_with(std::string("\0--unpack\0", 10)))
      ::_exit(run_unpack_worker());
  }
};
const auto* const kBecomeWorker = ::testing::AddGlobalTestEnvironment(new BecomeWorker);

class UnpackerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(scratch_ / "layer");
    target_.fd = TemporaryDirectory::open(scratch_ / "layer");
    if (::geteuid() != 0) GTEST_SKIP() << "owners and device nodes take root";
  }
  [[nodiscard]] sys::Fd file_with(std::string_view bytes) const {
    const std::string path = scratch_ / "blob";
    EXPECT_TRUE(sys::write_all(*sys::open_at({}, path.c_str(), O_WRONLY | O_CREAT, 0600), bytes));
    return std::move(*sys::open_at({}, path.c_str(), O_RDONLY));
  }
  Result<ExtractStats> unpack(sys::Fd input, const ExtractLimits& limits = {}) {
    Unpacker worker =
        TRY(Unpacker::start("", {.input = std::move(input), .target = &target_, .limits = limits}));
    return worker.wait({});
  }
  [[nodiscard]] std::string layer(const std::string& name) const {
    return scratch_ / ("layer/" + name);
  }

  TemporaryDirectory scratch_;
  UnpackTarget target_;
};

TEST_F(UnpackerTest, unpacks_a_blob_and_reports_it) {
  const std::string tar = TarText().file("a", "hello").file("d/.wh.x", "").finish();
  const std::string packed = testing::gzip(tar);
  const auto stats = unpack(file_with(packed));
  ASSERT_TRUE(stats) << stats.error().message();
  EXPECT_EQ(stats->diff_id, Sha256::of(tar));
  EXPECT_EQ(stats->compressed_bytes, packed.size());
  EXPECT_EQ(stats->uncompressed_bytes, tar.size());
  EXPECT_EQ(stats->content_bytes, 5u);
  EXPECT_EQ(*sys::read_file(layer("a").c_str()), "hello");
  struct stat status{};
  ASSERT_EQ(::stat(layer("d/x").c_str(), &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST_F(UnpackerTest, unpacks_all_kinds_of_entries_inside_its_walls) {
  TarText tar;
  tar.directory("d", 01777).file("d/f", "x", 04755).hard_link("e/h", "d/f").symlink("s", "d/f");
  tar.file("o/.wh..wh..opq", "").file("d/f", "again").directory("s").file("s/in", "x");
  tar.add({.type = '4', .name = "block", .mode = 0600, .uid = 7, .gid = 8, .major = 7, .minor = 1});
  tar.add({.type = '6', .name = "fifo", .mode = 0600});
  tar.file({.name = "cap", .mode = 0755, .xattrs = {{"user.a", "b"}}}, "x");
  tar.directory("last").raw(testing::pax_header(testing::pax_record("GNU.sparse.size", "10485760") +
                                                testing::pax_record("GNU.sparse.map", "0,1")));
  const auto stats = unpack(file_with(testing::zstd(tar.file("sparse", "x").finish())));
  ASSERT_TRUE(stats) << stats.error().message();
  EXPECT_EQ(std::filesystem::file_size(layer("sparse")), 10'485'760u);
}

TEST_F(UnpackerTest, reads_a_pipe_to_its_end) {
  auto pipe = sys::make_pipe();
  const std::string tar = TarText().file("a", std::string(300'000, 'p')).finish();
  std::thread writer([&] {
    EXPECT_TRUE(sys::write_all(pipe->write_end, tar));
    pipe->write_end.reset();
  });
  const auto stats = unpack(std::move(pipe->read_end));
  writer.join();
  ASSERT_TRUE(stats) << stats.error().message();
  EXPECT_EQ(stats->diff_id, Sha256::of(tar));
}

TEST_F(UnpackerTest, follows_a_file_that_is_still_downloaded) {
  const std::string tar = TarText().file("a", std::string(50'000, 'g')).finish();
  const std::string path = scratch_ / "growing";
  const auto file = sys::open_at({}, path.c_str(), O_WRONLY | O_CREAT, 0600);
  auto worker = Unpacker::start("", {.input = std::move(*sys::open_at({}, path.c_str(), O_RDONLY)),
                                     .kind = Input::Growing,
                                     .target = &target_});
  ASSERT_TRUE(worker) << worker.error().message();
  for (std::size_t at = 0; at < tar.size(); at += 1000) {
    const auto piece = std::string_view(tar).substr(at, 1000);
    ASSERT_TRUE(sys::write_all(*file, piece));
    worker->available(at + piece.size());
  }
  ASSERT_TRUE(worker->complete(tar.size()));
  const auto stats = worker->wait({});
  ASSERT_TRUE(stats) << stats.error().message();
  EXPECT_EQ(stats->diff_id, Sha256::of(tar));
}

TEST_F(UnpackerTest, a_cut_download_is_a_refused_archive) {
  const std::string packed = testing::gzip(TarText().file("a", std::string(5000, 'g')).finish());
  auto worker =
      Unpacker::start("", {.input = file_with(packed), .kind = Input::Growing, .target = &target_});
  ASSERT_TRUE(worker->complete(packed.size() / 2));
  const auto stats = worker->wait({});
  ASSERT_FALSE(stats);
  EXPECT_EQ(stats.error().kind(), ErrorKind::InvalidArgument);
  EXPECT_EQ(stats.error().message(), "gzip: unexpected end of data");
}

TEST_F(UnpackerTest, a_hostile_archive_is_named) {
  const auto stats = unpack(file_with(TarText().file("../../etc/evil", "x").finish()));
  ASSERT_FALSE(stats);
  EXPECT_EQ(stats.error().kind(), ErrorKind::InvalidArgument);
  EXPECT_NE(stats.error().message().find("../../etc/evil"), std::string::npos);
}

TEST_F(UnpackerTest, a_refusal_is_told_although_progress_was_not_read) {
  const std::string garbage(64 << 10, 'x');
  auto worker = Unpacker::start(
      "", {.input = file_with(garbage), .kind = Input::Growing, .target = &target_});
  ASSERT_TRUE(worker) << worker.error().message();
  for (std::size_t at = 4096; at <= garbage.size(); at += 512) worker->available(at);
  ASSERT_TRUE(worker->complete(garbage.size()));
  const auto stats = worker->wait({});
  ASSERT_FALSE(stats);
  EXPECT_EQ(stats.error().kind(), ErrorKind::InvalidArgument) << stats.error().message();
}

TEST_F(UnpackerTest, limits_reach_the_worker) {
  ExtractLimits limits;
  limits.entries = 1;
  const auto stats = unpack(file_with(TarText().file("a", "").file("b", "").finish()), limits);
  ASSERT_FALSE(stats);
  EXPECT_NE(stats.error().message().find("more than 1 entries"), std::string::npos);
}

TEST_F(UnpackerTest, a_waiting_worker_can_be_cancelled) {
  auto worker =
      Unpacker::start("", {.input = file_with(""), .kind = Input::Growing, .target = &target_});
  std::stop_source stop;
  std::thread canceller([&] { stop.request_stop(); });
  const auto stats = worker->wait(stop.get_token());
  canceller.join();
  ASSERT_FALSE(stats);
  EXPECT_EQ(stats.error().kind(), ErrorKind::Cancelled);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child is left
}

TEST_F(UnpackerTest, a_dropped_worker_is_reaped) {
  {
    auto worker =
        Unpacker::start("", {.input = file_with(""), .kind = Input::Growing, .target = &target_});
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST_F(UnpackerTest, a_program_that_is_no_worker_is_an_error) {
  auto worker = Unpacker::start("/bin/true", {.input = file_with(""), .target = &target_});
  const auto stats =
      worker ? worker->wait({}) : Result<ExtractStats>(std::unexpected(worker.error()));
  ASSERT_FALSE(stats);
  EXPECT_FALSE(Unpacker::start("/nonexistent", {.input = file_with(""), .target = &target_}));
}

// D06: window, tables and the list of directory times stay far below the limit of 256 MiB. (The
// figure holds this process' own memory too: the worker is spawned from it.)
TEST_F(UnpackerTest, D06_memory_stays_bounded) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer keeps what was freed";
  TarText tar;
  for (int i = 0; i < 5'000; ++i) tar.directory("d");
  ASSERT_TRUE(unpack(file_with(testing::zstd(tar.file("f", std::string(8 << 20, 'x')).finish()))));
  rusage usage{};
  ASSERT_EQ(::getrusage(RUSAGE_CHILDREN, &usage), 0);
  EXPECT_LT(usage.ru_maxrss, 256 * 1024);
}

// The walls, each tried from inside by a process that has a descriptor outside, too.
struct Attempt {
  const char* title;
  std::function<bool(int outside)> refused;
};

void PrintTo(const Attempt& attempt, std::ostream* out) {
  *out << attempt.title;
}

// Asked for while it may be.
const pid_t kParent = ::getpid();

template <typename... Arguments>
bool unknown_call(long number, Arguments... arguments) {
  errno = 0;
  return ::syscall(number, arguments...) == -1 && errno == ENOSYS;
}

class Escape : public UnpackerTest, public ::testing::WithParamInterface<Attempt> {};

TEST_P(Escape, is_refused) {
  const pid_t child = ::fork();
  if (child == 0) {
    const sys::Fd outside = TemporaryDirectory::open(scratch_.path());
    if (!confine_to(target_.fd)) ::_exit(1);
    if (!GetParam().refused(outside.get())) ::_exit(2);
    // The control: what it is there for still works.
    const int made = ::openat(target_.fd.get(), "inside", O_WRONLY | O_CREAT, 0600);
    ::_exit(made >= 0 ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

bool runs_out_of_memory() {
  constexpr std::size_t kPiece = 64 << 20;
  for (int i = 0; i < 32; ++i)
    if (::mmap(nullptr, kPiece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
      return true;
  return kSanitized;  // which needs all of it
}

bool runs_out_of_descriptors(int any) {
  std::array<int, 100> made{};
  for (int& fd : made) fd = ::fcntl(any, F_DUPFD_CLOEXEC, 0);
  for (const int fd : made)
    if (fd >= 0) ::close(fd);
  return made.back() < 0;
}

const Attempt kAttempts[] = {
    {"write_outside", [](int out) { return ::openat(out, "new", O_WRONLY | O_CREAT, 0600) < 0; }},
    {"read_outside", [](int out) { return ::openat(out, ".", O_RDONLY) < 0; }},
    {"open_a_file_of_the_host", [](int) { return ::open("/etc/passwd", O_RDONLY) < 0; }},
    {"make_a_directory_outside", [](int out) { return ::mkdirat(out, "new", 0700) < 0; }},
    {"make_a_node_outside", [](int out) { return ::mknodat(out, "new", S_IFCHR | 0600, 0) < 0; }},
    {"make_a_link_outside", [](int out) { return ::symlinkat("/", out, "new") < 0; }},
    {"remove_outside", [](int out) { return ::unlinkat(out, "layer", AT_REMOVEDIR) < 0; }},
    {"leave_the_root", [](int out) { return unknown_call(SYS_fchdir, out) && unknown_call(SYS_chroot, "."); }},
    {"inet_socket", [](int) { return unknown_call(SYS_socket, AF_INET, SOCK_STREAM, 0); }},
    {"unix_socket", [](int) { return unknown_call(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }},
    {"socketpair", [](int) { return unknown_call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, nullptr); }},
    {"exec", [](int) { return unknown_call(SYS_execve, "/bin/true", nullptr, nullptr); }},
    {"exec_of_a_descriptor", [](int out) { return unknown_call(SYS_execveat, out, "", nullptr, nullptr, AT_EMPTY_PATH); }},
    {"fork_bomb", [](int) { return unknown_call(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr); }},
    {"thread", [](int) { return unknown_call(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, nullptr); }},
    {"clone3", [](int) { return unknown_call(SYS_clone3, nullptr, 0); }},
    {"namespaces", [](int) { return unknown_call(SYS_unshare, CLONE_NEWUSER) && unknown_call(SYS_setns, 0, 0); }},
    {"mount", [](int) { return unknown_call(SYS_mount, "none", "/", "tmpfs", 0, nullptr); }},
    {"new_mount_calls", [](int) { return unknown_call(SYS_fsopen, "tmpfs", 0) && unknown_call(SYS_open_tree, 0, "", 0); }},
    {"ptrace", [](int) { return unknown_call(SYS_ptrace, PTRACE_SEIZE, kParent, nullptr, nullptr); }},
    {"memory_of_another", [](int) { return unknown_call(SYS_process_vm_readv, kParent, nullptr, 0, nullptr, 0, 0); }},
    {"pidfd", [](int) { return unknown_call(SYS_pidfd_open, kParent, 0); }},
    {"kill", [](int) { return unknown_call(SYS_kill, kParent, 0); }},
    {"signal_to_another", [](int) { return unknown_call(SYS_tgkill, kParent, kParent, 0); }},
    {"io_uring", [](int) { return unknown_call(SYS_io_uring_setup, 1, nullptr); }},
    {"keys", [](int) { return unknown_call(SYS_keyctl, 0, 0); }},
    {"bpf", [](int) { return unknown_call(SYS_bpf, 0, nullptr, 0); }},
    {"memory", [](int) { return runs_out_of_memory(); }},
    {"descriptors", [](int out) { return runs_out_of_descriptors(out); }},
};
INSTANTIATE_TEST_SUITE_P(Walls, Escape, ::testing::ValuesIn(kAttempts),
                         [](const auto& attempt) { return std::string(attempt.param.title); });

TEST_F(UnpackerTest, a_confined_process_may_abort) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!confine_to(target_.fd)) ::_exit(1);
    std::abort();
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

}  // namespace
}  // namespace wherry::archive
