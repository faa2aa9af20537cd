#include "metadata/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "base/log.h"
#include "base/undo.h"
#include "metadata/reserve.h"
#include "sys/fd.h"

namespace wherry::metadata {
namespace {

// "Wher": marks the file as ours in SQLite's header, where file(1) finds it as well.
constexpr std::int64_t kApplicationId = 0x57686572;
constexpr std::size_t kLargestGroup = 256;
constexpr std::size_t kKeptReaders = 8;
// The kernel has no event for space that becomes free: how often an idle writer looks.
constexpr auto kRestockEvery = std::chrono::seconds(5);

// One caller's work, from its call until its commit.
struct Job {
  std::function<Result<>(Connection&)> work;
  Survives survives = Survives::PowerCut;
  Space space = Space::Free;
  bool waited_for = true;
  bool done = false;
  Result<> committed;
};

Result<std::int64_t> read_integer(Connection& connection, std::string_view sql) {
  Rows rows = TRY(connection.query(sql));
  const Row* row = TRY(rows.next());
  return row == nullptr ? 0 : row->integer(0);
}

// SQLite would create the file with the umask's mode, and its -wal and -shm with the file's.
Result<> create_private(const std::string& path) {
  TRY(sys::open_at({}, path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  return {};
}

Result<> check_owner(Connection& connection, const std::string& path) {
  const std::int64_t id = TRY(read_integer(connection, "PRAGMA application_id"));
  const std::int64_t version = TRY(read_integer(connection, "PRAGMA user_version"));
  if (id == kApplicationId || (id == 0 && version == 0)) return {};
  return Error::internal(fmt::format("database {} belongs to another program", path));
}

Result<> apply(Connection& connection, std::span<const Migration> steps) {
  TRY(connection.run_script("BEGIN IMMEDIATE"));
  Undo undo;
  undo.add([&] { (void)connection.run_script("ROLLBACK"); });
  for (const Migration& step : steps) {
    for (const std::string_view statement : step.statements)
      TRY_AS(fmt::format("migration {}", step.version), connection.run_script(statement));
  }
  TRY(connection.run_script(fmt::format("PRAGMA application_id={};PRAGMA user_version={}",
                                        kApplicationId, steps.back().version)));
  TRY(connection.run_script("COMMIT"));
  undo.commit();
  return {};
}

Result<> migrate(Connection& connection, const std::string& path,
                 std::span<const Migration> migrations) {
  for (std::size_t i = 0; i < migrations.size(); ++i)
    CHECK(migrations[i].version == static_cast<int>(i) + 1);
  TRY(check_owner(connection, path));
  const std::int64_t found = TRY(read_integer(connection, "PRAGMA user_version"));
  const auto known = static_cast<std::int64_t>(migrations.size());
  if (found > known)
    return Error(ErrorKind::Unsupported,
                 fmt::format("database {} has schema version {}, this wherryd {} knows up to {}: "
                             "use a newer wherryd or another data root",
                             path, found, WHERRY_VERSION, known));
  if (found == known) return {};
  return apply(connection, migrations.subspan(static_cast<std::size_t>(found)));
}

Result<> check_pages(Connection& connection, const std::string& path, std::string_view pragma) {
  Rows rows = TRY(connection.query(pragma));
  const Row* row = TRY(rows.next());
  if (row != nullptr && row->text(0) == "ok") return {};
  return Error::internal(
      fmt::format("database {} is damaged: {}", path, row == nullptr ? "no answer" : row->text(0)));
}

}  // namespace

struct Database::State {
  explicit State(const std::string& file) : path(file), reserve(file + "-reserve") {}

  const std::string path;
  Reserve reserve;
  std::unique_ptr<Connection> writer;  // the writer thread's alone once that runs

  std::mutex mutex;
  std::condition_variable work_came;
  std::condition_variable work_done;
  std::deque<std::shared_ptr<Job>> queue;
  bool closing = false;
  std::vector<std::unique_ptr<Connection>> idle_readers;
  std::thread thread;

  Survives commits_survive = Survives::PowerCut;  // as the writer connection is set

  Result<> open_writer(std::span<const Migration> migrations);
  void run();
  void settle(std::vector<std::shared_ptr<Job>> group);
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  Result<> set_survives(std::span<const std::shared_ptr<Job>> group);
  void enqueue(std::shared_ptr<Job> job);
  std::vector<std::shared_ptr<Job>> take_group();
  Result<> commit_group(std::span<const std::shared_ptr<Job>> group);
  Result<> commit_from_reserve(std::span<const std::shared_ptr<Job>> group);
  void finish(std::span<const std::shared_ptr<Job>> group, const Result<>& committed);
};

void Database::State::enqueue(std::shared_ptr<Job> job) {
  const std::lock_guard lock(mutex);
  queue.push_back(std::move(job));
  work_came.notify_one();
}

void Database::State::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto woken = [&] { return closing || !queue.empty(); };
  while (!reserve.is_whole()) {
    if (work_came.wait_for(lock, kRestockEvery, woken)) return;
    lock.unlock();
    reserve.restock();
    lock.lock();
  }
  work_came.wait(lock, woken);
}

std::vector<std::shared_ptr<Job>> Database::State::take_group() {
  std::unique_lock lock(mutex);
  wait_for_work(lock);
  std::vector<std::shared_ptr<Job>> group;
  while (!queue.empty() && group.size() < kLargestGroup) {
    group.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return group;
}

// WAL with synchronous=FULL syncs the log at each commit, with NORMAL only at a checkpoint. The
// log is one file in order: a FULL commit takes the NORMAL ones before it along.
Result<> Database::State::set_survives(std::span<const std::shared_ptr<Job>> group) {
  const bool power_cut = std::ranges::any_of(
      group, [](const auto& job) { return job->survives == Survives::PowerCut; });
  const Survives wanted = power_cut ? Survives::PowerCut : Survives::ProcessDeath;
  if (wanted == commits_survive) return {};
  TRY(writer->run_script(power_cut ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
  commits_survive = wanted;
  return {};
}

// One transaction; a savepoint around each job, so that one job's error is its own.
Result<> Database::State::commit_group(std::span<const std::shared_ptr<Job>> group) {
  TRY(set_survives(group));
  TRY(writer->execute("BEGIN IMMEDIATE"));
  Undo undo;
  // A failed COMMIT may have ended the transaction already; then this has nothing to do.
  undo.add([&] { (void)writer->run_script("ROLLBACK"); });
  for (const auto& job : group) {
    TRY(writer->execute("SAVEPOINT job"));
    if (auto done = job->work(*writer); !done) {
      // SQLite may have ended the whole transaction.
      if (done.error().kind() == ErrorKind::NoSpace) return done;
      TRY(writer->execute("ROLLBACK TO job"));
    }
    TRY(writer->execute("RELEASE job"));
  }
  TRY(writer->execute("COMMIT"));
  undo.commit();
  return {};
}

// Alone, and in a log that begins anew if its pages can go to their places: then most often no
// block is needed. The checkpoint itself may need one for a new page; what it could not do stays in
// the log.
Result<> Database::State::commit_from_reserve(std::span<const std::shared_ptr<Job>> group) {
  for (;;) {
    (void)writer->run_script("PRAGMA wal_checkpoint(PASSIVE)");
    Result<> committed = commit_group(group);
    if (committed || committed.error().kind() != ErrorKind::NoSpace || !reserve.give())
      return committed;
  }
}

// On a full disk what may use the reserve is parted from what may not.
void Database::State::settle(std::vector<std::shared_ptr<Job>> group) {
  const Result<> committed = commit_group(group);
  if (committed || committed.error().kind() != ErrorKind::NoSpace) return finish(group, committed);
  const auto others = std::ranges::stable_partition(
      group, [](const auto& job) { return job->space == Space::Reserve; });
  finish(others, committed);
  const std::span urgent(group.begin(), others.begin());
  if (!urgent.empty()) finish(urgent, commit_from_reserve(urgent));
}

void Database::State::finish(std::span<const std::shared_ptr<Job>> group,
                             const Result<>& committed) {
  const std::lock_guard lock(mutex);
  for (const auto& job : group) {
    job->committed = committed;
    job->done = true;
    if (!committed && !job->waited_for)
      log::error("a record could not be written: {}", committed.error().message());
  }
  work_done.notify_all();
}

void Database::State::run() {
  for (;;) {
    auto group = take_group();
    if (group.empty()) return;
    settle(std::move(group));
    if (!reserve.is_whole()) reserve.restock();
  }
}

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->thread = std::thread([raw = state_.get()] { raw->run(); });
}

Database::~Database() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
    state_->work_came.notify_one();
  }
  state_->thread.join();
  state_->idle_readers.clear();
  (void)state_->writer->run_script("PRAGMA optimize");
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path,
                                                 std::span<const Migration> migrations) {
  auto state = std::make_unique<State>(path);
  state->reserve.restock();
  // An engine starts on a full disk as well: the log and its index are new files.
  for (;;) {
    const Result<> opened = state->open_writer(migrations);
    if (opened) break;
    if (opened.error().kind() != ErrorKind::NoSpace || !state->reserve.give())
      return std::unexpected(opened.error());
  }
  return std::unique_ptr<Database>(new Database(std::move(state)));
}

Result<> Database::State::open_writer(std::span<const Migration> migrations) {
  TRY(create_private(path));
  writer = TRY(Connection::open(path, Connection::Mode::Write));
  // quick_check reads every page but leaves indexes alone: 1 ms per 5 MB.
  TRY(check_pages(*writer, path, "PRAGMA quick_check(1)"));
  TRY_AS(fmt::format("database {}", path), migrate(*writer, path, migrations));
  return {};
}

bool Database::give_reserve() {
  return state_->reserve.give();
}

Result<> Database::run_write(const std::function<Result<>(Connection&)>& work, Survives survives,
                             Space space) {
  CHECK(std::this_thread::get_id() != state_->thread.get_id());
  auto job = std::make_shared<Job>();
  job->work = work;
  job->survives = survives;
  job->space = space;
  state_->enqueue(job);
  std::unique_lock lock(state_->mutex);
  state_->work_done.wait(lock, [&] { return job->done; });
  return job->committed;
}

void Database::write_later(std::function<Result<>(Connection&)> work, Survives survives,
                           Space space) {
  auto job = std::make_shared<Job>();
  job->survives = survives;
  job->space = space;
  job->waited_for = false;
  job->work = [work = std::move(work)](Connection& connection) {
    Result<> outcome = work(connection);
    // A full disk fails the group, and finish() names it.
    if (!outcome && outcome.error().kind() != ErrorKind::NoSpace)
      log::error("a record could not be written: {}", outcome.error().message());
    return outcome;
  };
  state_->enqueue(std::move(job));
}

Database::Reader::Reader(State& state, std::unique_ptr<Connection> connection)
    : state_(&state), connection_(std::move(connection)) {}

Database::Reader::~Reader() {
  if (!connection_) return;
  if (!connection_->execute("COMMIT")) return;  // a broken connection is closed, not kept
  const std::lock_guard lock(state_->mutex);
  if (state_->idle_readers.size() < kKeptReaders)
    state_->idle_readers.push_back(std::move(connection_));
}

Result<Database::Reader> Database::take_reader() {
  std::unique_ptr<Connection> connection;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->idle_readers.empty()) {
      connection = std::move(state_->idle_readers.back());
      state_->idle_readers.pop_back();
    }
  }
  if (!connection) connection = TRY(Connection::open(state_->path, Connection::Mode::Read));
  TRY(connection->execute("BEGIN"));
  return Reader(*state_, std::move(connection));
}

Result<> Database::check_integrity() {
  return read([&](Connection& connection) {
    return check_pages(connection, state_->path, "PRAGMA integrity_check(1)");
  });
}

}  // namespace wherry::metadata
