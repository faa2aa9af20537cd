// system dial-stdio: one connection to the engine on standard input and output. What runs at the
// far end of ssh:// hosts.
#include "cli/handlers.h"
#include "cli/session.h"
#include "cli/stream_pump.h"

namespace wherry::cli {

int dial_stdio(const Invocation& invocation) {
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  // As docker: an engine that does not answer is told before a byte is carried.
  if (const auto ping = (*engine)->ping(); !ping) return fail(ping.error());
  auto socket = client::connect((*engine)->endpoint());
  if (!socket) return fail(socket.error());
  StreamPump pump({.socket = std::move(*socket), .received = ""},
                  {.tty = true, .use_stdin = true});
  const auto end = pump.run();
  return end ? 0 : fail(end.error());
}

}  // namespace wherry::cli
