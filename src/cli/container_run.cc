// run and create.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/strings.h"
#include "cli/attachment.h"
#include "cli/create_options.h"
#include "cli/handlers.h"
#include "cli/json_access.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "spec/reference.h"

namespace wherry::cli {
namespace {

constexpr int kClientError = 125;
constexpr int kCannotInvoke = 126;
constexpr int kNotFound = 127;

// docker decides by the words of the message why a start failed, and so do we: the engine's
// answer has no other place for it.
int exit_code_of(std::string_view message) {
  const auto says = [&](std::string_view words) {
    return message.find(words) != std::string_view::npos;
  };
  if (says("executable file not found") || says("no such file or directory") ||
      says("system cannot find the file specified")) {
    return kNotFound;
  }
  if (says("permission denied") || says("is a directory")) return kCannotInvoke;
  return kClientError;
}

int report(const Invocation& invocation, const Error& error, int code) {
  const std::string& program = invocation.session.program();
  print_error(fmt::format("{0}: {1}\n\nRun '{0} {2} --help' for more information\n", program,
                          error.message(), invocation.path));
  return code;
}

// The file that takes the container's id; removed again if no container was made.
class IdFile {
 public:
  static Result<IdFile> create(const std::string& path) {
    IdFile file;
    if (path.empty()) return file;
    if (::access(path.c_str(), F_OK) == 0) {
      return Error::invalid(fmt::format(
          "container ID file found, make sure the other container isn't running or delete {}",
          path));
    }
    auto fd = sys::open_at({}, path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (!fd) {
      return Error::invalid(fmt::format("failed to create the container ID file: open {}: {}", path,
                                        to_lower(std::strerror(fd.error().errno_value()))));
    }
    file.fd_ = std::move(*fd);
    file.path_ = path;
    return file;
  }
  IdFile(IdFile&&) noexcept = default;
  IdFile& operator=(IdFile&&) = delete;
  ~IdFile() {
    if (fd_ && !written_) ::unlink(path_.c_str());
  }

  Result<> write(const std::string& id) {
    if (!fd_) return {};
    written_ = true;
    return sys::write_all(fd_, id);
  }

 private:
  IdFile() = default;
  sys::Fd fd_;
  std::string path_;
  bool written_ = false;
};

class Creator {
 public:
  Creator(const Invocation& invocation, const CreateOptions& options)
      : invocation_(invocation), options_(options) {}
  Result<std::string> create();

 private:
  Result<boost::json::value> post();
  Result<> pull();
  [[nodiscard]] bool quiet() const { return invocation_.flags.on("quiet"); }

  const Invocation& invocation_;
  const CreateOptions& options_;
  spec::Reference reference_;
  bool by_id_ = false;
};

Result<boost::json::value> Creator::post() {
  client::Engine* engine = TRY(invocation_.session.engine());
  client::Call call{.method = "POST",
                    .path = "/containers/create",
                    .body = options_.body(),
                    .content_type = "application/json"};
  if (const std::string name = invocation_.flags.text("name"); !name.empty())
    call.query["name"] = name;
  if (const std::string platform = platform_of(invocation_.flags); !platform.empty())
    call.query["platform"] = platform;
  return engine->call_json(call);
}

Result<> Creator::pull() {
  const PullOptions pull{.platform = platform_of(invocation_.flags),
                         .show = quiet() ? Show::No : Show::Yes,
                         .output = STDERR_FILENO};
  return pull_reference(invocation_.session, reference_, pull);
}

Result<std::string> Creator::create() {
  const std::string& image = invocation_.arguments[0];
  const std::string policy = invocation_.flags.text("pull");
  auto parsed = spec::parse_reference(image);
  by_id_ = !parsed && spec::looks_like_image_id(image);
  if (!parsed && !by_id_) return std::unexpected(std::move(parsed).error());
  if (!by_id_) reference_ = parsed->with_default_tag();
  IdFile id_file = TRY(IdFile::create(invocation_.flags.text("cidfile")));
  if (policy == "always" && !by_id_) TRY(pull());
  auto answer = post();
  const bool absent = !answer && answer.error().kind() == ErrorKind::NotFound;
  if (absent && policy == "missing" && !by_id_) {
    if (!quiet())
      print_error(fmt::format("Unable to find image '{}' locally\n", reference_.familiar()));
    TRY(pull());
    answer = post();
  }
  const boost::json::value created = TRY(std::move(answer));
  for (const boost::json::value& warning : elements(at(created, "Warnings"))) {
    print_error(fmt::format("WARNING: {}\n", string_of(warning)));
  }
  std::string id = text_at(created, "Id");
  TRY(id_file.write(id));
  return id;
}

// Both messages in docker's words.
Result<> check_pull_policy(const Flags& flags) {
  const std::string policy = flags.text("pull");
  if (policy == "always" || policy == "missing" || policy == "never") return {};
  return Error::invalid(fmt::format(
      "invalid pull option: '{}': must be one of \"always\", \"missing\" or \"never\"", policy));
}

Result<> start(client::Engine& engine, const std::string& id) {
  TRY(engine.call({.method = "POST", .path = fmt::format("/containers/{}/start", id)}));
  return {};
}

class Runner {
 public:
  Runner(const Invocation& invocation, const CreateOptions& options, Background background)
      : invocation_(invocation), options_(options), background_(background) {}
  int run(const std::string& id);

