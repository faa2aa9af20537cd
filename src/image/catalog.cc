#include "image/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"

namespace wherry::image {
namespace {

using metadata::Connection;
using metadata::Row;
using metadata::Space;
using metadata::Survives;

Result<std::map<ImageId, Record>> read_images(Connection& connection) {
  std::map<ImageId, Record> images;
  auto rows = TRY(connection.query(
      "SELECT id, manifest, manifest_type, parent, size, tagged_ns FROM image"));
  while (const Row* row = TRY(rows.next())) {
    Record record{.id = TRY(Digest::parse(row->text(0))), .manifest_type = row->text(2)};
    if (!row->text(1).empty()) record.manifest = TRY(Digest::parse(row->text(1)));
    if (!row->text(3).empty()) record.parent = TRY(Digest::parse(row->text(3)));
    record.size = static_cast<std::uint64_t>(row->integer(4));
    if (const auto tagged = row->optional_integer(5))
      record.tagged = Instant(std::chrono::nanoseconds(*tagged));
    images.emplace(record.id, std::move(record));
  }
  return images;
}

Result<> write_record(Connection& connection, const Record& record) {
  std::optional<std::int64_t> tagged;
  if (record.tagged) tagged = to_unix_nanos(*record.tagged);
  TRY(connection.execute(
      "INSERT INTO image(id, manifest, manifest_type, parent, size, tagged_ns) "
      "VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET manifest = excluded.manifest, "
      "manifest_type = excluded.manifest_type, parent = excluded.parent, "
      "size = excluded.size, tagged_ns = excluded.tagged_ns",
      {record.id.str(), record.manifest.str(), record.manifest_type,
       record.parent ? std::string_view(record.parent->str()) : std::string_view(), record.size,
       tagged}));
  TRY(connection.execute("DELETE FROM image_layer WHERE image = ?", {record.id.str()}));
  std::int64_t position = 0;
  for (const Layer& layer : record.layers) {
    TRY(connection.execute("INSERT INTO image_layer(image, position, diff_id, blob, blob_size, "
                           "media_type) VALUES(?, ?, ?, ?, ?, ?)",
                           {record.id.str(), position++, layer.diff_id.str(), layer.blob.str(),
                            layer.blob_size, layer.media_type}));
  }
  return {};
}

Result<> write_name(Connection& connection, const spec::Reference& name, const ImageId& id) {
  return connection.execute("INSERT INTO image_name(name, image) VALUES(?, ?) "
                            "ON CONFLICT(name) DO UPDATE SET image = excluded.image",
                            {name.str(), id.str()});
}

Result<> delete_image(Connection& connection, const ImageId& id) {
  TRY(connection.execute("DELETE FROM image_name WHERE image = ?", {id.str()}));
  TRY(connection.execute("DELETE FROM image_layer WHERE image = ?", {id.str()}));
  return connection.execute("DELETE FROM image WHERE id = ?", {id.str()});
}

Error no_such_image(std::string_view shown) {
  return Error::not_found(fmt::format("No such image: {}", shown));
}

}  // namespace

std::vector<Digest> Record::needs() const {
  std::vector<Digest> digests{id};
  if (!manifest.empty()) digests.push_back(manifest);
  for (const Layer& layer : layers) {
    digests.push_back(layer.diff_id);
    digests.push_back(layer.blob);
  }
  return digests;
}

Result<> Catalog::read_layers(Connection& connection, std::map<ImageId, Record>& images) {
  auto rows = TRY(connection.query("SELECT image, diff_id, blob, blob_size, media_type "
                                   "FROM image_layer ORDER BY image, position"));
  while (const Row* row = TRY(rows.next())) {
    const auto image = images.find(TRY(Digest::parse(row->text(0))));
    if (image == images.end()) continue;
    image->second.layers.push_back({TRY(Digest::parse(row->text(1))),
                                    TRY(Digest::parse(row->text(2))),
                                    static_cast<std::uint64_t>(row->integer(3)), row->text(4)});
  }
  return {};
}

Result<> Catalog::read_names(Connection& connection, Tables& tables) {
  auto rows = TRY(connection.query("SELECT name, image FROM image_name"));
  while (const Row* row = TRY(rows.next())) {
    const ImageId id = TRY(Digest::parse(row->text(1)));
    if (!tables.images.contains(id)) continue;
    auto reference = TRY(spec::parse_reference(row->text(0)));
    tables.names.emplace(row->text(0), std::pair(std::move(reference), id));
  }
  return {};
}

Result<std::unique_ptr<Catalog>> Catalog::load(metadata::Database& database,
                                               content::Store& content) {
  std::unique_ptr<Catalog> catalog(new Catalog(database));
  std::vector<ImageId> broken;
  Result<> read = database.read([&](Connection& connection) -> Result<> {
    auto images = TRY(read_images(connection));
    TRY(read_layers(connection, images));
    auto tables = catalog->tables_.lock();
    for (auto& [id, record] : images) {
      auto json = content.read_small(id, spec::kMaximumManifestSize);
      auto config = json ? spec::parse_image_config(*json)
                         : Result<spec::ImageConfig>(std::unexpected(json.error()));
      if (!config) {
        log::warning("image {} is dropped, pull it again: {}", id.str(), config.error().message());
        broken.push_back(id);
        // A damaged blob would stand in the way of its own repair.
        TRY(content.remove(id));
        continue;
      }
      record.config = *std::move(config);
      record.config_json = *std::move(json);
      tables->images.emplace(id, std::make_shared<const Record>(std::move(record)));
    }
    return read_names(connection, *tables);
  });
  TRY(std::move(read));
  for (const ImageId& id : broken)
    TRY(database.write([&](Connection& connection) { return delete_image(connection, id); },
                       Survives::PowerCut, Space::Reserve));
  return catalog;
}

std::vector<RecordPtr> Catalog::all() const {
  std::vector<RecordPtr> records;
  auto tables = tables_.lock();
  for (const auto& [id, record] : tables->images) records.push_back(record);
  return records;
}

RecordPtr Catalog::get(const ImageId& id) const {
  auto tables = tables_.lock();
  const auto found = tables->images.find(id);
  return found == tables->images.end() ? nullptr : found->second;
}

RecordPtr Catalog::by_reference(const spec::Reference& reference) const {
  spec::Reference key = reference.with_default_tag();
  if (!key.digest.empty()) key.tag.clear();  // as docker: the digest decides
  auto tables = tables_.lock();
  const auto found = tables->names.find(key.str());
  if (found == tables->names.end()) return nullptr;
  const auto image = tables->images.find(found->second.second);
  return image == tables->images.end() ? nullptr : image->second;
}

Result<RecordPtr> Catalog::by_prefix(std::string_view hex) const {
  if (hex.empty() || hex.size() > 64) return nullptr;
  RecordPtr match;
  auto tables = tables_.lock();
  for (const auto& [id, record] : tables->images) {
    if (!id.hex().starts_with(hex)) continue;
    if (match) return nullptr;  // ambiguous is unknown, as docker has it
    match = record;
  }
  return match;
}

Result<RecordPtr> Catalog::find(std::string_view name) const {
  if (spec::looks_like_image_id(name)) {
    const std::string_view hex = name.starts_with("sha256:") ? name.substr(7) : name;
    if (auto record = TRY(by_prefix(hex))) return record;
    return no_such_image(name.starts_with("sha256:") ? std::string(name)
                                                     : fmt::format("sha256:{}", name));
  }
  const spec::Reference reference = TRY(spec::parse_reference(name));
  if (auto record = by_reference(reference)) return record;
  const bool hex = std::ranges::all_of(
      name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (hex)
    if (auto record = TRY(by_prefix(name))) return record;
  return no_such_image(reference.with_default_tag().familiar());
}

std::vector<spec::Reference> Catalog::names_of(const ImageId& id) const {
  std::vector<spec::Reference> names;
  auto tables = tables_.lock();
  for (const auto& [text, entry] : tables->names)
    if (entry.second == id) names.push_back(entry.first);
  std::ranges::stable_partition(names, [](const auto& name) { return name.digest.empty(); });
  return names;
}

std::vector<RecordPtr> Catalog::children_of(const ImageId& id) const {
  std::vector<RecordPtr> children;
  auto tables = tables_.lock();
  for (const auto& [other, record] : tables->images)
    if (record->parent == id) children.push_back(record);
  return children;
}

bool Catalog::needs(const Digest& digest) const {
  auto tables = tables_.lock();
  for (const auto& [id, record] : tables->images) {
    const auto needed = record->needs();
    if (std::ranges::find(needed, digest) != needed.end()) return true;
  }
  return std::ranges::any_of(tables->names, [&](const auto& entry) {
    return entry.second.first.digest == digest;
  });
}

std::optional<Layer> Catalog::layer(const Digest& diff_id) const {
  auto tables = tables_.lock();
  for (const auto& [id, record] : tables->images)
    for (const Layer& layer : record->layers)
      if (layer.diff_id == diff_id) return layer;
  return std::nullopt;
}

Result<> Catalog::put(Record record, const std::vector<spec::Reference>& names) {
  Result<> written = database_.write([&](Connection& connection) -> Result<> {
    TRY(write_record(connection, record));
    for (const spec::Reference& name : names) TRY(write_name(connection, name, record.id));
    return {};
  });
  TRY(std::move(written));
  auto tables = tables_.lock();
  const ImageId id = record.id;
  tables->images[id] = std::make_shared<const Record>(std::move(record));
  for (const spec::Reference& name : names) tables->names[name.str()] = {name, id};
  return {};
}

Result<> Catalog::remove_name(const spec::Reference& name) {
  const std::string text = name.str();
  TRY(database_.write([&](Connection& connection) {
    return connection.execute("DELETE FROM image_name WHERE name = ?", {text});
  }, Survives::PowerCut, Space::Reserve));
  tables_.lock()->names.erase(text);
  return {};
}

Result<> Catalog::remove(const ImageId& id) {
  TRY(database_.write([&](Connection& connection) { return delete_image(connection, id); },
                      Survives::PowerCut, Space::Reserve));
  auto tables = tables_.lock();
  std::erase_if(tables->names, [&](const auto& entry) { return entry.second.second == id; });
  tables->images.erase(id);
  return {};
}

void Catalog::remember_source(const std::vector<Layer>& layers,
                              const spec::Reference& repository) {
  database_.write_later([layers, repository](Connection& connection) -> Result<> {
    for (const Layer& layer : layers)
      TRY(connection.execute(
          "INSERT OR IGNORE INTO blob_source(blob, domain, path) VALUES(?, ?, ?)",
          {layer.blob.str(), repository.domain, repository.path}));
    return {};
  });
}

Result<std::vector<std::string>> Catalog::paths_with(const Digest& blob,
                                                     const std::string& domain) const {
  return database_.read([&](Connection& connection) -> Result<std::vector<std::string>> {
    std::vector<std::string> paths;
    auto rows = TRY(connection.query(
        "SELECT path FROM blob_source WHERE blob = ? AND domain = ? LIMIT 5", {blob.str(), domain}));
    while (const Row* row = TRY(rows.next())) paths.push_back(row->text(0));
    return paths;
  });
}

}  // namespace wherry::image
