#include "metadata/statement.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>

namespace wherry::metadata {
namespace {

// SQLite says FULL for a file that it writes; for the log's index, a new file and a quota, it says
// that I/O failed, and the system's number says why.
bool is_full(int code, int system_errno) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  if ((code & 0xff) != SQLITE_IOERR && (code & 0xff) != SQLITE_CANTOPEN) return false;
  return system_errno == ENOSPC || system_errno == EDQUOT;
}

ErrorKind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT: return ErrorKind::Conflict;
    case SQLITE_BUSY: return ErrorKind::Unavailable;
    default: return ErrorKind::Internal;
  }
}

Error error_of(sqlite3* handle, const std::string& path) {
  const int code = sqlite3_extended_errcode(handle);
  if (is_full(code, sqlite3_system_errno(handle)))
    return {ErrorKind::NoSpace, ENOSPC, fmt::format("database {}: no space left on device", path)};
  const bool damaged = (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
  return {kind_of(code), fmt::format("database {}{}: {}", path, damaged ? " is damaged" : "",
                                     sqlite3_errmsg(handle))};
}

constexpr int kBusyTimeoutMs = 10'000;

constexpr const char* kWriterSettings =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON;"
    // The file is only ever ours, yet a value read from it is not trusted as SQL.
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON;"
    "PRAGMA temp_store=MEMORY;";
constexpr const char* kReaderSettings =
    "PRAGMA query_only=ON;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA temp_store=MEMORY;";

}  // namespace

std::int64_t Row::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
double Row::real(int column) const {
  return sqlite3_column_double(statement_, column);
}
bool Row::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::string Row::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

std::optional<std::string> Row::optional_text(int column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

std::optional<std::int64_t> Row::optional_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

Rows::~Rows() {
  if (row_.statement_ == nullptr) return;
  sqlite3_reset(row_.statement_);
  sqlite3_clear_bindings(row_.statement_);
}

Result<const Row*> Rows::next() {
  const int code = sqlite3_step(row_.statement_);
  if (code == SQLITE_ROW) return &row_;
  if (code == SQLITE_DONE) return nullptr;
  sqlite3* handle = sqlite3_db_handle(row_.statement_);
  const char* path = sqlite3_db_filename(handle, "main");
  return error_of(handle, path == nullptr ? "" : path);
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode) {
  sqlite3* handle = nullptr;
  const int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (mode == Mode::Write ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Connection> connection(new Connection(handle, path));
  if (code != SQLITE_OK) return error_of(handle, path);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  TRY(connection->run_script(mode == Mode::Write ? kWriterSettings : kReaderSettings));
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

Result<sqlite3_stmt*> Connection::prepare(std::string_view sql) {
  std::string key(sql);
  const auto found = statements_.find(key);
  if (found != statements_.end()) return found->second;
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return error_of(handle_, path_);
  statements_.emplace(std::move(key), statement);
  return statement;
}

Result<> Connection::bind(sqlite3_stmt* statement, Values values) {
  int index = 1;
  for (const Value& value : values) {
    int code = SQLITE_OK;
    if (const auto* number = std::get_if<std::int64_t>(&value.value_)) {
      code = sqlite3_bind_int64(statement, index, *number);
    } else if (const auto* real = std::get_if<double>(&value.value_)) {
      code = sqlite3_bind_double(statement, index, *real);
    } else if (const auto* text = std::get_if<std::string_view>(&value.value_)) {
      code = sqlite3_bind_text64(statement, index, text->data() == nullptr ? "" : text->data(),
                                 text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    } else {
      code = sqlite3_bind_null(statement, index);
    }
    if (code != SQLITE_OK) return error_of(handle_, path_);
    ++index;
  }
  return {};
}

Result<> Connection::execute(std::string_view sql, Values values) {
  Rows rows = TRY(query(sql, values));
  while (TRY(rows.next()) != nullptr) {
  }
  return {};
}

Result<Rows> Connection::query(std::string_view sql, Values values) {
  sqlite3_stmt* statement = TRY(prepare(sql));
  Rows rows(statement);
  TRY(bind(statement, values));
  return rows;
}

std::int64_t Connection::changes() const {
  return sqlite3_changes64(handle_);
}
std::int64_t Connection::last_insert_id() const {
  return sqlite3_last_insert_rowid(handle_);
}

Result<> Connection::run_script(std::string_view sql) {
  const std::string text(sql);
  if (sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return error_of(handle_, path_);
  return {};
}

}  // namespace wherry::metadata
