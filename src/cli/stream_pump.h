// Carries bytes between the user's terminal or pipes and a hijacked connection: one poll loop
// over the connection, standard input and signals. Nothing is lost and nothing grows: when an
// output is slow the connection is not read, when the connection is slow the input is not.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/detach_keys.h"
#include "cli/signals.h"
#include "client/engine.h"
#include "client/frames.h"

namespace wherry::cli {

struct PumpOptions {
  bool tty = false;  // raw bytes; else docker's frames
  bool use_stdin = false;
  bool use_stdout = true;
  bool use_stderr = true;
  std::optional<std::string> detach_keys;  // bytes; looked for in what is typed
  std::function<void(int number)> on_signal;
  const SignalQueue* signals = nullptr;
};

enum class PumpEnd : unsigned char { Closed, Detached };

class StreamPump {
 public:
  StreamPump(client::HttpConnection::Raw stream, PumpOptions options);
  // Until the engine ends its side, or the user detaches. Errors: output that is gone.
  Result<PumpEnd> run();

 private:
  Result<bool> read_stream();  // false at its end
  Result<> deliver(std::string_view bytes);
  Result<> write_to(int fd, std::string_view bytes);
  bool read_input();  // true if the user detached
  void close_input();
  void flush_input();
  void handle_signals();

  sys::Fd socket_;
  std::string received_;
  PumpOptions options_;
  DetachScanner scanner_;
  client::FrameReader frames_;
  std::string pending_;  // typed, not yet sent
  bool input_open_;
};

}  // namespace wherry::cli
