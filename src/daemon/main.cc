// wherryd: the engine. One process that serves docker's API; containers live in the keeper
// and outlive this one.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "api/api.h"
#include "archive/unpacker.h"
#include "base/log.h"
#include "daemon/config.h"
#include "daemon/process.h"
#include "daemon/sockets.h"
#include "engine/engine.h"
#include "http/server.h"
#include "resolver/resolver.h"
#include "spec/json.h"

namespace wherry::daemon {
namespace {

// Most descriptors stay free for containers.
http::Limits server_limits() {
  http::Limits limits;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0)
    limits.connections = std::min<std::size_t>(limits.connections, files.rlim_cur * 6 / 10);
  return limits;
}

void remove_sockets(const Sockets& sockets) {
  for (const std::string& path : sockets.paths) ::unlink(path.c_str());
}

// SIGHUP: the file is read again. As in docker, a file that is wrong changes nothing.
void reload(engine::Engine& engine, const std::vector<std::string>& arguments, Config& now) {
  auto next = load_config(arguments);
  auto done = next ? engine.reload(next->engine) : std::unexpected(next.error());
  if (!done) return log::error("SIGHUP: nothing was changed: {}", done.error().message());
  log::set_level(next->log_level);
  const Changes changes = changes_between(now, *next);
  for (const std::string& line : changes.taken) log::info("SIGHUP: {}", line);
  for (const std::string& key : changes.ignored)
    log::warning("SIGHUP: {} has changed and needs a restart", key);
  if (changes.taken.empty()) log::info("SIGHUP: nothing has changed that can be reloaded");
  now = std::move(*next);
}

// The engine opens first: its lock on the data root decides who may serve.
Result<> serve(const Config& config, const std::vector<std::string>& arguments) {
  const auto engine = TRY(engine::Engine::open(config.engine));
  const Pidfile pidfile = TRY(Pidfile::create(config.pidfile));
  Sockets sockets = TRY(open_sockets(
      config.hosts,
      {.group = config.group, .group_given = config.group_given, .plain_tcp = config.plain_tcp}));
  const auto server = TRY(http::Server::start(std::move(sockets.listeners),
                                              api::make_planner(*engine), server_limits()));
  for (const std::string& host : config.hosts) log::info("API listen on {}", host);
  tell_ready(config.ready_fd);
  Config now = config;
  const int signal = wait_for_end([&] { reload(*engine, arguments, now); });
  log::info("signal {}: shutting down, containers stay", signal);
  notify_systemd("STOPPING=1");
  limit_shutdown(
      static_cast<unsigned>(std::max<std::int64_t>(now.engine.shutdown_timeout_s, 1)));
  remove_sockets(sockets);
  server->stop();
  return {};
}

// `wherryd --cleanup`: what an engine leaves on the host on purpose, removed on purpose.
Result<> clean_up(const Config& config) {
  return TRY(engine::Engine::open(config.engine))->clean_up();
}

int fail(const Error& error) {
  fmt::print(stderr, "{}\n", error.message());
  return 1;
}

int run(const std::vector<std::string>& arguments) {
  const auto config = load_config(arguments);
  if (!config) return fail(config.error());
  if (config->show_help) return fmt::print("{}", help_text()), 0;
  if (config->show_version) return fmt::print("Wherry version {}\n", WHERRY_VERSION), 0;
  if (config->validate) return fmt::print("configuration OK\n"), 0;
  if (config->check) {
    const auto lines = engine::Engine::check_host(config->engine);
    return fmt::print("{}\n", json::write_value(api::check_json(lines))), 0;
  }
  reset_inherited_state();
  log::set_level(config->log_level);
  if (auto done = config->cleanup ? clean_up(*config) : serve(*config, arguments); !done)
    return fail(done.error());
  return 0;
}

}  // namespace
}  // namespace wherry::daemon

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  // The confined child in which layers are unpacked: nothing of the engine is set up in it.
  if (arguments == std::vector<std::string>{"--unpack"})
    return wherry::archive::run_unpack_worker();
  // The embedded DNS of user networks; its directory is there for who reads a process list.
  if (arguments.size() == 2 && arguments[0] == "--resolver")
    return wherry::resolver::run_resolver_worker();
  return wherry::daemon::run(arguments);
}
