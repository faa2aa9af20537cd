#include "registry/transport.h"

#include <curl/curl.h>

#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/guarded.h"
#include "registry/client.h"
#include "registry/transfer.h"

namespace wherry::registry {
namespace {

using TransferPtr = std::shared_ptr<Transfer>;

struct Commands {
  std::vector<TransferPtr> start;
  std::vector<TransferPtr> unpause;
  std::vector<TransferPtr> cancel;
  bool quit = false;
};

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

// The longest sleep of the loop: commands and sockets wake it, this only bounds a missed one.
constexpr int kLoopTimeout_ms = 60'000;
constexpr long kIdleConnections = 32;

}  // namespace

struct Transport::State {
  std::unique_ptr<CURLM, FreeMulti> multi{curl_multi_init()};
  Guarded<Commands> commands;
  std::map<CURL*, TransferPtr> running;  // the loop's own
  std::thread loop;

  void post(const std::function<void(Commands&)>& change) {
    {
      auto access = commands.lock();
      change(*access);
    }
    curl_multi_wakeup(multi.get());
  }

  void start(const TransferPtr& transfer) {
    const auto prepared = transfer->prepare();
    if (!prepared || curl_multi_add_handle(multi.get(), transfer->easy()) != CURLM_OK) {
      transfer->finished(CURLE_OUT_OF_MEMORY);
      return;
    }
    running.emplace(transfer->easy(), transfer);
  }

  void end(CURL* easy, CURLcode code) {
    const auto found = running.find(easy);
    if (found == running.end()) return;
    const TransferPtr transfer = found->second;
    running.erase(found);
    curl_multi_remove_handle(multi.get(), easy);
    transfer->finished(code);
  }

  // False: quit.
  bool obey() {
    Commands todo;
    {
      auto access = commands.lock();
      std::swap(todo, *access);
    }
    for (const TransferPtr& transfer : todo.start) start(transfer);
    for (const TransferPtr& transfer : todo.unpause)
      if (running.contains(transfer->easy())) curl_easy_pause(transfer->easy(), CURLPAUSE_CONT);
    for (const TransferPtr& transfer : todo.cancel)
      end(transfer->easy(), CURLE_ABORTED_BY_CALLBACK);
    return !todo.quit;
  }

  void reap() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi.get(), &left))
      if (message->msg == CURLMSG_DONE) end(message->easy_handle, message->data.result);
  }

  void run() {
    while (obey()) {
      int active = 0;
      curl_multi_perform(multi.get(), &active);
      reap();
      curl_multi_poll(multi.get(), nullptr, 0, kLoopTimeout_ms, nullptr);
    }
    while (!running.empty()) end(running.begin()->first, CURLE_ABORTED_BY_CALLBACK);
  }
};

Transport::Transport(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Transport>> Transport::create() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) return Error::internal(curl_easy_strerror(initialised));
  auto state = std::make_unique<State>();
  if (!state->multi) return Error::internal("curl_multi_init: out of memory");
  curl_multi_setopt(state->multi.get(), CURLMOPT_MAXCONNECTS, kIdleConnections);
  state->loop = std::thread([raw = state.get()] { raw->run(); });
  return std::unique_ptr<Transport>(new Transport(std::move(state)));
}

Transport::~Transport() {
  state_->post([](Commands& commands) { commands.quit = true; });
  state_->loop.join();
}

namespace {

// Carries what happens in a transfer to the caller's sink; gives the reason to end early.
class Pump {
 public:
  Pump(Transfer& transfer, const HttpRequest& request, BlobSink* sink,
       const Transport::Begin& begin)
      : transfer_(transfer), request_(request), sink_(sink), begin_(begin) {}

  Result<> handle(Transfer::Wake wake, std::string_view bytes) {
    switch (wake) {
      case Transfer::Wake::Head: {
        const HttpResponse head = transfer_.head();
        streaming_ = sink_ != nullptr && (head.status == 200 || head.status == 206);
        return streaming_ && begin_ ? begin_(head) : Result<>();
      }
      case Transfer::Wake::Bytes: return sink_->write(bytes);
      case Transfer::Wake::Progress:
        if (request_.sent) request_.sent(transfer_.sent_bytes());
        return {};
      case Transfer::Wake::Done:
      case Transfer::Wake::Cancelled: return {};
    }
    return {};
  }

 private:
  Transfer& transfer_;
  const HttpRequest& request_;
  BlobSink* sink_;
  const Transport::Begin& begin_;
  bool streaming_ = false;
};

}  // namespace

HttpOutcome Transport::perform(const HttpRequest& request, BlobSink* sink, const Begin& begin) {
  const auto transfer = std::make_shared<Transfer>(request, sink != nullptr);
  state_->post([&](Commands& commands) { commands.start.push_back(transfer); });

  Pump pump(*transfer, request, sink, begin);
  std::string bytes;
  std::optional<Error> refused;
  auto wake = Transfer::Wake::Head;
  while (true) {
    wake = transfer->wait(bytes, request.stop);
    if (wake == Transfer::Wake::Done || wake == Transfer::Wake::Cancelled) break;
    if (auto handled = pump.handle(wake, bytes); !handled) {
      refused = std::move(handled).error();
      break;
    }
    if (transfer->take_unpause())
      state_->post([&](Commands& commands) { commands.unpause.push_back(transfer); });
  }
  if (wake != Transfer::Wake::Done) {
    // The transfer reads the caller's request: it must be out of the loop before we return.
    state_->post([&](Commands& commands) { commands.cancel.push_back(transfer); });
    while (transfer->wait(bytes, {}) != Transfer::Wake::Done) continue;
  }
  HttpOutcome outcome = transfer->outcome();
  if (refused) {
    outcome.failure = TransportFailure::Sink;
    outcome.error = std::move(refused);
  } else if (wake == Transfer::Wake::Cancelled) {
    outcome.failure = TransportFailure::Cancelled;
    outcome.error = Error(ErrorKind::Cancelled, "context canceled");
  }
  return outcome;
}

}  // namespace wherry::registry
