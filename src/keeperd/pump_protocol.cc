#include "keeperd/pump_protocol.h"

#include <array>
#include <cstring>

namespace wherry::keeperd {
namespace {

std::array<sys::Fd*, 4> in_wire_order(StreamFds& fds) {
  return {&fds.in, &fds.out, &fds.err, &fds.log_directory};
}

constexpr std::size_t kRequestLimit = 256 * 1024;

}  // namespace

std::string encode(const StreamMessage& message) {
  const StreamFds& fds = message.fds;
  // StartRequest already has the bytes of most of it.
  keeper::StartRequest request;
  request.target = message.info.target;
  request.nonce = message.info.nonce;
  request.stdio = message.info.stdio;
  request.log = message.info.log;
  keeper::Writer writer;
  writer.put(message.info.number)
      .put(static_cast<bool>(fds.in))
      .put(static_cast<bool>(fds.out))
      .put(static_cast<bool>(fds.err))
      .put(static_cast<bool>(fds.log_directory))
      .put(message.info.live)
      .put(message.info.ended)
      .put(message.info.drained)
      .put(std::string_view(keeper::encode(request)));
  return writer.take();
}

std::vector<sys::Fd> take_fds(StreamFds& fds) {
  std::vector<sys::Fd> list;
  for (sys::Fd* fd : in_wire_order(fds))
    if (*fd) list.push_back(std::move(*fd));
  return list;
}

Result<StreamMessage> decode_stream(std::string_view bytes, std::span<sys::Fd>& fds) {
  StreamMessage message;
  std::array<bool, 4> present{};
  std::string request;
  keeper::Reader reader(bytes);
  reader.get(message.info.number);
  for (bool& one : present) reader.get(one);
  reader.get(message.info.live).get(message.info.ended).get(message.info.drained);
  reader.get(request, kRequestLimit);
  if (!reader.ok() || message.info.number == 0) return Error::invalid("malformed pump message");
  keeper::StartRequest start = TRY(keeper::decode_start(request));
  message.info.target = std::move(start.target);
  message.info.nonce = std::move(start.nonce);
  message.info.stdio = start.stdio;
  message.info.log = std::move(start.log);
  const auto order = in_wire_order(message.fds);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (!present[i]) continue;
    if (fds.empty()) return Error::invalid("pump message lacks descriptors");
    *order[i] = std::move(fds.front());
    fds = fds.subspan(1);
  }
  return message;
}

std::string encode_number(StreamNumber number, std::string_view rest) {
  return keeper::Writer().put(number).take().append(rest);
}

Result<Numbered> decode_number(std::string_view bytes) {
  Numbered result;
  keeper::Reader reader(bytes);
  reader.get(result.number);
  if (!reader.ok() || result.number == 0) return Error::invalid("malformed pump message");
  result.rest = bytes.substr(sizeof result.number);
  return result;
}

}  // namespace wherry::keeperd
