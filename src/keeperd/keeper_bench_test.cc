// Figures for docs/benchmarks-keeper.md: run with WHERRY_BENCH=1 on a release build.
#include <cstdlib>

#include "base/strings.h"
#include "keeperd/keeper_fixture.h"

namespace wherry::keeperd {
namespace {

class KeeperBench : public KeeperTest {
 protected:
  void SetUp() override {
    if (std::getenv("WHERRY_BENCH") == nullptr) GTEST_SKIP() << "WHERRY_BENCH is not set";
    KeeperTest::SetUp();
  }

  // "Pss:" or "Private_Dirty:" of /proc/<pid>/smaps_rollup, in KiB.
  static std::uint64_t memory_kib(pid_t pid, std::string_view field) {
    const auto text = sys::read_file(("/proc/" + std::to_string(pid) + "/smaps_rollup").c_str());
    if (!text) return 0;
    for (const std::string_view line : split(*text, '\n'))
      if (line.starts_with(field)) {
        const std::string_view value = trim(line.substr(field.size()));
        return parse_u64(value.substr(0, value.find(' '))).value_or(0);
      }
    return 0;
  }

  void print_memory(const char* when) {
    const keeper::KeeperInfo info = client_->info().value_or(keeper::KeeperInfo{});
    for (const auto& [name, pid] : {std::pair("keeper", info.keeper_pid), std::pair("pump", info.pump_pid)})
      std::printf("%-28s %-7s %7d PSS %6lu KiB  private dirty %6lu KiB\n", when, name, pid,
                  static_cast<unsigned long>(memory_kib(pid, "Pss:")),
                  static_cast<unsigned long>(memory_kib(pid, "Private_Dirty:")));
  }

  void measure(const char* what, const std::string& script, std::size_t bytes) {
    static int number = 0;
    Program program{.script = script, .log = json_log(), .nonce = std::to_string(++number)};
    const auto begin = std::chrono::steady_clock::now();
    run(program);
    EXPECT_EQ(wait_exit().code, 0);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%-40s %7.1f MB/s of output, log %.1f GB\n", what,
                static_cast<double>(bytes) / took.count() / 1e6,
                static_cast<double>(std::filesystem::file_size(root_ + "/c1-json.log")) / 1e9);
    std::filesystem::remove(root_ + "/c1-json.log");
  }
};

TEST_F(KeeperBench, log_throughput) {
  measure("json-file, 100-byte lines", "yes $(printf %099d 7) | head -c 1000000000", 1'000'000'000);
  measure("json-file, 1000-byte lines", "yes $(printf %0999d 7) | head -c 1000000000", 1'000'000'000);
  measure("json-file, 2-byte lines", "yes | head -c 40000000", 40'000'000);
}

TEST_F(KeeperBench, start_to_exit) {
  constexpr int kRuns = 200;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kRuns; ++i) {
    run({.script = "exit 0", .nonce = std::to_string(i)});
    wait_exit();
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  std::printf("start + go + exit of `sh -c 'exit 0'`, no namespaces: %.2f ms\n", took.count() / kRuns);
}

TEST_F(KeeperBench, memory) {
  constexpr int kMany = 200;
  print_memory("idle");
  for (int i = 0; i < kMany; ++i)
    run({.script = "echo x; exec sleep 1000", .log = json_log(), .container = "m" + std::to_string(i)});
  print_memory("200 containers, logs");
}

}  // namespace
}  // namespace wherry::keeperd
