// Heads of docker's streams. Private to src/api.
#pragma once

#include <string>
#include <string_view>

#include "api/call.h"
#include "engine/requests.h"

namespace wherry::api {

inline constexpr std::string_view kRawStream = "application/vnd.docker.raw-stream";
inline constexpr std::string_view kMultiplexedStream = "application/vnd.docker.multiplexed-stream";

// A 200 with docker's headers for a body that follows in pieces.
http::Response stream_head(std::string_view content_type);

// The head that turns a connection into a byte stream: "101 UPGRADED" for a client that asked
// for an upgrade, "200 OK" for one that did not. Without a tty the stream is framed, which
// clients of 1.42 and later are told by the content type.
std::string hijack_head(const Call& call, bool tty);

// An engine's Hijack that answers `call` with hijack_head(). Lives as long as `call`.
engine::Hijack hijack_of(const Call& call);
// As hijack_of(), the head still to be sent by the taker.
engine::Hijack hijack_unanswered(const Call& call);

// h and w of a resize.
Result<engine::WindowSize> window_size(const Call& call);

// One frame of docker's stream format: {stream, 0, 0, 0, length as 32 bits big endian}, bytes.
std::string frame(std::uint8_t stream, std::string_view bytes);

}  // namespace wherry::api
