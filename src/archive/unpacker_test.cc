// The confined worker, run for real: this test program starts itself with --unpack.
#include "archive/unpacker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "archive/confine.h"
#include "archive/testing.h"

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
  TarText tar;
  for (int i = 0; i < 5'000; ++i) tar.directory("d");
  ASSERT_TRUE(unpack(file_with(testing::zstd(tar.file("f", std::string(8 << 20, 'x')).finish()))));
  rusage usage{};
  ASSERT_EQ(::getrusage(RUSAGE_CHILDREN, &usage), 0);
  EXPECT_LT(usage.ru_maxrss, 256 * 1024);
}

// The walls, each tried from inside.
TEST_F(UnpackerTest, a_confined_process_can_do_nothing_outside) {
  const pid_t child = ::fork();
  if (child == 0) {
    const sys::Fd outside = TemporaryDirectory::open(scratch_.path());
    if (!confine_to(target_.fd)) ::_exit(1);
    if (::openat(outside.get(), "new", O_WRONLY | O_CREAT, 0600) >= 0) ::_exit(2);
    if (::open("/etc/passwd", O_RDONLY) >= 0) ::_exit(3);
    if (::mkdirat(outside.get(), "new", 0700) == 0) ::_exit(4);
    if (::syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) >= 0 || errno != ENOSYS) ::_exit(5);
    if (::syscall(SYS_mount, "none", "/", "tmpfs", 0, nullptr) == 0 || errno != ENOSYS) ::_exit(6);
    if (::syscall(SYS_execve, "/bin/true", nullptr, nullptr) == 0 || errno != ENOSYS) ::_exit(7);
    if (::unlinkat(outside.get(), "layer", AT_REMOVEDIR) == 0) ::_exit(8);
    if (::openat(target_.fd.get(), "inside", O_WRONLY | O_CREAT, 0600) < 0) ::_exit(9);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace wherry::archive
