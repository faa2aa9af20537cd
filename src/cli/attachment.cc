#include "cli/attachment.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "cli/detach_keys.h"
#include "cli/json_access.h"
#include "cli/output.h"

namespace wherry::cli {
namespace {

// How long a broken wait is asked for again: an engine that is restarted is back by then.
constexpr int kWaitRetries = 100;
constexpr int kWaitRetryIntervalMs = 100;

Result<int> parse_exit(std::string_view body) {
  const boost::json::value answer = TRY(client::parse_json(body));
  const std::string message = text_at(at(answer, "Error"), "Message");
  if (!message.empty())
    return Error::internal(fmt::format("error waiting for container: {}", message));
  if (!at(answer, "StatusCode").is_number())
    return Error::internal("error waiting for container: no status");
  return static_cast<int>(number_at(answer, "StatusCode"));
}

client::Call wait_call(const std::string& container, const std::string& condition) {
  client::Call call{.method = "POST", .path = fmt::format("/containers/{}/wait", container)};
  if (!condition.empty()) call.query["condition"] = condition;
  return call;
}

}  // namespace

Result<ExitWait> ExitWait::begin(client::Engine& engine, const std::string& container,
                                 const std::string& condition) {
  auto connection = TRY(engine.stream(wait_call(container, condition)));
  return ExitWait(engine, container, std::move(connection));
}

Result<int> ExitWait::exit_code() {
  auto body = connection_->read_body(1U << 20);
  // The engine offers no event for "I am back": the one bounded poll of this program.
  for (int i = 0; (!body || body->empty()) && i < kWaitRetries; ++i) {
    ::poll(nullptr, 0, kWaitRetryIntervalMs);
    auto again = engine_->call(wait_call(container_, ""));
    if (again)
      body = std::move(again->body);
    else if (again.error().kind() != ErrorKind::Unavailable)
      return std::unexpected(std::move(again).error());
  }
  if (!body) return std::move(body).error().within("error waiting for container");
  return parse_exit(*body);
}

Result<> check_terminal(bool attach_stdin, bool tty) {
  if (attach_stdin && tty && !is_terminal(STDIN_FILENO))
    return Error::invalid("the input device is not a TTY");
  return {};
}

Result<std::string> detach_bytes(Session& session, const std::string& flag) {
  const std::string text = flag.empty() ? TRY(session.config())->text("detachKeys") : flag;
  auto bytes = parse_detach_keys(text);
  if (bytes) return bytes;
  print_error(fmt::format("invalid escape keys from CLI configuration, using default: {}\n",
                          bytes.error().message()));
  return parse_detach_keys("");
}

void send_terminal_size(client::Engine& engine, const std::string& path) {
  const TerminalSize size = terminal_size(STDOUT_FILENO);
  if (size.rows == 0 && size.columns == 0) return;
  client::Call call{.method = "POST", .path = path};
  call.query = {{"h", fmt::format("{}", size.rows)}, {"w", fmt::format("{}", size.columns)}};
  // A container that has just ended has no terminal to resize: nobody is to be told.
  static_cast<void>(engine.call(call));
}

Result<std::unique_ptr<Attachment>> Attachment::open(Session& session, AttachPlan plan) {
  client::Engine* engine = TRY(session.engine());
  std::unique_ptr<Attachment> attachment(new Attachment(*engine, std::move(plan)));
  const AttachPlan& wanted = attachment->plan_;
  client::Call call{.method = "POST",
                    .path = fmt::format("/containers/{}/attach", wanted.container),
                    .content_type = "text/plain"};
  call.query["stream"] = "1";
  if (wanted.use_stdin) call.query["stdin"] = "1";
  if (wanted.use_stdout) call.query["stdout"] = "1";
  if (wanted.use_stderr) call.query["stderr"] = "1";
  const std::string keys =
      wanted.detach_keys.empty() ? TRY(session.config())->text("detachKeys") : wanted.detach_keys;
  if (!keys.empty()) call.query["detachKeys"] = keys;
  const bool raw = wanted.tty && wanted.use_stdin;
  if (raw) attachment->keys_ = TRY(detach_bytes(session, wanted.detach_keys));
  attachment->stream_ = TRY(engine->hijack(call));
  if (raw && is_terminal(STDIN_FILENO))
    attachment->terminal_.emplace(TRY(RawTerminal::enter(STDIN_FILENO)));
  std::vector<int> numbers;
  if (wanted.tty)
    numbers = {SIGWINCH};
  else if (wanted.sig_proxy)
    numbers = forwarded_signals();
  attachment->signals_.emplace(TRY(SignalQueue::catch_signals(numbers)));
  return attachment;
}

void Attachment::send_size() {
  send_terminal_size(engine_, fmt::format("/containers/{}/resize", plan_.container));
}

void Attachment::follow_size() {
  if (plan_.tty && is_terminal(STDOUT_FILENO)) send_size();
}

void Attachment::on_signal(int number) {
  if (plan_.tty) {
    if (number == SIGWINCH) send_size();
    return;
  }
  client::Call call{.method = "POST", .path = fmt::format("/containers/{}/kill", plan_.container)};
  call.query["signal"] = signal_name(number);
  static_cast<void>(engine_.call(call));
}

Result<PumpEnd> Attachment::run() {
  PumpOptions options{.tty = plan_.tty,
                      .use_stdin = plan_.use_stdin,
                      .use_stdout = plan_.use_stdout || plan_.tty,
                      .use_stderr = plan_.use_stderr,
                      .detach_keys = keys_,
                      .signals = &*signals_};
  options.on_signal = [this](int number) { on_signal(number); };
  auto end = StreamPump(std::move(stream_->raw), std::move(options)).run();
  terminal_.reset();
  return end;
}

}  // namespace wherry::cli
