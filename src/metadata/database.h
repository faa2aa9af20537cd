// The engine's database: one SQLite file in WAL mode. All writes go through one writer thread
// that commits many callers' work in one transaction (group commit, synchronous=FULL);
// reads run on connections of their own and never wait for writers.
// Safe from any thread. Never call write() from inside a write's or read's work.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "metadata/statement.h"

namespace wherry::metadata {

// One step of the file's format. `version` counts 1, 2, 3 ... without gaps; a released step is
// never edited, a new one is appended (metadata/schema.cc has the list of all components).
struct Migration {
  int version;
  std::vector<std::string_view> statements;  // each may hold several SQL statements
};

// What a write that has returned survives: PowerCut costs an fsync, ProcessDeath (a kill -9 of
// ours; the bytes are the kernel's, and the next fsync takes them along) is enough for records
// that mean nothing after a boot, as those of a --rm container.
enum class Survives : std::uint8_t { PowerCut, ProcessDeath };

// Where the space for a write comes from. Reserve is for what frees space and for records of what
// has happened already: on a full disk it takes from <path>-reserve (metadata/reserve.h), and its
// work may run again, with the statements of the time before rolled back.
enum class Space : std::uint8_t { Free, Reserve };

class Database {
 public:
  // Creates the file (0600) or brings it to the newest version in one transaction. A file
  // of a newer version is refused naming both ("... has schema version 7, this wherryd knows
  // up to 3"); a damaged one is Internal, naming the file.
  static Result<std::unique_ptr<Database>> open(const std::string& path,
                                                std::span<const Migration> migrations);
  ~Database();  // finishes what is queued, checkpoints, closes
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs `work` (Result<T>(Connection&)) in the writer thread and returns what it returned,
  // after the commit `survives` that. Each work is isolated by a savepoint: an Error from one rolls
  // back its statements only. It may run beside works of other callers in one transaction,
  // in the order of the calls. Keep it short; no I/O inside. A full disk is NoSpace.
  template <class Work>
  auto write(Work&& work, Survives survives = Survives::PowerCut, Space space = Space::Free)
      -> std::invoke_result_t<Work, Connection&> {
    std::optional<std::invoke_result_t<Work, Connection&>> outcome;
    Result<> committed = run_write([&](Connection& connection) -> Result<> {
      outcome.emplace(work(connection));
      if (!*outcome) return std::unexpected(outcome->error());
      return {};
    }, survives, space);
    const bool kept = outcome && outcome->has_value();
    if (!committed && (kept || !outcome)) return std::unexpected(std::move(committed).error());
    return std::move(*outcome);
  }

  // As write(), without waiting: for records that nobody was promised yet. Errors are logged.
  void write_later(std::function<Result<>(Connection&)> work,
                   Survives survives = Survives::PowerCut, Space space = Space::Free);

  // Runs `work` (Result<T>(), repeatable) in the caller's thread: something else below the data
  // root that frees space. While it fails with NoSpace it runs again with more of the reserve.
  template <class Work>
  auto with_reserve(Work&& work) -> std::invoke_result_t<Work> {
    for (;;) {
      std::invoke_result_t<Work> outcome = work();
      if (outcome || outcome.error().kind() != ErrorKind::NoSpace || !give_reserve()) return outcome;
    }
  }

  // Runs `work` inside one read transaction: it sees one state, all acknowledged writes
  // included.
  template <class Work>
  auto read(Work&& work) -> std::invoke_result_t<Work, Connection&> {
    Reader reader = TRY(take_reader());
    return work(reader.connection());
  }

  // Every page checked; the first problem as Internal naming the file.
  Result<> check_integrity();

 private:
  struct State;
  class Reader {
   public:
    Reader(State& state, std::unique_ptr<Connection> connection);
    Reader(Reader&&) noexcept = default;
    ~Reader();  // ends the transaction and gives the connection back
    Connection& connection() { return *connection_; }

   private:
    State* state_;
    std::unique_ptr<Connection> connection_;
  };

  explicit Database(std::unique_ptr<State> state);
  // The statements of a `work` that fails are not kept. Error: the transaction did not commit.
  Result<> run_write(const std::function<Result<>(Connection&)>& work, Survives survives,
                     Space space);
  bool give_reserve();
  Result<Reader> take_reader();

  std::unique_ptr<State> state_;
};

}  // namespace wherry::metadata
