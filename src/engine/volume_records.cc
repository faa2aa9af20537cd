#include "engine/volume_records.h"

#include "base/log.h"
#include "spec/json.h"

namespace wherry::json {

// Names are on users' disks: a released one keeps its meaning (docs/formats/engine-state.md).
template <>
struct Describe<volume::Record> {
  using T = volume::Record;
  static constexpr auto fields = std::tuple{
      field("created", &T::created), omit_empty("labels", &T::labels), omit_empty("options", &T::options),
      omit_empty("pending_for", &T::pending_for), omit_empty("removing", &T::removing)};
};

}  // namespace wherry::json

namespace wherry::engine {
namespace {

using metadata::Connection;
using metadata::Space;
using metadata::Survives;

Result<> put(Connection& connection, const std::string& name, const std::string& record) {
  return connection.execute("INSERT OR REPLACE INTO volume(name, record) VALUES(?, ?)", {name, record});
}

}  // namespace

Result<std::vector<volume::Record>> VolumeRecords::load() {
  return database_.read([](Connection& connection) -> Result<std::vector<volume::Record>> {
    std::vector<volume::Record> records;
    auto rows = TRY(connection.query("SELECT name, record FROM volume ORDER BY name"));
    for (;;) {
      const metadata::Row* row = TRY(rows.next());
      if (row == nullptr) return records;
      auto record = json::parse<volume::Record>(row->text(1));
      if (!record) {
        log::error("volume {} is unreadable and left aside: {}", row->text(0), record.error().message());
        continue;
      }
      record->name = row->text(0);
      records.push_back(std::move(*record));
    }
  });
}

Result<> VolumeRecords::save(const volume::Record& record) {
  return database_.write([&, text = json::write(record)](Connection& connection) {
    return put(connection, record.name, text);
  }, Survives::PowerCut, record.removing ? Space::Reserve : Space::Free);
}

void VolumeRecords::save_later(const volume::Record& record) {
  database_.write_later([name = record.name, text = json::write(record)](Connection& connection) {
    return put(connection, name, text);
  }, Survives::PowerCut, Space::Reserve);
}

void VolumeRecords::erase_later(const std::string& name) {
  database_.write_later([name](Connection& connection) {
    return connection.execute("DELETE FROM volume WHERE name = ?", {name});
  }, Survives::PowerCut, Space::Reserve);
}

}  // namespace wherry::engine
