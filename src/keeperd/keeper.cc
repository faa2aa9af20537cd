#include "keeperd/keeper.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/log.h"
#include "base/strings.h"
#include "keeperd/stdio.h"

namespace wherry::keeperd {
namespace {

std::uint64_t random_number() {
  const std::string hex = random_hex(8);
  return std::stoull(hex, nullptr, 16) | 1;
}

// The bytes after the Target at the front of a body.
std::string_view after_target(std::string_view body, const keeper::Target& target) {
  return body.substr(std::min(body.size(), keeper::encode(target).size()));
}

}  // namespace

Keeper::Keeper(io::Loop& loop, const RunDirectory& directory, Settings settings)
    : loop_(loop),
      directory_(directory),
      settings_(std::move(settings)),
      pump_(loop, directory,
            {.event = [this](const keeper::Message& message) { on_pump_event(message); },
             .restarted = [this] { on_pump_restarted(); }}),
      instance_(random_number()),
      // A pump may still hold streams of the keeper before us: begin somewhere else.
      next_stream_(random_number() >> 8) {}

keeper::KeeperInfo Keeper::info() const {
  keeper::KeeperInfo info;
  info.version = keeper::kProtocolVersion;
  info.keeper_pid = ::getpid();
  info.pump_pid = pump_.pid();
  info.instance = instance_;
  info.processes = static_cast<std::uint32_t>(processes_.size() - tombstones_.size());
  info.build = settings_.build;
  return info;
}

bool Keeper::is_idle() const {
  return dying_.empty() && reserved_.empty() && unacknowledged_.empty() &&
         std::ranges::all_of(processes_, [](const auto& one) {
           return one.second->record.state == keeper::State::Exited;
         });
}

void Keeper::handle(keeper::Message message, const Reply& reply) {
  switch (message.verb) {
    case keeper::Verb::Hello: return reply.ok(keeper::encode(info()));
    case keeper::Verb::List: return list(reply);
    case keeper::Verb::Acknowledge: {
      std::uint64_t sequence = 0;
      keeper::Reader(message.body).get(sequence);
      acknowledge(sequence);
      return reply.ok();
    }
    case keeper::Verb::Reaped: reaped_elsewhere(message.body); return reply.ok();
    case keeper::Verb::Upgrade:
      if (auto begun = upgrade(message, reply); !begun) reply.fail(begun.error());
      return;
    default: break;
  }
  if (auto handled = handle_target(message, reply); !handled) reply.fail(handled.error());
}

// Verbs whose body begins with a target. An error is answered by the caller; with success
// the answer has been given or will be.
Result<> Keeper::handle_target(keeper::Message& message, const Reply& reply) {
  const keeper::Target target = TRY(keeper::decode_target(message.body));
  TRY(check_target(target));
  const std::string_view rest = after_target(message.body, target);
  switch (message.verb) {
    case keeper::Verb::Start: return start(message, reply);
    case keeper::Verb::Go: return go(target, reply);
    case keeper::Verb::Reserve: return reserve(target, reply);
    case keeper::Verb::Attach: return attach(message, reply);
    case keeper::Verb::Release: {
      // Not by the stream: the process may have ended while the client was held.
      pump_.request(PumpVerb::Release, rest, {},
                    [reply](Result<keeper::Message> answer) {
                      answer ? reply.ok() : reply.fail(answer.error());
                    });
      return {};
    }
    case keeper::Verb::Resize: reply.finish(resize(target, rest)); return {};
    case keeper::Verb::CloseStdin: reply.finish(close_stdin(target)); return {};
    case keeper::Verb::Signal: reply.finish(signal(target, rest)); return {};
    case keeper::Verb::Forget: reply.finish(forget(target)); return {};
    case keeper::Verb::Lookup:
      reply.ok(keeper::encode(TRY(find(target))->record));
      return {};
    default: return Error::invalid("unknown verb");
  }
}

Result<Process*> Keeper::find(const keeper::Target& target) {
  const auto found = processes_.find(target);
  if (found == processes_.end())
    return Error::not_found("no such process: " + (target.exec.empty() ? target.container : target.exec));
  return found->second.get();
}

Result<StreamNumber> Keeper::stream_of(const keeper::Target& target) const {
  // A reservation comes first: the run before it may have left its record.
  if (const auto found = reserved_.find(target); found != reserved_.end()) return found->second;
  const auto found = processes_.find(target);
  if (found == processes_.end() || found->second->stream == 0 ||
      found->second->record.state == keeper::State::Exited)
    return Error::not_found("neither running nor reserved");
  return found->second->stream;
}

Result<> Keeper::reserve(const keeper::Target& target, const Reply& reply) {
  if (stream_of(target)) {
    reply.ok();
    return {};
  }
  StreamMessage body;
  body.info.number = next_stream_++;
  body.info.target = target;
  reserved_.emplace(target, body.info.number);
  pump_.request(PumpVerb::Reserve, encode(body), {},
                [this, target, reply](Result<keeper::Message> answer) {
                  if (answer) return reply.ok();
                  reserved_.erase(target);
                  reply.fail(answer.error());
                });
  return {};
}

Result<> Keeper::attach(keeper::Message& message, const Reply& reply) {
  const keeper::AttachRequest request = TRY(keeper::decode_attach(message.body));
  const StreamNumber stream = TRY(stream_of(request.target));
  pump_.request(PumpVerb::Attach, encode_number(stream, message.body), std::move(message.fds),
                [reply](Result<keeper::Message> answer) {
                  answer ? reply.ok(answer->body) : reply.fail(answer.error());
                });
  return {};
}

Result<> Keeper::resize(const keeper::Target& target, std::string_view rest) {
  Process& process = *TRY(find(target));
  keeper::WindowSize size;
  keeper::Reader(rest).get(size.rows).get(size.columns);
  if (process.record.state == keeper::State::Exited)
    return Error::conflict("cannot resize a stopped container");
  process.record.stdio.window = size;
  // Without a terminal there is nothing to resize, and docker says nothing. One that has not
  // come yet gets its size when it does.
  if (!process.record.stdio.tty || !process.fds.out) return {};
  return set_window(process.fds.out, size);
}

Result<> Keeper::signal(const keeper::Target& target, std::string_view rest) {
  Process& process = *TRY(find(target));
  std::int32_t number = 0;
  keeper::Reader(rest).get(number);
  if (number < 0 || number > 64) return Error::invalid("bad signal number");
  if (process.reaped || process.record.state == keeper::State::Exited)
    return Error::not_found("no such process");
  return process.pidfd.signal(number);
}

Result<> Keeper::close_stdin(const keeper::Target& target) {
  pump_.tell(PumpVerb::CloseStdin, encode_number(TRY(stream_of(target))));
  return {};
}

Result<> Keeper::forget(const keeper::Target& target) {
  if (const auto reserved = reserved_.extract(target); !reserved.empty()) {
    pump_.tell(PumpVerb::Remove, encode_number(reserved.mapped()));
    replace_old_pump();
  }
  const auto found = processes_.find(target);
  if (found == processes_.end()) return {};
  Process& process = *found->second;
  if (process.record.state == keeper::State::Exited) {
    bury(process);
    return {};
  }
  if (process.record.state == keeper::State::Running)
    return Error::conflict("the process is running");
  fail_start(process, Error(ErrorKind::Cancelled, "start was called off"));
  return {};
}

void Keeper::list(const Reply& reply) const {
  std::vector<keeper::Record> records;
  for (const auto& [target, process] : processes_)
    if (!process->record.forgotten) records.push_back(process->record);
  reply.ok(keeper::encode(records));
}

}  // namespace wherry::keeperd
