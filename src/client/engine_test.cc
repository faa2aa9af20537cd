// Engine against a scripted daemon on a unix socket.
#include "client/engine.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "sys/socket.h"

namespace wherry::client {
namespace {

// Answers each connection's requests from a list; remembers what was asked.
class Daemon {
 public:
  explicit Daemon(std::vector<std::string> answers) : answers_(std::move(answers)) {
    char name[] = "/tmp/wherry-client-XXXXXX";
    directory_ = ::mkdtemp(name);
    path_ = directory_ + "/s";
    listener_ = std::move(*sys::listen_unix(path_, SOCK_STREAM, 0600, 8));
    thread_ = std::thread([this] { serve(); });
  }
  ~Daemon() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    ::unlink(path_.c_str());
    ::rmdir(directory_.c_str());
  }
  Settings settings() const { return {.endpoint = *parse_endpoint("unix://" + path_)}; }
  std::vector<std::string> asked;

 private:
  void serve() {
    std::size_t next = 0;
    while (next < answers_.size()) {
      const sys::Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) return;
      std::string request;
      char buffer[4096];
      ssize_t got = 0;
      while (next < answers_.size() &&
             (got = ::read(connection.get(), buffer, sizeof buffer)) > 0) {
        request.assign(buffer, static_cast<std::size_t>(got));
        asked.push_back(request.substr(0, request.find('\r')));
        static_cast<void>(sys::write_all(connection, answers_[next++]));
      }
    }
  }

  std::vector<std::string> answers_;
  std::string directory_;
  std::string path_;
  sys::Fd listener_;
  std::thread thread_;
};

std::string ping(const std::string& version) {
  return "HTTP/1.1 200 OK\r\n" + (version.empty() ? "" : "Api-Version: " + version + "\r\n") +
         "Ostype: linux\r\nContent-Length: 0\r\n\r\n";
}

std::string json(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string version_with(const std::string& offered) {
  Daemon daemon({ping(offered)});
  Engine engine(daemon.settings());
  EXPECT_TRUE(engine.ping());
  return engine.api_version();
}

TEST(Engine, speaks_the_lower_version) {
  EXPECT_EQ(version_with("1.60"), kApiVersion);
  EXPECT_EQ(version_with("1.41"), "1.41");
  EXPECT_EQ(version_with("1.9"), "1.9");
}

TEST(Engine, a_daemon_without_a_version_is_an_old_one) {
  EXPECT_EQ(version_with(""), "1.24");
}

TEST(Engine, a_version_that_is_none_is_not_put_into_a_path) {
  EXPECT_EQ(version_with("1.4/../x"), "1.24");
}

TEST(Engine, a_version_that_was_set_is_used_as_it_is) {
  Daemon daemon({ping("1.51"), json(200, "[]")});
  Settings settings = daemon.settings();
  settings.api_version = "1.30";
  Engine engine(std::move(settings));
  ASSERT_TRUE(engine.call_json({.path = "/containers/json"}));
  EXPECT_EQ(daemon.asked[1], "GET /v1.30/containers/json HTTP/1.1");
}

TEST(Engine, asks_once_for_the_version_and_keeps_the_connection) {
  Daemon daemon({ping("1.51"), json(200, "[1]"), json(200, "[2]")});
  Engine engine(daemon.settings());
  EXPECT_TRUE(engine.call_json({.path = "/a", .query = {{"z", "1"}, {"b", "x y"}}}));
  EXPECT_TRUE(engine.call_json({.path = "/b"}));
  EXPECT_EQ(daemon.asked,
            (std::vector<std::string>{"HEAD /_ping HTTP/1.1", "GET /v1.51/a?b=x+y&z=1 HTTP/1.1",
                                      "GET /v1.51/b HTTP/1.1"}));
}

TEST(Engine, the_daemons_message_is_the_error_and_its_status_the_kind) {
  Daemon daemon({ping("1.51"), json(409, R"({"message":"name is taken"})")});
  Engine engine(daemon.settings());
  const auto reply = engine.call({.path = "/x"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message(), "Error response from daemon: name is taken");
  EXPECT_EQ(reply.error().kind(), ErrorKind::Conflict);
}

TEST(Engine, an_error_of_plain_text_is_kept) {
  Daemon daemon({ping("1.51"), json(500, "it broke\n")});
  Engine engine(daemon.settings());
  EXPECT_EQ(engine.call({.path = "/x"}).error().message(), "Error response from daemon: it broke");
}

TEST(Engine, an_error_without_words_names_the_route) {
  Daemon daemon({ping("1.51"), json(500, "")});
  Engine engine(daemon.settings());
  EXPECT_NE(engine.call({.path = "/some/route"}).error().message().find("/some/route"),
            std::string::npos);
}

TEST(Engine, hijack_tells_framed_from_raw) {
  Daemon daemon({ping("1.51"),
                 "HTTP/1.1 101 UPGRADED\r\nContent-Type: "
                 "application/vnd.docker.multiplexed-stream\r\n\r\nabc"});
  Engine engine(daemon.settings());
  const auto stream = engine.hijack({.method = "POST", .path = "/containers/x/attach"});
  ASSERT_TRUE(stream);
  EXPECT_TRUE(stream->multiplexed);
  EXPECT_EQ(stream->raw.received, "abc");
}

TEST(Engine, starts_an_engine_once_where_nobody_listens) {
  Settings settings{.endpoint = *parse_endpoint("unix:///nonexistent/s")};
  int started = 0;
  settings.start_engine = [&started]() -> Result<bool> {
    ++started;
    return true;
  };
  Engine engine(std::move(settings));
  EXPECT_FALSE(engine.ping());
  EXPECT_FALSE(engine.ping());
  EXPECT_EQ(started, 1);
}

TEST(Engine, why_an_engine_cannot_be_started_is_the_error) {
  Settings settings{.endpoint = *parse_endpoint("unix:///nonexistent/s")};
  settings.start_engine = []() -> Result<bool> { return Error::internal("no wherryd here"); };
  EXPECT_EQ(Engine(std::move(settings)).ping().error().message(), "no wherryd here");
}

TEST(ParseJson, depth_is_limited) {
  EXPECT_TRUE(parse_json("[[[1]]]"));
  EXPECT_FALSE(parse_json(std::string(5000, '[') + std::string(5000, ']')));
}

TEST(EncodeFilters, is_dockers_form) {
  EXPECT_EQ(encode_filters({}), "");
  EXPECT_EQ(encode_filters({{"label", {"b=c", "a"}}, {"status", {"running"}}}),
            R"({"label":{"a":true,"b=c":true},"status":{"running":true}})");
}

}  // namespace
}  // namespace wherry::client
