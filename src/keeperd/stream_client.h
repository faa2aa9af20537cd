// One attached connection of a stream, in the pump. Output that the client does not take at
// once waits in a buffer of 1 MiB; is_full() then holds the container back, so that a live
// client loses nothing. A dead one is reported and dropped by its owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "io/loop.h"
#include "io/stdcopy.h"
#include "keeper/protocol.h"
#include "keeperd/detach_keys.h"
#include "sys/fd.h"

namespace wherry::keeperd {

class StreamClient;

// What a client tells its stream. The client lives on until the stream removes it, which it
// must not do inside these calls.
class ClientOwner {
 public:
  virtual ~ClientOwner() = default;
  [[nodiscard]] virtual bool can_take_input() const = 0;
  virtual void on_input(std::string_view bytes) = 0;
  virtual void on_input_end(StreamClient& client) = 0;
  virtual void on_detach(StreamClient& client) = 0;
  virtual void on_room() = 0;  // the buffer fell to half
  virtual void on_gone() = 0;  // is_gone() is true now
};

class StreamClient {
 public:
  static constexpr std::size_t kBufferLimit = 1 << 20;

  static Result<std::unique_ptr<StreamClient>> create(io::Loop& loop, ClientOwner& owner,
                                                      sys::Fd socket,
                                                      keeper::AttachRequest request);
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] bool wants(io::Stream stream) const;
  [[nodiscard]] bool wants_stdin() const { return request_.want_stdin; }
  [[nodiscard]] bool is_full() const { return !output_gone_ && backlog() >= kBufferLimit; }
  [[nodiscard]] bool is_gone() const { return gone_; }
  [[nodiscard]] bool is_finishing() const { return finishing_; }

  void send(io::Stream stream, std::string_view bytes);
  // Writes what was held; from now on output goes out at once.
  void release();
  // The stream takes input again, or for the first time.
  void resume_input();
  // No more output will come: the rest is delivered however long it takes, then the
  // connection is closed for writing, input drained for a second, and the client is gone.
  void finish();

 private:
  StreamClient(io::Loop& loop, ClientOwner& owner, sys::Fd socket, keeper::AttachRequest request);
  [[nodiscard]] std::size_t backlog() const { return buffer_.size() - sent_; }
  void on_event(std::uint32_t events);
  void read_input();
  void take_input(std::string_view bytes);
  void end_input();
  void flush();
  void lose_output();
  void discard_input();
  void shut_down();
  void set_gone();
  void update_interest();
  std::size_t write_now(io::Stream stream, std::string_view bytes);

  io::Loop& loop_;
  ClientOwner& owner_;
  sys::Fd socket_;
  io::Watch watch_;
  io::Timer linger_;
  keeper::AttachRequest request_;
  DetachKeys detach_keys_;
  std::string buffer_;
  std::size_t sent_ = 0;  // of buffer_
  std::uint64_t id_;
  bool hold_;
  bool hung_up_ = false;       // the peer closed; its input may still be in the socket
  bool input_ended_ = false;
  bool output_gone_ = false;   // nobody reads any more
  bool finishing_ = false;
  bool shut_down_ = false;
  bool gone_ = false;
};

}  // namespace wherry::keeperd
