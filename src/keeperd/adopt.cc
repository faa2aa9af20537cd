// What a new keeper finds: the records and, mostly, the pump of the one before it.
#include <sys/epoll.h>

#include <algorithm>
#include <csignal>

#include "base/log.h"
#include "base/time.h"
#include "keeperd/keeper.h"
#include "keeperd/stdio.h"

namespace wherry::keeperd {
namespace {

// How long the engine has to say which code it has reaped.
constexpr std::chrono::milliseconds kUnknownExit{2000};

struct Found {
  std::int32_t pump_pid = 0;
  std::vector<StreamMessage> streams;
};

Result<Found> decode_found(keeper::Message& message) {
  Found found;
  std::vector<StreamMessage>& streams = found.streams;
  std::span<sys::Fd> fds(message.fds);
  keeper::Reader reader(message.body);
  reader.get(found.pump_pid);
  while (!reader.at_end()) {
    std::string one;
    reader.get(one, keeper::kMessageBytes);
    if (!reader.ok()) return Error::invalid("malformed pump message");
    streams.push_back(TRY(decode_stream(one, fds)));
  }
  return found;
}

}  // namespace

Result<> Keeper::begin(const std::optional<Handover>& handover, std::function<void(Result<>)> ready) {
  boot_id_ = TRY(sys::boot_id());
  if (handover) inherit(*handover);
  if (handover && handover->pump >= 0) TRY(pump_.inherit(*handover));
  else TRY(pump_.start());
  pump_.request(PumpVerb::Adopt, {}, {},
                [this, ready = std::move(ready)](Result<keeper::Message> streams) {
                  adopt(std::move(streams), ready);
                });
  return {};
}

void Keeper::adopt(Result<keeper::Message> answer, const std::function<void(Result<>)>& ready) {
  // A pump that cannot answer has died or is no pump of ours: the next one starts empty, and
  // on_pump_restarted() fills it.
  std::vector<StreamMessage> streams;
  if (answer) {
    auto found = decode_found(*answer);
    if (found) {
      streams = std::move(found->streams);
      pump_.set_pid(found->pump_pid);
    } else {
      log::error("pump: {}", found.error().message());
    }
  }
  auto records = directory_.load();
  if (!records) return ready(std::unexpected(records.error()));
  for (keeper::Record& record : *records) adopt_record(std::move(record), streams);
  for (const StreamMessage& left : streams) {
    if (!left.info.live) {
      reserved_.emplace(left.info.target, left.info.number);
    } else if (left.info.number != 0) {
      pump_.tell(PumpVerb::Remove, encode_number(left.info.number));
    }
  }
  inherited_.clear();
  ready({});
  replace_old_pump();
}

void Keeper::adopt_record(keeper::Record record, std::vector<StreamMessage>& streams) {
  next_sequence_ = std::max(next_sequence_, record.exit_sequence + 1);
  auto owned = std::make_unique<Process>();
  Process& process = *owned;
  process.record = std::move(record);
  process.is_child = false;
  take_inheritance(process);
  const keeper::Target target = process.record.target;
  processes_[target] = std::move(owned);
  if (process.record.state == keeper::State::Exited) {
    if (process.record.forgotten) {
      process.record.forgotten = false;
      return bury(process);
    }
    if (!process.record.acknowledged) publish(process);
    return;
  }
  adopt_running(process, streams);
}

void Keeper::adopt_running(Process& process, std::vector<StreamMessage>& streams) {
  const keeper::Record& record = process.record;
  if (process.reaped) {
    adopt_stream(process, streams);
    return drain(process);
  }
  auto pidfd = sys::Pidfd::open(record.pid);
  const auto start_time = sys::process_start_time(record.pid);
  const bool lives = record.boot_id == boot_id_ && pidfd && start_time &&
                     *start_time == record.start_time;
  if (lives) process.pidfd = std::move(*pidfd);
  if (record.state != keeper::State::Running) {
    // Never let go: with the old keeper's end of the channel the child ends by itself.
    if (lives) static_cast<void>(process.pidfd.signal(SIGKILL));
    std::erase_if(streams, [&](const StreamMessage& stream) {
      if (stream.info.target != record.target) return false;
      pump_.tell(PumpVerb::Remove, encode_number(stream.info.number));
      return true;
    });
    return erase(keeper::Target(record.target));
  }
  adopt_stream(process, streams);
  if (!lives) return expect_unknown_exit(process);
  const keeper::Target target = record.target;
  auto watch = loop_.watch(process.pidfd.fd(), EPOLLIN, [this, target](std::uint32_t events) {
    on_exit_event(target, events);
  });
  if (!watch) return log::error("adopt {}: {}", target.container, watch.error().message());
  process.exit_watch = std::move(*watch);
}

void Keeper::adopt_stream(Process& process, std::vector<StreamMessage>& streams) {
  const keeper::Record& record = process.record;
  if (record.stdio.discard) return;
  const auto found = std::ranges::find_if(streams, [&](const StreamMessage& stream) {
    return stream.info.live && stream.info.target == record.target && stream.info.nonce == record.nonce;
  });
  if (found != streams.end()) {
    StreamMessage stream = std::move(*found);
    streams.erase(found);
    // Said once, and maybe to nobody: a drained stream has nothing to wait for.
    if (stream.info.drained) return pump_.tell(PumpVerb::Remove, encode_number(stream.info.number));
    process.stream = stream.info.number;
    process.fds = std::move(stream.fds);
    return;
  }
  process.fds = reopen_pipes(record, settings_.host_root);
  add_stream(process);
}

// The process has ended and nobody has said how. The engine may have reaped it.
void Keeper::expect_unknown_exit(Process& process) {
  const keeper::Target target = process.record.target;
  process.timer = loop_.after(kUnknownExit, [this, target] {
    const auto found = processes_.find(target);
    if (found == processes_.end()) return;
    keeper::ExitReport report;
    report.code = 255;
    report.known = false;
    on_reaped(*found->second, report);
  });
}

}  // namespace wherry::keeperd
