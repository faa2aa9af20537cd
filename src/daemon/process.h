// What wherryd makes of itself as a process: inherited state, pid file, signals, readiness.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace wherry::daemon {

// Undoes what the starter may have left: umask 022, cwd /, default signals, SIGPIPE ignored,
// as many descriptors as the hard limit allows. SIGTERM, SIGINT, SIGHUP and SIGUSR1 are blocked
// for wait_for_end(): before any thread is made.
void reset_inherited_state();

// Written atomically, removed by the destructor. A file that names a living wherryd is Conflict
// ("process with PID n is still running").
class Pidfile {
 public:
  static Result<Pidfile> create(std::string path);
  Pidfile(Pidfile&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  Pidfile& operator=(Pidfile&&) = delete;
  ~Pidfile();

 private:
  explicit Pidfile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Blocks until SIGTERM or SIGINT; gives its number. Each SIGHUP calls `reload`.
int wait_for_end(const std::function<void()>& reload);
// From now on a second signal, or `seconds` without an end, stops the process at once.
void limit_shutdown(unsigned seconds);

// A byte on `ready_fd` (-1: none), and READY=1 for systemd's Type=notify.
void tell_ready(int ready_fd);
// One sd_notify(3) message; nothing without NOTIFY_SOCKET.
void notify_systemd(const std::string& message);

}  // namespace wherry::daemon
