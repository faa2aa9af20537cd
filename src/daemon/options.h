// The options of wherryd: dockerd's, as one table that serves the command line and daemon.json.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "engine/options.h"

namespace wherry::daemon {

// Every value of an option as text: one for Bool and Text, "key=value" for Map.
using Values = std::vector<std::string>;

struct Config {
  engine::Options engine;
  std::vector<std::string> hosts;  // empty: the default socket
  std::string pidfile;             // "": <exec-root>/wherryd.pid
  std::string group = "wherry";
  bool group_given = false;  // then it must exist
  log::Level log_level = log::Level::Info;
  bool plain_tcp = false;  // --tls=false: TCP without TLS was asked for
  std::string config_file = "/etc/wherry/daemon.json";
  std::map<std::string, Values> given;  // key (or flag) of every option that was set
  int ready_fd = -1;  // a byte is written here once requests are served
  bool check = false;      // print what the host has and lacks, and exit
  bool cleanup = false;    // remove containers, keeper and networks, and exit
  bool validate = false;
  bool show_version = false;
  bool show_help = false;
};

// Objects: a list of objects in daemon.json, "key=value,key=value" each as a flag.
enum class Kind : std::uint8_t { Bool, Text, List, Map, Objects };

struct Option {
  std::string_view flag;  // without dashes; "": daemon.json only
  char shorthand;         // '\0': none
  std::string_view key;   // of daemon.json; "": flag only
  Kind kind;
  std::string_view help;
  Result<> (*apply)(Config&, const Values&);  // nullptr: known, not available yet
};

// All of dockerd 29's, --check, --cleanup and --ready-fd.
std::span<const Option> options();
const Option* find_flag(std::string_view name);
const Option* find_shorthand(char letter);
const Option* find_key(std::string_view key);

// What `wherryd --help` prints.
std::string help_text();

}  // namespace wherry::daemon
