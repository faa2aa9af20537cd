// Drives image::Images without an engine, for the tests of pull, push and load:
//
//   image_tool ROOT [--mirror URL] [--insecure HOST] [--fast] [--cancel-after MS] VERB ARGUMENTS
//     pull REF [PLATFORM] | push REF | load | tag NAME TARGET | rm NAME | rm-force NAME | list
//     inspect NAME | collect | login SERVER USER PASSWORD
// Progress goes to stdout as docker's JSON lines; an error to stderr as "kind: message", exit 1.
// WHERRY_TEST_AUTH=user:password are the credentials of pull and push. --fast shortens the
// client's timeouts and back-off.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "archive/unpacker.h"
#include "base/strings.h"
#include "content/store.h"
#include "image/images.h"
#include "metadata/database.h"
#include "metadata/schema.h"
#include "snapshot/driver.h"
#include "spec/json.h"

namespace wherry {
namespace {

class StdoutSink : public image::ProgressSink {
 public:
  void emit(const spec::ProgressMessage& message) override {
    fmt::print("{}\n", json::write(message));
    std::fflush(stdout);
  }
};

struct Setup {
  std::string root;
  registry::Settings registry;
  int cancel_after_ms = -1;
  std::vector<std::string> words;
};

Setup parse(std::vector<std::string> arguments) {
  Setup setup;
  setup.root = arguments.at(1);
  std::size_t i = 2;
  for (; i < arguments.size() && arguments[i].starts_with("--"); ++i) {
    if (arguments[i] == "--mirror") setup.registry.mirrors.push_back(arguments.at(++i));
    else if (arguments[i] == "--insecure") setup.registry.insecure_registries.push_back(arguments.at(++i));
    else if (arguments[i] == "--certs") setup.registry.certificate_directories = {arguments.at(++i)};
    else if (arguments[i] == "--cancel-after") setup.cancel_after_ms = std::atoi(arguments.at(++i).c_str());
    else if (arguments[i] == "--fast") {
      setup.registry.stall_timeout = std::chrono::seconds(2);
      setup.registry.connect_timeout = std::chrono::seconds(2);
      setup.registry.first_retry_delay = std::chrono::milliseconds(20);
      setup.registry.maximum_retry_after = std::chrono::seconds(3);
    }
  }
  setup.words.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
  return setup;
}

registry::Credentials credentials() {
  const char* text = std::getenv("WHERRY_TEST_AUTH");
  if (text == nullptr) return {};
  const auto parts = cut(text, ':');
  return {.username = std::string(parts->before), .password = std::string(parts->after)};
}

void print(const std::vector<image::Removal>& removals) {
  for (const auto& removal : removals)
    fmt::print("{}: {}\n",
               removal.kind == image::Removal::Kind::Untagged ? "Untagged" : "Deleted",
               removal.what);
}

Result<> run_verb(image::Images& images, const std::vector<std::string>& words,
                  std::stop_token stop) {
  StdoutSink sink;
  const std::string& verb = words.at(0);
  if (verb == "pull") {
    image::PullRequest request{.reference = TRY(spec::parse_reference(words.at(1))),
                               .credentials = credentials()};
    if (words.size() > 2) request.platform = TRY(spec::parse_platform(words[2]));
    TRY(images.pull(request, sink, stop));
  } else if (verb == "push") {
    TRY(images.push({.reference = TRY(spec::parse_reference(words.at(1))),
                     .credentials = credentials()},
                    sink, stop));
  } else if (verb == "load") {
    sys::Fd input(0);
    const auto loaded = images.load(input, false, sink, stop);
    static_cast<void>(input.release());
    return loaded;
  } else if (verb == "tag") {
    const auto target = TRY(spec::parse_reference(words.at(2)));
    TRY(images.tag(words.at(1), target));
  } else if (verb == "rm" || verb == "rm-force") {
    print(TRY(images.remove(words.at(1), {.force = verb == "rm-force"})));
  } else if (verb == "list") {
    for (const auto& summary : TRY(images.list({})))
      fmt::print("{} {} {} {}\n", summary.id.str(), join(summary.repo_tags, ","),
                 join(summary.repo_digests, ","), summary.size);
  } else if (verb == "inspect") {
    const auto details = TRY(images.inspect(words.at(1)));
    fmt::print("{}\n", details.config_json);
  } else if (verb == "collect") {
    fmt::print("{}\n", TRY(images.collect()));
  } else if (verb == "login") {
    fmt::print("{}\n", TRY(images.login({.username = words.at(2), .password = words.at(3),
                                         .server_address = words.at(1)},
                                        stop)));
  } else {
    return Error::invalid("unknown verb " + verb);
  }
  return {};
}

Result<> run(const Setup& setup, const std::stop_source& stop) {
  TRY(sys::make_directories(setup.root, 0700));
  auto content = TRY(content::Store::open(setup.root + "/content"));
  auto snapshots = TRY(snapshot::open_driver(setup.root + "/snapshots", snapshot::Choice::Probe));
  auto database =
      TRY(metadata::Database::open(setup.root + "/wherry.db", metadata::schema()));
  auto images = TRY(image::Images::open({.content = content.get(),
                                         .snapshots = snapshots.get(),
                                         .database = database.get(),
                                         .registry = setup.registry,
                                         .temporary_directory = setup.root + "/tmp"}));
  // With "+" between them several verbs run at once.
  std::vector<std::vector<std::string>> verbs(1);
  for (const std::string& word : setup.words) {
    if (word == "+") verbs.emplace_back();
    else verbs.back().push_back(word);
  }
  std::vector<std::optional<Result<>>> outcomes(verbs.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < verbs.size(); ++i)
      threads.emplace_back([&, i] { outcomes[i] = run_verb(*images, verbs[i], stop.get_token()); });
  }
  // A driver that is closed leaves its trash to the next start; callers look at what is left.
  snapshots->wait_for_reaper();
  for (auto& outcome : outcomes)
    if (!*outcome) return std::move(*outcome);
  return {};
}

}  // namespace
}  // namespace wherry

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  if (arguments.size() == 2 && arguments[1] == "--unpack")
    return wherry::archive::run_unpack_worker();
  const auto setup = wherry::parse(arguments);
  std::stop_source stop;
  std::jthread canceller([&](const std::stop_token& ended) {
    if (setup.cancel_after_ms < 0) return;
    for (int waited = 0; waited < setup.cancel_after_ms && !ended.stop_requested(); waited += 10)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    stop.request_stop();
  });
  const auto done = wherry::run(setup, stop);
  canceller.request_stop();
  if (done) return 0;
  fmt::print(stderr, "{}: {}\n", static_cast<int>(done.error().kind()), done.error().message());
  return 1;
}
