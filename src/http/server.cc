#include "http/server.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <future>
#include <thread>

#include "base/log.h"
#include "http/connection.h"

namespace wherry::http {
namespace {

constexpr int kAcceptsPerWake = 64;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

// One listening socket; lives on the server's thread.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(Core& core, Listener listener)
      : core_(core),
        socket_(core.io, listener.socket.release()),
        transport_(listener.transport),
        pause_(core.io) {}

  void arm() {
    socket_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         if (!error) self->accept_some();
                       });
  }

  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    pause_.cancel();
  }

 private:
  void accept_some() {
    for (int i = 0; i < kAcceptsPerWake; ++i) {
      sys::Fd client(
          ::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!client) {
        if (errno == EAGAIN) break;
        if (errno == ECONNABORTED || errno == EINTR) continue;
        return pause_accepting(errno);
      }
      add(std::move(client));
    }
    arm();
  }

  // No descriptor or no memory: the kernel gives no event for their return.
  void pause_accepting(int problem) {
    log::warning("cannot accept a connection: {}", std::strerror(problem));
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->arm();
    });
  }

  void add(sys::Fd client) {
    if (core_.connections.size() >= core_.limits.connections && !evict_idle()) return;
    if (transport_ == Transport::Tcp) {
      const int on = 1;
      ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ::setsockopt(client.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    auto connection = std::make_shared<Connection>(core_, std::move(client), transport_);
    core_.connections.insert(connection);
    connection->start();
  }

  bool evict_idle() {
    std::shared_ptr<Connection> oldest;
    for (const auto& connection : core_.connections)
      if (connection->is_idle() && (!oldest || connection->since() < oldest->since()))
        oldest = connection;
    if (oldest) oldest->abort();
    return static_cast<bool>(oldest);
  }

  Core& core_;
  boost::asio::posix::stream_descriptor socket_;
  const Transport transport_;
  boost::asio::steady_timer pause_;
};

}  // namespace

struct Server::Parts {
  explicit Parts(Planner planner, Limits limits)
      : core(std::move(planner), limits), sweep(core.io), keep_running(core.io.get_executor()) {}

  void arm_sweep() {
    sweep.expires_after(core.limits.sweep);
    sweep.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      // Closing removes a connection from the set that is walked.
      const std::vector<std::shared_ptr<Connection>> all(core.connections.begin(),
                                                         core.connections.end());
      for (const auto& connection : all) connection->check_deadline(Clock::now());
      arm_sweep();
    });
  }

  // On the server's thread.
  void end_everything() {
    core.stopping = true;
    core.server_stop.request_stop();
    sweep.cancel();
    for (const auto& acceptor : acceptors) acceptor->close();
    const std::vector<std::shared_ptr<Connection>> all(core.connections.begin(),
                                                       core.connections.end());
    for (const auto& connection : all) connection->abort();
  }

  // Runs `work` on the server's thread and waits for its end.
  void run_there(const std::function<void()>& work) {
    std::promise<void> done;
    boost::asio::post(core.io, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  Core core;
  std::vector<std::shared_ptr<Acceptor>> acceptors;
  boost::asio::steady_timer sweep;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running;
  std::thread thread;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() {
  stop();
}

Result<std::unique_ptr<Server>> Server::start(std::vector<Listener> listeners, Planner planner,
                                              Limits limits) {
  auto parts = std::make_unique<Parts>(std::move(planner), limits);
  for (Listener& listener : listeners) {
    auto acceptor = std::make_shared<Acceptor>(parts->core, std::move(listener));
    acceptor->arm();
    parts->acceptors.push_back(std::move(acceptor));
  }
  parts->arm_sweep();
  parts->thread = std::thread([core = &parts->core] {
    ::pthread_setname_np(::pthread_self(), "http");
    core->io.run();
  });
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

void Server::stop() {
  if (!parts_->thread.joinable()) return;
  Core& core = parts_->core;
  std::unique_ptr<Workers> workers;
  parts_->run_there([&] {
    parts_->end_everything();
    workers = std::move(core.workers);
  });
  workers.reset();  // waits for the handlers; the thread still takes their answers
  parts_->run_there([&] { parts_->end_everything(); });
  parts_->keep_running.reset();
  core.io.stop();
  parts_->thread.join();
  // Handlers that asio still holds refer to connections, and these to the core.
  parts_->acceptors.clear();
}

}  // namespace wherry::http
