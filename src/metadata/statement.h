// Connection and Row: SQL with bound values. Text of a statement is always ours, never input.
//
//   TRY(connection.execute("INSERT INTO image(id, size) VALUES(?, ?)", {id, size}));
//   auto rows = TRY(connection.query("SELECT id, size FROM image WHERE size > ?", {limit}));
//   while (const Row* row = TRY(rows.next())) use(row->text(0), row->integer(1));
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <variant>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace wherry::metadata {

// A value to bind; text and blobs are borrowed for the call.
class Value {
 public:
  Value(std::nullptr_t /*null*/) {}  // NOLINT: implicit
  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  Value(T number) : value_(static_cast<std::int64_t>(number)) {}      // NOLINT: implicit
  Value(double number) : value_(number) {}                            // NOLINT: implicit
  Value(std::string_view text) : value_(text) {}                      // NOLINT: implicit
  Value(const std::string& text) : value_(std::string_view(text)) {}  // NOLINT: implicit
  Value(const char* text) : value_(std::string_view(text)) {}         // NOLINT: implicit
  template <class T>
  Value(const std::optional<T>& value) {  // NOLINT: implicit
    if (value) *this = Value(*value);
  }

 private:
  friend class Connection;
  std::variant<std::nullptr_t, std::int64_t, double, std::string_view> value_ = nullptr;
};

// The current row of a query; columns count from 0. NULL reads as 0 or "".
class Row {
 public:
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string text(int column) const;  // also for blobs
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::optional<std::string> optional_text(int column) const;
  [[nodiscard]] std::optional<std::int64_t> optional_integer(int column) const;

 private:
  friend class Rows;
  sqlite3_stmt* statement_ = nullptr;
};

// The result of a query. Destroy it before the connection runs the same SQL text again.
class Rows {
 public:
  Rows(Rows&& other) noexcept : row_(std::exchange(other.row_, Row())) {}
  Rows& operator=(Rows&&) = delete;
  ~Rows();
  // The next row, valid until the next call; nullptr behind the last.
  Result<const Row*> next();

 private:
  friend class Connection;
  explicit Rows(sqlite3_stmt* statement) { row_.statement_ = statement; }
  Row row_;
};

// One SQLite connection with a cache of prepared statements. Belongs to one thread at a time.
class Connection {
 public:
  enum class Mode { Write, Read };
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  using Values = std::initializer_list<Value>;
  // For INSERT, UPDATE, DELETE. A violated UNIQUE or foreign key is Conflict, a full disk
  // NoSpace, a damaged file Internal naming it.
  Result<> execute(std::string_view sql, Values values = {});
  Result<Rows> query(std::string_view sql, Values values = {});
  // Rows changed by the last execute().
  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] std::int64_t last_insert_id() const;
  // Several statements, without values: schema and pragmas.
  Result<> run_script(std::string_view sql);

 private:
  Connection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  Result<sqlite3_stmt*> prepare(std::string_view sql);
  Result<> bind(sqlite3_stmt* statement, Values values);

  sqlite3* handle_;
  std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace wherry::metadata
