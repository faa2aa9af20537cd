// state, kill, delete, pause, resume.
#include <fmt/format.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <array>
#include <cctype>

#include "base/strings.h"
#include "runtime_cli/container.h"
#include "runtime_cli/hooks.h"
#include "runtime_cli/verbs.h"
#include "spec/oci_runtime_json.h"

namespace wherry::runtime_cli {
namespace {

constexpr int kFreezeDeadlineMs = 10000;
constexpr int kDeleteWaitMs = 100;
constexpr std::size_t kLongestPattern = 1024;

Result<Container> load(const Context& context) {
  return Container::load(context.root, context.options.arguments[0]);
}

// "TERM", "SIGTERM", "15".
Result<int> parse_signal(const std::string& text) {
  if (const auto number = parse_u64(text)) {
    if (*number >= 1 && *number <= 64) return static_cast<int>(*number);
  } else {
    std::string name = text;
    for (char& letter : name)
      letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    if (name.starts_with("SIG")) name.erase(0, 3);
    for (int signal = 1; signal < 32; ++signal) {
      const char* known = ::sigabbrev_np(signal);
      if (known != nullptr && name == known) return signal;
    }
  }
  return Error::invalid(fmt::format("unknown signal {}", quote(text)));
}

}  // namespace

Result<int> print_state(const Context& context) {
  Container container = TRY(load(context));
  TRY(container.await_settled());
  const Record& record = container.record();
  const std::string status = container.status();
  json::Value value = json::to_value(
      spec::oci::State{.oci_version = spec::oci::kRuntimeSpecVersion,
                       .id = record.id,
                       .status = status,
                       .pid = status == "stopped" ? 0 : record.pid,
                       .bundle = record.bundle,
                       .annotations = record.annotations});
  value.get_object()["rootfs"] = record.rootfs;
  value.get_object()["created"] = record.created;
  value.get_object()["owner"] = "";
  ::puts(json::write_indented(value, "  ").c_str());
  return 0;
}

namespace {

Result<> kill_one(const Context& context, const std::string& id) {
  const Container container = TRY(Container::load(context.root, id));
  const auto& arguments = context.options.arguments;
  const int signal = TRY(parse_signal(arguments.size() > 1 ? arguments[1] : "SIGTERM"));
  if (context.options.has("all")) {
    const sys::Cgroup group = TRY(container.cgroup());
    TRY(group.signal_all(signal));
    return {};
  }
  const auto process = container.process();
  if (!process) return Error::conflict("container not running");
  // A frozen container would take the signal only when it is thawed; SIGKILL must end it now.
  const sys::Cgroup group = TRY(container.cgroup());
  if (signal == SIGKILL && group.is_frozen()) TRY(group.thaw());
  TRY(process->signal(signal));
  return {};
}

Result<> delete_one(const Context& context, const std::string& id) {
  auto loaded = Container::load(context.root, id);
  const bool force = context.options.has("force");
  if (!loaded && force && loaded.error().kind() == ErrorKind::NotFound) return {};
  Container container = TRY(std::move(loaded));
  const std::string status = container.status();
  if (!force && status != "stopped" && status != "created") {
    // A process that was just killed is given the moment that its exit takes.
    const auto process = container.process();
    if (process && !TRY(process->wait_ended(kDeleteWaitMs)))
      return Error::conflict(
          fmt::format("cannot delete container {} that is not stopped: {}", container.record().id, status));
  }
  // Read before it goes; what a crash left may have none.
  const auto config = container.config();
  TRY(container.remove());
  if (config && config->hooks)
    run_late_hooks(context, "poststop", config->hooks->poststop,
                   hook_state(container.record(), "stopped", 0));
  return {};
}

// --regex: every container whose id the pattern (POSIX, extended) is found in.
Result<std::vector<std::string>> named(const Context& context) {
  const std::string& word = context.options.arguments[0];
  if (!context.options.has("regex")) return std::vector{word};
  if (word.size() > kLongestPattern) return Error::invalid("pattern is too long");
  regex_t pattern;
  if (::regcomp(&pattern, word.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
    return Error::invalid(fmt::format("invalid regular expression {}", quote(word)));
  auto ids = Container::list(context.root);
  std::erase_if(ids, [&](const std::string& id) { return ::regexec(&pattern, id.c_str(), 0, nullptr, 0) != 0; });
  ::regfree(&pattern);
  return ids;
}

// All of them, whatever happens to one; the first error is the answer.
Result<int> for_each_named(const Context& context, Result<> (*verb)(const Context&, const std::string&)) {
  Result<> outcome;
  for (const std::string& id : TRY(named(context))) {
    auto done = verb(context, id);
    if (!done && outcome) outcome = std::move(done);
  }
  TRY(std::move(outcome));
  return 0;
}

}  // namespace

Result<int> kill_container(const Context& context) { return for_each_named(context, kill_one); }

Result<int> delete_container(const Context& context) { return for_each_named(context, delete_one); }

Result<int> pause_container(const Context& context) {
  const Container container = TRY(load(context));
  const std::string status = container.status();
  if (status != "running" && status != "created")
    return Error::conflict(fmt::format("container not running or created: {}", status));
  const sys::Cgroup group = TRY(container.cgroup());
  TRY(group.freeze(kFreezeDeadlineMs));
  return 0;
}

Result<int> resume_container(const Context& context) {
  const Container container = TRY(load(context));
  if (container.status() != "paused") return Error::conflict("container not paused");
  const sys::Cgroup group = TRY(container.cgroup());
  TRY(group.thaw());
  return 0;
}

}  // namespace wherry::runtime_cli
