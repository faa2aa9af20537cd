#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "base/strings.h"
#include "engine/lifecycle.h"
#include "engine/log_reader.h"

namespace wherry::engine {
namespace {

constexpr std::string_view kDefaultDetachKeys = "\x10\x11";  // ctrl-p, ctrl-q
constexpr int kLookForStop_ms = 250;  // a stop has no descriptor

Error bad_detach_keys(const std::string& text, std::string_view key) {
  return Error::invalid(fmt::format("Invalid detach keys ({}): Unknown character: '{}'", text, key));
}

// "ctrl-p" -> 0x10, "a" -> 'a'; 0 bytes long: no such key.
std::string key_byte(std::string_view key) {
  if (key.size() == 1) return std::string(key);
  constexpr std::string_view prefix = "ctrl-";
  if (!key.starts_with(prefix) || key.size() != prefix.size() + 1) return "";
  const char c = key.back();
  if (c >= 'a' && c <= 'z') return std::string(1, static_cast<char>(c - 'a' + 1));
  constexpr std::string_view symbols = "@[\\]^_";
  constexpr std::array<char, 6> codes = {0, 27, 28, 29, 30, 31};
  const std::size_t at = symbols.find(c);
  return at == symbols.npos ? "" : std::string(1, codes[at]);
}

Result<> check_attachable(const ContainerDetails& details, const std::string& id) {
  if (details.removed) return Error::not_found(fmt::format("No such container: {}", id));
  if (details.state.kind() == Status::Paused)
    return Error::conflict(fmt::format("container {} is paused, unpause the container before attach", id));
  if (details.state.kind() == Status::Restarting)
    return Error::conflict(
        fmt::format("container {} is restarting, wait until the container is running", id));
  return {};
}

// docker's 8-byte header: stream, three zeros, length.
std::string framed(LogStream stream, std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::string frame = {static_cast<char>(stream), 0, 0, 0, static_cast<char>(size >> 24),
                       static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)};
  return frame.append(bytes);
}

struct LogClient {
  const sys::Fd& connection;
  const std::stop_token& stop;
};

// The connection is non-blocking. Waits for a client that does not read, until it goes or the
// server stops.
Result<> send_patiently(const LogClient& client, std::string_view bytes) {
  const auto& [connection, stop] = client;
  while (!bytes.empty()) {
    const ssize_t count = ::send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Error(ErrorKind::Cancelled, errno, "attach: the client has gone");
    pollfd writable{connection.get(), POLLOUT, 0};
    static_cast<void>(::poll(&writable, 1, kLookForStop_ms));
    if (stop.stop_requested()) return Error(ErrorKind::Cancelled, "attach: the engine stops");
  }
  return {};
}

Result<> replay_log(Core& core, const ContainerRecord& record, const AttachOptions& options,
                    const LogClient& client, std::optional<std::int64_t> newest_end) {
  const LogsOptions logs{.stdout_ = options.stdout_, .stderr_ = options.stderr_};
  const bool tty = record.config.tty;
  const LogSink sink = [&](LogStream stream, std::string_view bytes) {
    return send_patiently(client, tty ? std::string(bytes) : framed(stream, bytes));
  };
  return read_logs({.path = core.log_path(record.id), .ended = {}, .newest_end = newest_end}, logs,
                   sink, {});
}

std::int64_t size_of_log(const Core& core, const ContainerId& id) {
  struct stat status {};
  return ::stat(core.log_path(id).c_str(), &status) == 0 ? status.st_size : 0;
}

keeper::AttachRequest attach_request(const ContainerRecord& record, const AttachOptions& options,
                                     std::string detach_keys, HijackedConnection& connection) {
  keeper::AttachRequest request;
  request.target = target_of(record.id);
  request.want_stdin = options.stdin_ && record.config.open_stdin;
  request.want_stdout = options.stdout_;
  request.want_stderr = options.stderr_;
  request.framing = record.config.tty ? keeper::Framing::Raw : keeper::Framing::Framed;
  if (record.config.tty) request.detach_keys = std::move(detach_keys);
  request.already_read = std::move(connection.already_read);
  // Whoever has read the head may cause output: only the pump, which then has the connection,
  // may send it.
  request.preface = std::move(connection.head);
  request.hold = options.logs;
  return request;
}

// A container that does not run is reserved, so that its next start finds the client there.
Result<keeper::Attached> attach_or_reserve(Core& core, const keeper::AttachRequest& request,
                                           sys::Fd& connection) {
  auto attached = core.keeper->attach(request, connection);
  if (attached || attached.error().kind() != ErrorKind::NotFound) return attached;
  TRY(core.keeper->reserve(request.target));
  return core.keeper->attach(request, connection);
}

}  // namespace

