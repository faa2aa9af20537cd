#include "archive/pax.h"

#include <fmt/format.h>

#include <array>

#include "base/strings.h"

namespace wherry::archive {
namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";

Error bad_value(std::string_view key) {
  return Error::invalid(fmt::format("tar: invalid pax record {}", quote(key)));
}

Result<> set_text(std::optional<std::string>& slot, std::string_view key, std::string_view value) {
  // An empty value takes an earlier record back (POSIX); a NUL would cut the name in the kernel.
  if (value.find('\0') != std::string_view::npos) return bad_value(key);
  if (value.empty()) {
    slot.reset();
  } else {
    slot = value;
  }
  return {};
}

Result<> set_number(std::optional<std::uint64_t>& slot, std::string_view key,
                    std::string_view value) {
  if (value.empty()) {
    slot.reset();
    return {};
  }
  slot = parse_u64(value);
  if (!slot) return bad_value(key);
  return {};
}

Result<> set_time(PaxValues& values, std::string_view key, std::string_view value) {
  values.mtime.reset();
  if (value.empty()) return {};
  values.mtime = parse_pax_time(value);
  if (!values.mtime) return bad_value(key);
  return {};
}

// 0.1: "offset,size,offset,size ..."
Result<> set_map(PaxValues& values, std::string_view key, std::string_view value) {
  values.sparse_runs.clear();
  if (value.empty()) return {};
  const auto numbers = split(value, ',');
  if (numbers.size() % 2 != 0) return bad_value(key);
  for (std::size_t i = 0; i < numbers.size(); i += 2) {
    const auto offset = parse_u64(numbers[i]);
    const auto size = parse_u64(numbers[i + 1]);
    if (!offset || !size) return bad_value(key);
    values.sparse_runs.push_back({*offset, *size});
  }
  return {};
}

// 0.0: pairs of records, offset first.
Result<> add_offset(PaxValues& values, std::string_view key, std::string_view value) {
  const auto offset = parse_u64(value);
  if (!offset) return bad_value(key);
  values.sparse_runs.push_back({*offset, 0});
  return {};
}

Result<> add_size(PaxValues& values, std::string_view key, std::string_view value) {
  const auto size = parse_u64(value);
  if (!size || values.sparse_runs.empty()) return bad_value(key);
  values.sparse_runs.back().size = *size;
  return {};
}

Result<> take_sparse(PaxValues& values, std::string_view key, std::string_view value) {
  values.sparse = true;
  if (key == "GNU.sparse.name") return set_text(values.sparse_name, key, value);
  if (key == "GNU.sparse.size" || key == "GNU.sparse.realsize")
    return set_number(values.sparse_size, key, value);
  if (key == "GNU.sparse.map") return set_map(values, key, value);
  if (key == "GNU.sparse.offset") return add_offset(values, key, value);
  if (key == "GNU.sparse.numbytes") return add_size(values, key, value);
  if (key == "GNU.sparse.major") values.sparse_map_in_data = value == "1";
  return {};
}

Result<> take_record(PaxValues& values, std::string_view key, std::string_view value) {
  if (key == "path") return set_text(values.path, key, value);
  if (key == "linkpath") return set_text(values.link, key, value);
  if (key == "size") return set_number(values.size, key, value);
  if (key == "uid") return set_number(values.uid, key, value);
  if (key == "gid") return set_number(values.gid, key, value);
  if (key == "mtime") return set_time(values, key, value);
  if (key.starts_with("GNU.sparse.")) return take_sparse(values, key, value);
  if (key.starts_with(kXattrPrefix))
    values.xattrs.emplace_back(key.substr(kXattrPrefix.size()), value);
  return {};
}

}  // namespace

std::optional<timespec> parse_pax_time(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto parts = cut(text, '.');
  const auto seconds = parse_u64(parts ? parts->before : text);
  if (!seconds || *seconds > (1ULL << 40)) return std::nullopt;
  std::string digits(parts ? parts->after : "");
  if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  digits.resize(9, '0');
  timespec time{static_cast<time_t>(*seconds), static_cast<long>(*parse_u64(digits))};
  if (!negative) return time;
  time.tv_sec = -time.tv_sec;
  if (time.tv_nsec == 0) return time;
  return timespec{time.tv_sec - 1, 1'000'000'000 - time.tv_nsec};
}

Result<> parse_pax(std::string_view text, PaxValues& values) {
  while (!text.empty()) {
    const auto space = text.substr(0, 20).find(' ');
    if (space == std::string_view::npos) return bad_value(text.substr(0, 20));
    const auto length = parse_u64(text.substr(0, space));
    if (!length || *length <= space + 1 || *length > text.size() || text[*length - 1] != '\n')
      return bad_value(text.substr(0, space));
    const auto record = cut(text.substr(space + 1, *length - space - 2), '=');
    if (!record || record->before.empty()) return bad_value(text.substr(0, space));
    TRY(take_record(values, record->before, record->after));
    text.remove_prefix(*length);
  }
  return {};
}

}  // namespace wherry::archive
