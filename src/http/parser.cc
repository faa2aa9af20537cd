#include "http/parser.h"

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <functional>

#include "http/query.h"

namespace wherry::http {
namespace beast = boost::beast;

namespace {

// "0", the end of its line and the empty line behind it: what is left of any chunked body is at
// least that long.
constexpr std::size_t kShortestEnd = 5;

}  // namespace

struct RequestParser::State {
  beast::http::request_parser<beast::http::buffer_body> parser;
  std::uint64_t chunk_left = 0;
  std::function<void(std::uint64_t, beast::string_view, beast::error_code&)> on_chunk =
      [this](std::uint64_t size, beast::string_view, beast::error_code&) { chunk_left = size; };

  // Beast aborts when it sees the head of a last chunk, whose size begins with 0, for the second
  // time with less than five bytes (basic_parser::parse_chunk_header).
  [[nodiscard]] bool has_enough(std::string_view bytes) const {
    const bool may_be_last = parser.chunked() && chunk_left == 0 && bytes.starts_with('0');
    return bytes.size() >= (may_be_last ? kShortestEnd : 1);
  }
};

namespace {

std::unexpected<ParseFailure> failure(const beast::error_code& error) {
  if (error == beast::http::error::header_limit)
    return std::unexpected(ParseFailure{431, "request header fields too large"});
  if (error == beast::http::error::body_limit)
    return std::unexpected(ParseFailure{413, "request body too large"});
  return std::unexpected(ParseFailure{400, error.message()});
}

std::string text_of(beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

RequestParser::RequestParser(std::size_t head_limit_bytes) : state_(std::make_unique<State>()) {
  state_->parser.header_limit(static_cast<std::uint32_t>(head_limit_bytes));
  state_->parser.body_limit(boost::none);
  state_->parser.on_chunk_header(state_->on_chunk);
}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

Parsed<bool> RequestParser::read_head(std::string_view& bytes) {
  auto& parser = state_->parser;
  while (!parser.is_header_done()) {
    beast::error_code error;
    const std::size_t taken = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    bytes.remove_prefix(taken);
    if (error == beast::http::error::need_more) return false;
    if (error) return failure(error);
  }
  return true;
}

Parsed<Request> RequestParser::request() const {
  const auto& message = state_->parser.get();
  Request request;
  request.method = text_of(message.method_string());
  request.target = text_of(message.target());
  request.http_1_0 = message.version() < 11;
  // Only what browsers and clients send us: the origin form.
  if (!request.target.starts_with('/') && request.target != "*")
    return std::unexpected(ParseFailure{400, "malformed request target"});
  const std::size_t question = request.target.find('?');
  auto path = decode_path(std::string_view(request.target).substr(0, question));
  if (!path) return std::unexpected(ParseFailure{400, path.error().message()});
  request.path = std::move(*path);
  if (question != std::string::npos) request.query = request.target.substr(question + 1);
  for (const auto& entry : message)
    request.headers.push_back({text_of(entry.name_string()), text_of(entry.value())});
  if (!request.http_1_0 && !request.has_header("Host"))
    return std::unexpected(ParseFailure{400, "missing required Host header"});
  request.has_body = state_->parser.chunked() || content_length().value_or(0) > 0;
  return request;
}

bool RequestParser::keep_alive() const {
  return state_->parser.get().keep_alive();
}

std::optional<std::uint64_t> RequestParser::content_length() const {
  const auto length = state_->parser.content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}

Parsed<bool> RequestParser::limit_body(std::optional<std::uint64_t> limit_bytes) {
  if (!limit_bytes) return true;
  // Beast compares the announced length when the head is parsed, before we know the route.
  if (content_length().value_or(0) > *limit_bytes)
    return std::unexpected(ParseFailure{413, "request body too large"});
  state_->parser.body_limit(*limit_bytes);
  return true;
}

Parsed<std::size_t> RequestParser::read_body(std::string_view& bytes, std::span<char> out) {
  auto& parser = state_->parser;
  parser.get().body().data = out.data();
  parser.get().body().size = out.size();
  parser.get().body().more = true;
  while (!parser.is_done() && state_->has_enough(bytes) && parser.get().body().size > 0) {
    beast::error_code error;
    const std::size_t room = parser.get().body().size;
    const std::size_t taken = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    bytes.remove_prefix(taken);
    state_->chunk_left -= std::min<std::uint64_t>(state_->chunk_left, room - parser.get().body().size);
    if (error == beast::http::error::need_more || error == beast::http::error::need_buffer) break;
    if (error) return failure(error);
  }
  return out.size() - parser.get().body().size;
}

bool RequestParser::body_done() const {
  return state_->parser.is_done();
}

}  // namespace wherry::http
