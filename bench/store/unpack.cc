// unpack_bench <blob> <directory> [--null]: unpacks a layer by the extractor (or by the tar
// reader alone) and prints the seconds of wall clock and of CPU.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <string_view>

#include "archive/extract.h"
#include "archive/tar_reader.h"

namespace {

using namespace wherry;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

Result<std::uint64_t> read_only(archive::Stream& input) {
  const auto plain = TRY(archive::decompress(input));
  archive::TarReader reader(*plain, 1 << 20);
  std::uint64_t entries = 0;
  while (TRY(reader.next())) ++entries;
  return entries;
}

Result<std::uint64_t> run(const char* blob, const char* directory, bool null) {
  const sys::Fd file = TRY(sys::open_at({}, blob, O_RDONLY));
  archive::FdStream input(file);
  if (null) return read_only(input);
  TRY(sys::make_directories(directory, 0755));
  const sys::Fd target = TRY(sys::open_at({}, directory, O_RDONLY | O_DIRECTORY));
  const auto stats = TRY(archive::extract(input, target, {}));
  return stats.entries;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto start = std::chrono::steady_clock::now();
  const auto entries = run(argv[1], argv[2], argc > 3 && std::string_view(argv[3]) == "--null");
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  if (!entries) {
    fmt::print(stderr, "{}\n", entries.error().message());
    return 1;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("{} entries, wall {:.2f} s, user {:.2f} s, system {:.2f} s, {} MiB\n", *entries,
             wall.count(), seconds(usage.ru_utime), seconds(usage.ru_stime),
             usage.ru_maxrss / 1024);
  return 0;
}
