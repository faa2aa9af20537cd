#include "keeperd/pump.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/log.h"
#include "sys/socket.h"

namespace wherry::keeperd {
namespace {

constexpr std::chrono::seconds kWithoutKeeper{10};

void confine_log_thread() {
  if (auto confined = confine_pump(); !confined) log::warning("pump: {}", confined.error().message());
}

}  // namespace

Result<std::unique_ptr<Pump>> Pump::create(io::Loop& loop, sys::Fd listener) {
  std::unique_ptr<Pump> pump(new Pump(loop, std::move(listener)));
  pump->log_writer_ = TRY(LogWriter::create(loop, confine_log_thread));
  pump->shared_.log_writer = pump->log_writer_.get();
  pump->watch_ = TRY(loop.watch(pump->listener_, EPOLLIN,
                                [raw = pump.get()](std::uint32_t) { raw->accept_keeper(); }));
  pump->lose_keeper();
  return pump;
}

void Pump::accept_keeper() {
  sys::Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket) return;
  const auto peer = sys::peer_credentials(socket);
  if (!peer || peer->uid != ::geteuid()) return;
  auto connection = Peer::create(loop_, std::move(socket),
                                 {.message = [this](keeper::Message m) { on_message(std::move(m)); },
                                  .closed = [this](const Error&) {
                                    lose_keeper();
                                    if (streams_.empty()) loop_.stop();
                                  }});
  if (!connection) return log::error("pump: {}", connection.error().message());
  // There is one keeper; a newer one has taken over.
  keeper_ = std::move(*connection);
  unused_timer_.reset();
}

void Pump::lose_keeper() {
  // Its last call is on the stack: it goes after this turn.
  if (keeper_) loop_.defer([old = std::shared_ptr<Peer>(std::move(keeper_))] {});
  unused_timer_ = loop_.after(kWithoutKeeper, [this] { end_if_unused(); });
}

void Pump::end_if_unused() {
  unused_timer_.reset();
  if (keeper_) return;
  if (std::ranges::none_of(streams_, [](const auto& one) { return one.second->is_open(); }))
    return loop_.stop();
  unused_timer_ = loop_.after(kWithoutKeeper, [this] { end_if_unused(); });
}

void Pump::on_message(keeper::Message message) {
  auto reply = handle(message);
  // Messages without an operation are not answered.
  if (message.operation == 0) {
    if (!reply) log::warning("pump: {}", reply.error().message());
    return;
  }
  if (!keeper_) return;
  if (reply) {
    keeper_->send(keeper::Verb::Ok, message.operation, reply->body, std::move(reply->fds));
  } else {
    keeper_->send(keeper::Verb::Failed, message.operation, keeper::encode(reply.error()));
  }
}

Result<Pump::Reply> Pump::handle(keeper::Message& message) {
  switch (pump_verb(message.verb)) {
    case PumpVerb::Adopt: return adopt();
    case PumpVerb::Reserve: return reserve(message);
    case PumpVerb::Add: return add(message);
    case PumpVerb::Attach: return attach(message);
    case PumpVerb::Release: return release(message);
    default: return handle_numbered(message);
  }
}

Result<Stream*> Pump::find(StreamNumber number) {
  const auto found = streams_.find(number);
  if (found == streams_.end()) return Error::not_found("no such stream");
  return found->second.get();
}

Result<Pump::Reply> Pump::handle_numbered(const keeper::Message& message) {
  const Numbered body = TRY(decode_number(message.body));
  Stream* stream = TRY(find(body.number));
  switch (pump_verb(message.verb)) {
    case PumpVerb::CloseStdin: stream->close_stdin(); return Reply{};
    case PumpVerb::Ended: stream->end(); return Reply{};
    case PumpVerb::Remove: stream->remove(); return Reply{};
    default: return Error::invalid("unknown pump verb");
  }
}

Result<Pump::Reply> Pump::adopt() {
  Reply reply;
  keeper::Writer list;
  list.put(::getpid());  // a connection's credentials would name whoever made the listener
  for (const auto& [number, stream] : streams_) {
    StreamMessage one{stream->info(), TRY(stream->duplicate_fds())};
    list.put(std::string_view(encode(one)));
    for (sys::Fd& fd : take_fds(one.fds)) reply.fds.push_back(std::move(fd));
  }
  reply.body = list.take();
  return reply;
}

Result<Pump::Reply> Pump::reserve(keeper::Message& message) {
  std::span<sys::Fd> fds(message.fds);
  StreamMessage body = TRY(decode_stream(message.body, fds));
  const StreamNumber number = body.info.number;
  streams_.try_emplace(number, std::make_unique<Stream>(shared_, std::move(body.info)));
  return Reply{};
}

Result<Pump::Reply> Pump::add(keeper::Message& message) {
  std::span<sys::Fd> fds(message.fds);
  StreamMessage body = TRY(decode_stream(message.body, fds));
  StreamInfo reserved = body.info;
  reserved.live = false;
  auto& stream = streams_[body.info.number];
  if (!stream) stream = std::make_unique<Stream>(shared_, std::move(reserved));
  TRY(stream->go_live(std::move(body)));
  return Reply{};
}

Result<Pump::Reply> Pump::attach(keeper::Message& message) {
  const Numbered body = TRY(decode_number(message.body));
  Stream* stream = TRY(find(body.number));
  keeper::AttachRequest request = TRY(keeper::decode_attach(body.rest));
  if (message.fds.size() != 1) return Error::invalid("attach wants one connection");
  const keeper::Attached attached =
      TRY(stream->attach(std::move(message.fds.front()), std::move(request)));
  return Reply{keeper::encode(attached), {}};
}

Result<Pump::Reply> Pump::release(const keeper::Message& message) {
  std::uint64_t client = 0;
  keeper::Reader(message.body).get(client);
  for (const auto& [number, stream] : streams_)
    if (stream->release(client)) return Reply{};
  return Error::not_found("no such client");
}

void Pump::tell(PumpVerb verb, StreamNumber number, std::string_view rest) {
  if (keeper_) keeper_->send(wire_verb(verb), 0, encode_number(number, rest));
}

void Pump::on_drained(StreamNumber number) { tell(PumpVerb::Drained, number); }
void Pump::on_detached(StreamNumber number) { tell(PumpVerb::Detached, number); }
void Pump::on_stdin_closed(StreamNumber number) { tell(PumpVerb::StdinClosed, number); }

void Pump::on_log_lost(StreamNumber number, std::uint64_t lines, const std::string& why) {
  tell(PumpVerb::LogLost, number, keeper::Writer().put(lines).put(std::string_view(why)).take());
}

void Pump::on_finished(StreamNumber number) {
  // Later: the stream is still on the stack.
  loop_.defer([this, number] {
    streams_.erase(number);
    if (!keeper_ && streams_.empty()) loop_.stop();
  });
}

int pump_main(sys::Fd listener) {
  ::signal(SIGPIPE, SIG_IGN);
  auto loop = io::Loop::create();
  if (!loop) {
    log::error("pump: {}", loop.error().message());
    return 1;
  }
  auto pump = Pump::create(**loop, std::move(listener));
  if (pump) {
    if (auto confined = confine_pump(); !confined)
      log::warning("pump: {}", confined.error().message());
    if (auto done = (*loop)->run(); done) return 0;
  }
  log::error("pump: cannot go on");
  return 1;
}

}  // namespace wherry::keeperd
