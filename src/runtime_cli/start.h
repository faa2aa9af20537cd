// Steps that `create`, `run` and `exec` share around a launch.
#pragma once

#include <functional>

#include "base/result.h"
#include "runtime/launch.h"
#include "runtime_cli/options.h"
#include "spec/oci_runtime.h"
#include "sys/fd.h"

namespace wherry::runtime_cli {

// Duplicates of our 0, 1, 2 (a closed one is /dev/null); none for a plan with a terminal.
Result<runtime::Stdio> stdio_of(const runtime::Plan& plan);
// --preserve-fds and, of `create` and `run`, $LISTEN_FDS. Those that are not open at the end of the
// range are left out; one between open ones is InvalidArgument.
Result<unsigned> preserved_fds(const Options& options);
// What runc and crun add to the environment where it lacks it: HOME by the passwd file below `root`,
// the container's; LISTEN_FDS and LISTEN_PID where sockets are passed on.
void complete_environment(const Options& options, const sys::Fd& root, spec::oci::Process& process);
Result<> write_pid_file(const Options& options, pid_t pid);

// Reads the child's reports until Ready. The pty goes to --console-socket; without one it is
// the result (then stdin must be a terminal). A failed child is reaped.
// `when_waiting` is called where the child says so. Where the child gives way to one of its own,
// `launch` becomes that one.
// `when_listening` gets the listener of a seccomp filter that has one.
struct Callbacks {
  std::function<Result<>()> when_waiting;
  std::function<Result<>(const sys::Fd&)> when_listening;
};
Result<sys::Fd> await_ready(runtime::Launch& launch, const runtime::Plan& plan,
                            const Options& options, const Callbacks& callbacks = {});
// The listener goes to linux.seccomp.listenerPath, with `state` as the specification's container process
// state: `pid` is of the process whose filter it is.
Result<> send_listener(const spec::oci::Seccomp& seccomp, const sys::Fd& listener, const spec::oci::State& state, pid_t pid);
// Go, and the end of the channel: the program runs. A failed child is reaped.
Result<> go_and_confirm(const runtime::Launch& launch, const runtime::Plan& plan);

}  // namespace wherry::runtime_cli
