#include "http/server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <future>
#include <thread>

#include "sys/socket.h"

namespace wherry::http {
namespace {

using namespace std::chrono_literals;

// A client that speaks bytes.
class Client {
 public:
  explicit Client(const std::string& path)
      : fd_(std::move(*sys::connect_unix(path, SOCK_STREAM))) {}

  void send(std::string_view text) { ASSERT_TRUE(sys::write_all(fd_, text).has_value()); }
  void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  // Reads until `mark` came, or the end, or 5 s.
  std::string read_until(std::string_view mark) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.find(mark) == std::string::npos) {
      pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&entry, 1, 5000) <= 0) return text + "<timeout>";
      const auto got = ::read(fd_.get(), buffer.data(), buffer.size());
      if (got <= 0) return text + "<end>";
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  std::string read_to_end() { return read_until("<never>"); }

 private:
  sys::Fd fd_;
};

class ServerTest : public ::testing::Test {
 protected:
  void serve(std::function<void(const ExchangePtr&)> handler, Plan plan = {}) {
    plan.run = std::move(handler);
    start([plan](const Request&) { return plan; });
  }

  void start(Planner planner) {
    std::vector<Listener> listeners;
    listeners.push_back({std::move(*sys::listen_unix(path_, SOCK_STREAM | SOCK_NONBLOCK, 0600, 64)),
                         Transport::Unix});
    server_ = std::move(*Server::start(std::move(listeners), std::move(planner), limits_));
  }

  void TearDown() override {
    server_.reset();
    ::unlink(path_.c_str());
  }

  std::string path_ = fmt::format("{}/wherry-http-{}.sock", ::testing::TempDir(), ::getpid());
  Limits limits_;
  std::unique_ptr<Server> server_;
};

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

void say_ok(const ExchangePtr& exchange) {
  exchange->respond({.status = 200, .content_type = "text/plain", .body = "ok\n", .headers = {}});
}

TEST_F(ServerTest, keeps_a_connection_for_the_next_request) {
  serve(say_ok);
  Client client(path_);
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    EXPECT_TRUE(client.read_until("ok\n").starts_with("HTTP/1.1 200 OK\r\n"));
  }
}

TEST_F(ServerTest, answers_pipelined_requests_in_order) {
  std::atomic<int> count = 0;
  Plan plan;
  plan.where = Plan::Where::Inline;
  serve(
      [&](const ExchangePtr& exchange) {
        exchange->respond({.status = 200,
                           .content_type = {},
                           .body = fmt::format("<{}>", ++count),
                           .headers = {}});
      },
      plan);
  Client client(path_);
  std::string many;
  for (int i = 0; i < 2000; ++i) many += kGet;
  std::thread sender([&] { client.send(many); });
  const std::string text = client.read_until("<2000>");
  sender.join();
  EXPECT_LT(text.find("<1>"), text.find("<2>"));
  EXPECT_LT(text.find("<1999>"), text.find("<2000>"));
}

TEST_F(ServerTest, gives_a_handler_the_whole_body) {
  serve([](const ExchangePtr& exchange) {
    exchange->respond({.status = 200,
                       .content_type = {},
                       .body = "[" + exchange->request().body + "]",
                       .headers = {}});
  });
  Client client(path_);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
  client.send("cd");
  EXPECT_TRUE(client.read_until("]").ends_with("[abcd]"));
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n");
  client.send("0\r\n\r\n");
  EXPECT_TRUE(client.read_until("]").ends_with("[xy]"));
}

TEST_F(ServerTest, says_continue_to_who_asks) {
  serve(say_ok);
  Client client(path_);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ab");
  EXPECT_TRUE(client.read_until("ok\n").starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, sends_no_body_to_head_and_ends_http_1_0) {
  serve(say_ok);
  Client client(path_);
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(client.read_until("\r\n\r\n").ends_with("Content-Length: 3\r\n\r\n"));
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.read_to_end().ends_with("ok\n<end>"));
}

TEST_F(ServerTest, refuses_garbage_and_ends_the_connection) {
  serve(say_ok);
  Client client(path_);
  client.send("HELLO\r\n\r\n");
  const std::string text = client.read_to_end();
  EXPECT_TRUE(text.starts_with("HTTP/1.1 400 Bad Request\r\n")) << text;
  EXPECT_TRUE(text.ends_with("<end>"));
}

