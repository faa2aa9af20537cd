// pull, push, load.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/strings.h"
#include "cli/credentials.h"
#include "cli/handlers.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "spec/json.h"

namespace wherry::cli {

namespace bj = boost::json;

namespace {

constexpr std::size_t kChunkBytes = 32 << 10;

int pull(const Invocation& invocation) {
  auto reference = spec::parse_reference(invocation.arguments[0]);
  if (!reference) return fail(reference.error());
  PullOptions options{.platform = platform_of(invocation.flags),
                      .all_tags = invocation.flags.on("all-tags")};
  const bool quiet = invocation.flags.on("quiet");
  if (options.all_tags && !reference->name_only()) {
    print_error("tag can't be used with --all-tags/-a\n");
    return 1;
  }
  if (!options.all_tags && reference->name_only()) {
    reference = reference->with_default_tag();
    if (!quiet) print(fmt::format("Using default tag: {}\n", reference->tag));
  }
  options.show = quiet ? Show::No : Show::Yes;
  if (auto done = pull_reference(invocation.session, *reference, options); !done)
    return fail(done.error());
  print(reference->str() + "\n");
  return 0;
}

Result<client::Call> push_call(const Invocation& invocation, const spec::Reference& reference) {
  client::Call call{.method = "POST", .path = fmt::format("/images/{}/push", reference.name())};
  if (!reference.tag.empty()) call.query["tag"] = reference.tag;
  const std::string platform = invocation.flags.text("platform");
  if (!platform.empty()) call.query["platform"] = TRY(platform_json(platform));
  call.headers.emplace_back("X-Registry-Auth",
                            TRY(registry_auth(invocation.session, reference.domain)));
  return call;
}

// The load's body: a file, or standard input.
Result<sys::Fd> open_input(const std::string& path) {
  if (path.empty()) {
    if (is_terminal(STDIN_FILENO))
      return Error::invalid("requested load from stdin, but stdin is empty");
    return sys::Fd(::dup(STDIN_FILENO));
  }
  auto file = sys::open_at({}, path.c_str(), O_RDONLY);
  if (file) return file;
  const std::string& message = file.error().message();  // "open x: No such file or directory"
  std::string text = message;
  if (const std::size_t colon = text.rfind(": "); colon != std::string::npos)
    text[colon + 2] = static_cast<char>(text[colon + 2] | 0x20);
  return Error::not_found(text);
}

Result<client::Call> load_call(const Invocation& invocation, std::shared_ptr<sys::Fd> input,
                               Show show) {
  client::Call call{.method = "POST", .path = "/images/load", .content_type = "application/x-tar"};
  if (show == Show::No) call.query["quiet"] = "1";
  const std::string platform = invocation.flags.text("platform");
  if (!platform.empty()) call.query["platform"] = TRY(platform_json(platform));
  call.body_source = [input = std::move(input)]() -> Result<std::string> {
    std::string chunk(kChunkBytes, '\0');
    ssize_t got = 0;
    do {
      got = ::read(input->get(), chunk.data(), chunk.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) return Error::from_errno(errno, "read");
    chunk.resize(static_cast<std::size_t>(got));
    return chunk;
  };
  return call;
}

Result<> stream_call(Session& session, const client::Call& call, Show show) {
  client::Engine* engine = TRY(session.engine());
  const auto connection = TRY(engine->stream(call));
  return print_progress(*connection, STDOUT_FILENO, show);
}

}  // namespace

Result<std::string> platform_json(const std::string& platform) {
  const auto parts = split(platform, '/');
  const auto invalid = [&](std::string_view why) {
    return Error::invalid(fmt::format("{}: {}: invalid argument", quote(platform), why));
  };
  if (parts.size() > 3) return invalid("must have at most 3 parts");
  constexpr std::array<std::string_view, 10> kArchitectures = {
      "amd64", "arm64",   "arm",      "386",     "ppc64le",
      "s390x", "riscv64", "mips64le", "loong64", "x86_64"};
  const auto known = [&](std::string_view name) {
    return std::ranges::find(kArchitectures, name) != kArchitectures.end();
  };
  boost::json::object object = {{"architecture", "amd64"}, {"os", "linux"}};
  for (const std::string_view part : parts) {
    if (part.empty()) return invalid("is an invalid component");
  }
  if (parts.size() > 1) {
    object["os"] = bj::string(parts[0]);
    object["architecture"] = bj::string(parts[1]);
    if (parts.size() == 3) object["variant"] = bj::string(parts[2]);
  } else if (known(parts[0])) {
    object["architecture"] = bj::string(parts[0]);
  } else if (parts[0] != "linux" && parts[0] != "windows") {
    return invalid("unknown operating system or architecture");
  } else {
    object["os"] = bj::string(parts[0]);
  }
  return json::write_value(object);
}

std::string platform_of(const Flags& flags) {
  if (flags.given("platform")) return flags.text("platform");
  const char* platform = std::getenv("DOCKER_DEFAULT_PLATFORM");
  return platform == nullptr ? "" : platform;
}

Result<std::string> registry_auth(Session& session, const std::string& domain) {
  const ConfigFile* config = TRY(session.config());
  return auth_header(TRY(load_credentials(*config, registry_key(domain))));
}

Result<> pull_reference(Session& session, const spec::Reference& reference,
                        const PullOptions& options) {
  client::Call call{.method = "POST", .path = "/images/create"};
  call.query["fromImage"] = reference.name();
  if (!options.platform.empty()) call.query["platform"] = options.platform;
  if (!options.all_tags)
    call.query["tag"] = reference.digest.empty() ? reference.tag : reference.digest.str();
  call.headers.emplace_back("X-Registry-Auth", TRY(registry_auth(session, reference.domain)));
  client::Engine* engine = TRY(session.engine());
  const auto connection = TRY(engine->stream(call));
  return print_progress(*connection, options.output, options.show);
}

int pull_image(const Invocation& invocation) {
  return pull(invocation);
}

int push_image(const Invocation& invocation) {
  auto reference = spec::parse_reference(invocation.arguments[0]);
  if (!reference) return fail(reference.error());
  const bool quiet = invocation.flags.on("quiet");
  const bool all = invocation.flags.on("all-tags");
  if (all && !reference->name_only()) {
    print_error("tag can't be used with --all-tags/-a\n");
    return 1;
  }
  if (!all && reference->name_only()) {
    reference = reference->with_default_tag();
    if (!quiet) print(fmt::format("Using default tag: {}\n", reference->tag));
  }
  const auto call = push_call(invocation, *reference);
  if (!call) return fail(call.error());
  if (auto done = stream_call(invocation.session, *call, quiet ? Show::No : Show::Yes); !done)
    return fail(done.error());
  if (quiet) print(reference->str() + "\n");
  return 0;
}

int load_images(const Invocation& invocation) {
  auto input = open_input(invocation.flags.text("input"));
  if (!input) return fail(input.error());
  const Show show =
      invocation.flags.on("quiet") || !is_terminal(STDOUT_FILENO) ? Show::No : Show::Yes;
  const auto call = load_call(invocation, std::make_shared<sys::Fd>(std::move(*input)), show);
  if (!call) return fail(call.error());
  // Even a quiet load prints the names that it loaded.
  if (auto done = stream_call(invocation.session, *call, Show::Yes); !done)
    return fail(done.error());
  return 0;
}

}  // namespace wherry::cli
