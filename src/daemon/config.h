// Command line + daemon.json -> Config, with dockerd's rules: the same directive in both is an
// error, an unknown one too, and nothing is accepted that is not done.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/options.h"

namespace wherry::daemon {

// Options in the order of the table, each with all its values.
using Settings = std::map<const Option*, Values>;

// argv without the program's name, pflag's grammar (--a b, --a=b, -Ab, -A b, -DA b).
Result<Settings> parse_flags(const std::vector<std::string>& arguments);
// `path` is only named in errors.
Result<Settings> parse_file(std::string_view text, const std::string& path);

// Reads the file, merges, applies. The default file may be absent, a named one may not.
Result<Config> load_config(const std::vector<std::string>& arguments);

// What SIGHUP changed: a line "key: old -> new" for each setting, those first that a running
// engine takes; the rest end with "(needs a restart)".
std::vector<std::string> changes(const Config& before, const Config& after);

// What a new reading of the same file changed.
struct Changes {
  std::vector<std::string> taken;    // "labels: [a=b] -> [c=d]": a running engine takes these
  std::vector<std::string> ignored;  // keys that need a restart
};
Changes changes_between(const Config& before, const Config& after);

}  // namespace wherry::daemon
