// The records of a pax extended header: "<length> <key>=<value>\n", one after another.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/tar_reader.h"
#include "base/result.h"

namespace wherry::archive {

// What one pax header says of the entry behind it. Absent: the plain header counts.
struct PaxValues {
  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<std::uint64_t> size;
  std::optional<std::uint64_t> uid;
  std::optional<std::uint64_t> gid;
  std::optional<timespec> mtime;
  std::vector<std::pair<std::string, std::string>> xattrs;  // SCHILY.xattr.*

  // GNU sparse files: the map of 0.0 and 0.1, or `sparse_map_in_data` for 1.0.
  bool sparse = false;
  bool sparse_map_in_data = false;
  std::optional<std::string> sparse_name;
  std::optional<std::uint64_t> sparse_size;
  std::vector<TarRun> sparse_runs;
};

// Adds the records of `text` to `values`; later records win. Unknown keys are ignored.
Result<> parse_pax(std::string_view text, PaxValues& values);
// "1700000000.25", also negative.
std::optional<timespec> parse_pax_time(std::string_view text);

}  // namespace wherry::archive