Result<std::string> parse_detach_keys(const std::string& text) {
  std::string bytes;
  if (text.empty()) return bytes;
  for (const std::string_view key : split(text, ',')) {
    const std::string byte = key_byte(key);
    if (byte.empty()) return bad_detach_keys(text, key);
    bytes += byte;
  }
  return bytes;
}

Result<> attach_container(Core& core, Container& container, const AttachOptions& options,
                          const Hijack& hijack) {
  std::string keys(kDefaultDetachKeys);
  if (options.detach_keys && !options.detach_keys->empty()) keys = TRY(parse_detach_keys(*options.detach_keys));
  const ContainerRecord record = container.record();
  TRY(check_attachable(*container.details.lock(), record.id.str()));
  HijackedConnection connection = TRY(hijack(record.config.tty));
  const std::stop_token stop = connection.stop;
  if (!options.stream) {
    const LogClient client{connection.fd, stop};
    TRY(send_patiently(client, connection.head));
    return options.logs ? replay_log(core, record, options, client, std::nullopt) : Result<>();
  }
  // The pump writes nothing before release(), so the log's bytes go first and none twice.
  const sys::Fd writer = options.logs ? TRY(connection.fd.duplicate()) : sys::Fd();
  const keeper::AttachRequest request = attach_request(record, options, std::move(keys), connection);
  std::int64_t logged_before = 0;
  const keeper::Attached attached = TRY([&] {
    // Not beside the end of a run, which the caller may have seen already: the old stream, until the
    // keeper has forgotten it, would take the client along.
    const std::lock_guard operation(container.operation);
    // The pump has no log open for a container that does not run, and its position is 0 then.
    if (options.logs) logged_before = size_of_log(core, record.id);
    return attach_or_reserve(core, request, connection.fd);
  }());
  publish_event(core, record, "attach");
  if (!options.logs) return {};
  const auto& [generation, offset] = attached.position;
  const std::int64_t logged = generation == 0 && offset == 0 ? logged_before : static_cast<std::int64_t>(offset);
  const Result<> replayed = replay_log(core, record, options, {writer, stop}, logged);
  TRY(core.keeper->release(request.target, attached));
  return replayed;
}

Result<> container_logs(Core& core, Container& container, const LogsOptions& options,
                        const LogOutput& output, std::stop_token stop) {
  const auto& [ready, sink] = output;
  if (!options.stdout_ && !options.stderr_)
    return Error::invalid("Bad parameters: you must choose at least one stream");
  const ContainerRecord record = container.record();
  const std::string& driver = record.host_config.log_config.type;
  if (driver == "none") return Error::invalid("configured logging driver does not support reading");
  LogSource source{.path = core.log_path(record.id), .ended = sys::Fd(::eventfd(0, EFD_CLOEXEC))};
  if (!source.ended) return Error::from_errno(errno, "eventfd");
  SubscriptionPtr ended;
  LogsOptions effective = options;
  if (options.follow) {
    // Registered before the state is read, so that an end in between is not missed.
    ended = container.waiters.add(WaitCondition::NextExit, [raw = source.ended.get()](const WaitResult&) {
      static_cast<void>(::eventfd_write(raw, 1));
    });
    effective.follow = container.state().counts_as_running();
  }
  TRY(ready({.tty = record.config.tty}));
  return read_logs(source, effective, sink, std::move(stop));
}

}  // namespace wherry::engine
