// wherry-keeper: parent of every container of one engine, and with --pump the process that
// moves their bytes.
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "base/log.h"
#include "base/strings.h"
#include "keeperd/keeper_main.h"
#include "keeperd/pump.h"
#include "runtime/self_protect.h"
#include "sys/id_map.h"

namespace {

constexpr char kUsage[] =
    "usage: wherry-keeper --run-dir DIRECTORY [--ready-fd NUMBER]\n"
    "       wherry-keeper --run-dir DIRECTORY --resume NUMBER\n"
    "       wherry-keeper --pump --listen-fd NUMBER\n"
    "       wherry-keeper --user-namespace\n"
    "       wherry-keeper --version\n"
    "Started by wherryd; not meant to be called by hand.\n";

struct Arguments {
  wherry::keeperd::KeeperOptions keeper;
  bool pump = false;
  bool version = false;
  int listen_fd = -1;
};

bool take_number(const char* text, int& number) {
  const auto value = wherry::parse_u64(text);
  if (!value || *value > 1 << 20) return false;
  number = static_cast<int>(*value);
  return true;
}

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (word == "--pump") {
      arguments.pump = true;
    } else if (word == "--version") {
      arguments.version = true;
    } else if (value != nullptr && word == "--run-dir") {
      arguments.keeper.run_directory = argv[++i];
    } else if (value != nullptr && word == "--ready-fd") {
      if (!take_number(argv[++i], arguments.keeper.ready_fd)) return false;
    } else if (value != nullptr && word == "--resume") {
      if (!take_number(argv[++i], arguments.keeper.handover_fd)) return false;
    } else if (value != nullptr && word == "--listen-fd") {
      if (!take_number(argv[++i], arguments.listen_fd)) return false;
    } else {
      return false;
    }
  }
  if (arguments.version) return true;
  if (arguments.pump) return arguments.listen_fd >= 0;
  return arguments.keeper.run_directory.starts_with('/');
}

}  // namespace

int main(int argc, char** argv) {
  // For the engine, which is too many threads and starts too slowly to do it itself.
  if (argc == 2 && std::string_view(argv[1]) == "--user-namespace") return wherry::sys::run_user_namespace_worker();
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (arguments.version) {
    std::puts("wherry-keeper " WHERRY_VERSION);
    return 0;
  }
  if (arguments.pump) return wherry::keeperd::pump_main(wherry::sys::Fd(arguments.listen_fd));
  if (auto sealed = wherry::runtime::run_from_read_only_self(argv); !sealed)
    wherry::log::warning("keeper: {}", sealed.error().message());
  if (auto done = wherry::keeperd::keeper_main(arguments.keeper); !done) {
    const bool owned = done.error().kind() == wherry::ErrorKind::Conflict;
    wherry::log::write(owned ? wherry::log::Level::Info : wherry::log::Level::Error,
                       "keeper: " + done.error().message());
    return 1;
  }
  return 0;
}
