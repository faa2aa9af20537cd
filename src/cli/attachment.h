// What run, start -a, attach and exec -it share: attaching, raw mode, signals, terminal size,
// and the wait for the exit code.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "cli/stream_pump.h"
#include "cli/terminal.h"
#include "client/engine.h"

namespace wherry::cli {

struct AttachPlan {
  std::string container;
  bool tty = false;
  bool use_stdin = false;
  bool use_stdout = true;
  bool use_stderr = true;
  bool sig_proxy = true;
  std::string detach_keys;  // the flag's text, "" for the configured or docker's default
};

// The connection that will tell how the container ended.
class ExitWait {
 public:
  // condition: "removed", "next-exit" or "" (not running).
  static Result<ExitWait> begin(client::Engine& engine, const std::string& container,
                                const std::string& condition);
  // Blocks. A connection that breaks (an engine that is restarted) is asked for again for a
  // while: results outlive the engine.
  Result<int> exit_code();

 private:
  ExitWait(client::Engine& engine, std::string container,
           std::unique_ptr<client::HttpConnection> connection)
      : engine_(&engine), container_(std::move(container)), connection_(std::move(connection)) {}

  client::Engine* engine_;
  std::string container_;
  std::unique_ptr<client::HttpConnection> connection_;
};

// An attached container: made before the container starts, pumped after.
class Attachment {
 public:
  static Result<std::unique_ptr<Attachment>> open(Session& session, AttachPlan plan);
  // Sends the terminal's size now and whenever it changes.
  void follow_size();
  Result<PumpEnd> run();

 private:
  Attachment(client::Engine& engine, AttachPlan plan) : engine_(engine), plan_(std::move(plan)) {}
  void on_signal(int number);
  void send_size();

  client::Engine& engine_;
  AttachPlan plan_;
  std::optional<client::Engine::Hijacked> stream_;
  std::optional<std::string> keys_;
  std::optional<RawTerminal> terminal_;
  std::optional<SignalQueue> signals_;
};

// "the input device is not a TTY" where a terminal is asked for and standard input is none.
Result<> check_terminal(bool attach_stdin, bool tty);

// The bytes of --detach-keys, of config.json's detachKeys, or docker's.
Result<std::string> detach_bytes(Session& session, const std::string& flag);

// POST .../resize with the size of standard output's terminal.
void send_terminal_size(client::Engine& engine, const std::string& path);

}  // namespace wherry::cli
