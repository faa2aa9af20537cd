#include "snapshot/layer_record.h"

#include <fmt/format.h>

#include <map>

#include "base/strings.h"

namespace wherry::snapshot {
namespace {

constexpr std::string_view kFirstLine = "wherry layer 1";

using Fields = std::map<std::string_view, std::string_view>;

Result<std::uint64_t> number(const Fields& fields, std::string_view key) {
  const auto found = fields.find(key);
  const auto value = found == fields.end() ? std::nullopt : parse_u64(found->second);
  if (!value) return Error::internal(fmt::format("layer record has no {}", key));
  return *value;
}

}  // namespace

std::string encode(const LayerRecord& record) {
  return fmt::format(
      "{}\ndiff_id {}\ncontent_bytes {}\nentries {}\ntree_entries {}\ntree_bytes {}\nboot "
      "{}\nend\n",
      kFirstLine, record.info.diff_id.str(), record.info.content_bytes, record.info.entries,
      record.tree.entries, record.tree.bytes, record.boot);
}

Result<LayerRecord> parse_layer_record(std::string_view text) {
  const auto lines = split(text, '\n');
  if (lines.front() != kFirstLine)
    return Error::internal(fmt::format("layer record starts with {}, not {}",
                                       quote(lines.front().substr(0, 40)), quote(kFirstLine)));
  Fields fields;
  for (const std::string_view line : lines) {
    const auto parts = cut(line, ' ');
    fields.emplace(parts ? parts->before : line, parts ? parts->after : "");
  }
  if (!fields.contains("end")) return Error::internal("layer record is cut");
  LayerRecord record;
  record.info.diff_id = TRY(Digest::parse(fields["diff_id"]));
  record.info.content_bytes = TRY(number(fields, "content_bytes"));
  record.info.entries = TRY(number(fields, "entries"));
  record.tree.entries = TRY(number(fields, "tree_entries"));
  record.tree.bytes = TRY(number(fields, "tree_bytes"));
  record.boot = fields["boot"];
  return record;
}

}  // namespace wherry::snapshot
