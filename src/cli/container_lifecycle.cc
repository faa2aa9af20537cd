// stop, restart, kill, rm, pause, unpause, wait, rename.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "base/strings.h"
#include "cli/handlers.h"
#include "cli/json_access.h"
#include "cli/output.h"

namespace wherry::cli {
namespace {

constexpr std::size_t kMostAtOnce = 50;

using Verb = std::function<Result<std::string>(client::Engine& engine, const std::string& name)>;

// Does the verb for every name, many at once (stopping ten containers shall not take ten
// time-outs), and returns the results in the order of the names.
Result<std::vector<Result<std::string>>> for_each_name(const Invocation& invocation,
                                                       const Verb& verb) {
  const auto& names = invocation.arguments;
  client::Engine* engine = TRY(invocation.session.engine());
  TRY(engine->ping());
  std::vector<Result<std::string>> results(names.size(), std::string());
  if (names.size() == 1) {
    results[0] = verb(*engine, names[0]);
    return results;
  }
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    client::Engine own = engine->twin();
    for (std::size_t i = next++; i < names.size(); i = next++) results[i] = verb(own, names[i]);
  };
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < std::min(names.size(), kMostAtOnce); ++i) workers.emplace_back(work);
  workers.clear();
  return results;
}

// Prints what went well, then what did not; the exit code.
int print_results(const Result<std::vector<Result<std::string>>>& results) {
  if (!results) return fail(results.error());
  int code = 0;
  for (const auto& result : *results) {
    if (result && !result->empty()) print(*result + "\n");
  }
  for (const auto& result : *results) {
    if (!result) code = fail(result.error());
  }
  return code;
}

// POST /containers/<name>/<action>, the name as the result.
Verb post(std::string action, client::Query query = {}) {
  return [action = std::move(action), query = std::move(query)](
             client::Engine& engine, const std::string& name) -> Result<std::string> {
    TRY(engine.call({.method = "POST",
                     .path = fmt::format("/containers/{}/{}", name, action),
                     .query = query}));
    return name;
  };
}

client::Query stop_query(const Flags& flags) {
  client::Query query;
  if (const std::string signal = flags.text("signal"); !signal.empty()) query["signal"] = signal;
  if (flags.given("timeout")) query["t"] = fmt::format("{}", flags.number("timeout"));
  return query;
}

Result<std::string> wait_for(client::Engine& engine, const std::string& name) {
  const auto answer =
      TRY(engine.call_json({.method = "POST", .path = fmt::format("/containers/{}/wait", name)}));
  const std::string message = text_at(at(answer, "Error"), "Message");
  if (!message.empty()) return Error::internal(message);
  return fmt::format("{}", number_at(answer, "StatusCode"));
}

}  // namespace

int stop_containers(const Invocation& invocation) {
  return print_results(for_each_name(invocation, post("stop", stop_query(invocation.flags))));
}

int restart_containers(const Invocation& invocation) {
  return print_results(for_each_name(invocation, post("restart", stop_query(invocation.flags))));
}

int kill_containers(const Invocation& invocation) {
  client::Query query;
  if (const std::string signal = invocation.flags.text("signal"); !signal.empty())
    query["signal"] = signal;
  return print_results(for_each_name(invocation, post("kill", query)));
}

int pause_containers(const Invocation& invocation) {
  return print_results(for_each_name(invocation, post("pause")));
}

int unpause_containers(const Invocation& invocation) {
  return print_results(for_each_name(invocation, post("unpause")));
}

int remove_containers(const Invocation& invocation) {
  const bool force = invocation.flags.on("force");
  client::Query query;
  if (force) query["force"] = "1";
  if (invocation.flags.on("link")) query["link"] = "1";
  if (invocation.flags.on("volumes")) query["v"] = "1";
  const auto results = for_each_name(
      invocation,
      [&query](client::Engine& engine, const std::string& typed) -> Result<std::string> {
        std::string name = typed;
        while (name.starts_with('/')) name.erase(0, 1);
        if (name.empty()) return Error::invalid("container name cannot be empty");
        TRY(engine.call(
            {.method = "DELETE", .path = fmt::format("/containers/{}", name), .query = query}));
        return typed;
      });
  const int code = print_results(results);
  if (code == 0 || !force || !results) return code;
  // With --force a container that is gone already is what was asked for.
  const bool only_absent = std::ranges::all_of(*results, [](const auto& result) {
    return result || result.error().kind() == ErrorKind::NotFound;
  });
  return only_absent ? 0 : code;
}

int wait_for_containers(const Invocation& invocation) {
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  std::vector<Result<std::string>> results;
  for (const std::string& name : invocation.arguments) {
    results.push_back(wait_for(**engine, name));
    if (results.back()) print(*std::exchange(results.back(), std::string()) + "\n");
  }
  return print_results(std::move(results));
}

int rename_container(const Invocation& invocation) {
  const std::string from(trim(invocation.arguments[0]));
  const std::string to(trim(invocation.arguments[1]));
  if (from.empty() || to.empty()) {
    print_error("Error: Neither old nor new names may be empty\n");
    return 1;
  }
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto done = (*engine)->call({.method = "POST",
                                     .path = fmt::format("/containers/{}/rename", from),
                                     .query = {{"name", to}}});
  if (done) return 0;
  const int code = fail(done.error());
  print_error(fmt::format("Error: failed to rename container named {}\n", from));
  return code;
}

}  // namespace wherry::cli