TEST_F(ServerTest, refuses_an_endless_header_line) {
  serve(say_ok);
  Client client(path_);
  std::thread sender(
      [&] { static_cast<void>(client.send("GET / HTTP/1.1\r\nA: " + std::string(100'000, 'x'))); });
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 431 "));
  sender.join();
}

TEST_F(ServerTest, answers_500_for_a_dropped_exchange) {
  serve([](const ExchangePtr&) {});
  Client client(path_);
  client.send(kGet);
  EXPECT_TRUE(client.read_until("}\n").starts_with("HTTP/1.1 500 "));
}

TEST_F(ServerTest, flushes_the_head_of_a_stream_before_its_first_bytes) {
  std::promise<void> gate;
  const std::shared_future<void> open = gate.get_future().share();
  serve([open](const ExchangePtr& exchange) {
    ASSERT_TRUE(exchange->begin({.status = 200}).has_value());
    open.wait();
    static_cast<void>(exchange->write("hello"));
    exchange->finish();
  });
  Client client(path_);
  client.send(kGet);
  EXPECT_TRUE(client.read_until("\r\n\r\n").ends_with("Transfer-Encoding: chunked\r\n\r\n"));
  gate.set_value();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "5\r\nhello\r\n0\r\n\r\n");
  client.send(kGet);  // and the connection lives on
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, asks_a_handler_to_stop_when_its_client_goes) {
  std::promise<void> stopped;
  serve([&](const ExchangePtr& exchange) {
    std::promise<void> asked;
    const std::stop_callback callback(exchange->stop(), [&] { asked.set_value(); });
    if (asked.get_future().wait_for(5s) == std::future_status::ready) stopped.set_value();
  });
  Client client(path_);
  client.send(kGet);
  client.close();
  EXPECT_EQ(stopped.get_future().wait_for(5s), std::future_status::ready);
}

TEST_F(ServerTest, gives_a_hijacked_connection_away_with_what_was_read) {
  Plan plan;
  plan.watch_client = false;
  std::promise<Hijacked> got;
  serve(
      [&](const ExchangePtr& exchange) {
        got.set_value(std::move(*exchange->hijack("HEAD\r\n\r\n")));
      },
      plan);
  Client client(path_);
  client.send(std::string(kGet) + "early");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HEAD\r\n\r\n");
  auto future = got.get_future();
  ASSERT_EQ(future.wait_for(5s), std::future_status::ready);
  const Hijacked hijacked = future.get();
  EXPECT_EQ(hijacked.already_read, "early");
  server_.reset();  // the connection is nobody's but ours
  ASSERT_TRUE(sys::write_all(hijacked.fd, "later").has_value());
  EXPECT_EQ(client.read_until("later"), "later");
}

TEST_F(ServerTest, streams_a_body_to_its_handler) {
  Plan plan;
  plan.body = Plan::Body::Streamed;
  plan.where = Plan::Where::Long;
  std::atomic<std::size_t> total = 0;
  serve(
      [&](const ExchangePtr& exchange) {
        std::array<char, 1000> buffer{};
        while (true) {
          const auto got = exchange->read_body(buffer);
          ASSERT_TRUE(got.has_value());
          if (*got == 0) break;
          total += *got;
        }
        say_ok(exchange);
      },
      plan);
  Client client(path_);
  const std::string body(300'000, 'b');
  client.send(fmt::format("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.size()) +
              body);
  EXPECT_TRUE(client.read_until("ok\n").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(total, body.size());
}

TEST_F(ServerTest, tells_a_handler_that_an_upload_broke_off) {
  Plan plan;
  plan.body = Plan::Body::Streamed;
  std::promise<bool> failed;
  serve(
      [&](const ExchangePtr& exchange) {
        std::array<char, 10> buffer{};
        static_cast<void>(exchange->read_body(buffer));
        failed.set_value(!exchange->read_body(buffer).has_value());
      },
      plan);
  Client client(path_);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  client.close();
  EXPECT_TRUE(failed.get_future().get());
}

TEST_F(ServerTest, pushes_from_any_thread_and_drops_what_it_kept_at_the_end) {
  auto kept = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = kept;
  std::promise<std::shared_ptr<PushStream>> streams;
  serve([&](const ExchangePtr& exchange) {
    auto stream = exchange->detach();
    stream->keep(std::move(kept));
    stream->push("early");
    stream->begin({.status = 200});
    streams.set_value(stream);
  });
  Client client(path_);
  client.send(kGet);
  auto stream = streams.get_future().get();
  EXPECT_NE(client.read_until("early\r\n").find("\r\n\r\n5\r\nearly\r\n"), std::string::npos);
  EXPECT_FALSE(watch.expired());
  stream->push("more");
  stream->finish();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "4\r\nmore\r\n0\r\n\r\n");
  client.send(kGet.substr(0, 3));
  for (int i = 0; i < 1000 && !watch.expired(); ++i) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(watch.expired());
  EXPECT_FALSE(stream->push("too late"));
}

TEST_F(ServerTest, pushes_a_second_answer_over_the_same_connection) {
  std::vector<std::shared_ptr<PushStream>> streams;
  std::promise<void> second;
  serve([&](const ExchangePtr& exchange) {
    streams.push_back(exchange->detach());
    streams.back()->begin({.status = 200});
    if (streams.size() == 2) second.set_value();
  });
  Client client(path_);
  client.send(kGet);
  static_cast<void>(client.read_until("\r\n\r\n"));
  streams[0]->finish();
  static_cast<void>(client.read_until("0\r\n\r\n"));
  client.send(kGet);
  static_cast<void>(client.read_until("\r\n\r\n"));
  second.get_future().wait();
  EXPECT_FALSE(streams[0]->push("of the first"));  // must not land in the second answer
  EXPECT_TRUE(streams[1]->push("of the second"));
  streams[1]->finish();
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "d\r\nof the second\r\n0\r\n\r\n");
}

TEST_F(ServerTest, ends_a_pushed_stream_whose_client_has_gone) {
  std::promise<std::shared_ptr<PushStream>> streams;
  serve([&](const ExchangePtr& exchange) {
    auto stream = exchange->detach();
    stream->begin({.status = 200});
    streams.set_value(stream);
  });
  Client client(path_);
  client.send(kGet);
  const auto stream = streams.get_future().get();
  static_cast<void>(client.read_until("\r\n\r\n"));
  client.close();
  bool open = true;
  for (int i = 0; i < 1000 && open; ++i) {
    std::this_thread::sleep_for(1ms);
    open = stream->push("x");
  }
  EXPECT_FALSE(open);
}

TEST_F(ServerTest, lets_go_of_a_client_that_does_not_read_its_stream) {
  std::promise<std::shared_ptr<PushStream>> streams;
  serve([&](const ExchangePtr& exchange) {
    auto stream = exchange->detach();
    stream->begin({.status = 200});
    streams.set_value(stream);
  });
  Client client(path_);
  client.send(kGet);
  const auto stream = streams.get_future().get();
  const std::string piece(100'000, 'x');
  int pieces = 0;
  while (pieces < 100 && stream->push(piece)) ++pieces;
  EXPECT_LT(pieces, 100);
}

TEST_F(ServerTest, ends_a_request_head_that_does_not_come) {
  limits_.head = 20ms;
  limits_.sweep = 5ms;
  serve(say_ok);
  Client client(path_);
  client.send("GET / HT");
  EXPECT_EQ(client.read_to_end(), "<end>");
}

TEST_F(ServerTest, closes_the_connection_that_was_idle_longest_for_a_new_one) {
  limits_.connections = 2;
  serve(say_ok);
  Client first(path_);
  first.send(kGet);
  static_cast<void>(first.read_until("ok\n"));
  Client second(path_);
  second.send(kGet);
  static_cast<void>(second.read_until("ok\n"));
  Client third(path_);
  third.send(kGet);
  EXPECT_TRUE(third.read_until("ok\n").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(first.read_to_end(), "<end>");
}

TEST_F(ServerTest, stops_with_a_handler_at_work_and_connections_open) {
  std::promise<void> started;
  serve([&](const ExchangePtr& exchange) {
    started.set_value();
    std::promise<void> asked;
    const std::stop_callback callback(exchange->stop(), [&] { asked.set_value(); });
    asked.get_future().wait();
  });
  Client idle(path_);
  Client busy(path_);
  busy.send(kGet);
  started.get_future().wait();
  server_->stop();
  EXPECT_TRUE(idle.read_to_end().ends_with("<end>"));
  EXPECT_TRUE(busy.read_to_end().ends_with("<end>"));
}

}  // namespace
}  // namespace wherry::http