 private:
  int run_attached(const std::string& id);
  Result<ExitWait> begin_wait(client::Engine& engine, const std::string& id) {
    return ExitWait::begin(engine, id, options_.auto_remove ? "removed" : "next-exit");
  }
  int fail_start(const Error& error, ExitWait* wait) {
    if (options_.auto_remove && wait != nullptr) static_cast<void>(wait->exit_code());
    return report(invocation_, error, exit_code_of(error.message()));
  }

  const Invocation& invocation_;
  const CreateOptions& options_;
  Background background_;
};

int Runner::run_attached(const std::string& id) {
  client::Engine* engine = *invocation_.session.engine();
  auto attachment =
      Attachment::open(invocation_.session, {.container = id,
                                             .tty = options_.tty,
                                             .use_stdin = options_.attach_stdin,
                                             .use_stdout = options_.attach_stdout,
                                             .use_stderr = options_.attach_stderr,
                                             .sig_proxy = invocation_.flags.on("sig-proxy"),
                                             .detach_keys = invocation_.flags.text("detach-keys")});
  if (!attachment) return report(invocation_, attachment.error(), kClientError);
  auto wait = begin_wait(*engine, id);
  if (!wait) return report(invocation_, wait.error(), kClientError);
  if (auto started = start(*engine, id); !started) {
    attachment->reset();  // gives the terminal back before anything is printed
    return fail_start(started.error(), &*wait);
  }
  (*attachment)->follow_size();
  const auto end = (*attachment)->run();
  attachment->reset();
  if (end && *end == PumpEnd::Detached) return 0;
  const auto code = wait->exit_code();
  if (!code) return report(invocation_, code.error(), kClientError);
  return *code;
}

int Runner::run(const std::string& id) {
  if (background_ == Background::No && options_.attaches()) {
    const int code = run_attached(id);
    if (!options_.attach_stdout && !options_.attach_stderr) print(id + "\n");
    return code;
  }
  client::Engine* engine = *invocation_.session.engine();
  auto wait = begin_wait(*engine, id);
  if (!wait) return report(invocation_, wait.error(), kClientError);
  const auto started = start(*engine, id);
  print(id + "\n");
  return started ? 0 : fail_start(started.error(), &*wait);
}

}  // namespace

int run_container(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  const Background background = flags.on("detach") ? Background::Yes : Background::No;
  if (auto checked = check_pull_policy(flags); !checked)
    return report(invocation, checked.error(), kClientError);
  const auto options =
      create_options(flags, invocation.arguments, background, terminal_size(STDOUT_FILENO));
  if (!options) return report(invocation, options.error(), kClientError);
  if (background == Background::Yes && flags.given("attach")) {
    print_error("conflicting options: cannot specify both --attach and --detach\n");
    return 1;
  }
  if (auto checked = check_terminal(options->attach_stdin, options->tty); !checked)
    return fail(checked.error());
  const auto id = Creator(invocation, *options).create();
  if (!id) return report(invocation, id.error(), exit_code_of(id.error().message()));
  return Runner(invocation, *options, background).run(*id);
}

int create_container(const Invocation& invocation) {
  if (auto checked = check_pull_policy(invocation.flags); !checked)
    return report(invocation, checked.error(), kClientError);
  const auto options = create_options(invocation.flags, invocation.arguments, Background::No,
                                      terminal_size(STDOUT_FILENO));
  if (!options) return report(invocation, options.error(), kClientError);
  const auto id = Creator(invocation, *options).create();
  if (!id) return fail(id.error());
  print(*id + "\n");
  return 0;
}

}  // namespace wherry::cli
