// The pipes between a process and the pump.
#pragma once

#include "base/result.h"
#include "keeper/protocol.h"
#include "keeperd/pump_protocol.h"
#include "runtime/launch.h"

namespace wherry::keeperd {

struct Pipes {
  runtime::Stdio child;  // what the process gets; empty with a terminal
  StreamFds ours;
};

// stdout and stderr reach the process opened read-write, so that our death gives it no EPIPE.
// stdin is a pipe with open_stdin, else /dev/null; with `discard` all three are /dev/null.
Result<Pipes> make_pipes(const keeper::StdioOptions& options, const sys::Fd& dev_null);

// Notes the pipes' identities in `record`.
void note_identities(const StreamFds& fds, keeper::Record& record);

// Opens the pipes of a running process again through /proc/<pid>/fd, and its log directory
// below `host_root`; only what is the very pipe of the record. What cannot be had stays empty.
StreamFds reopen_pipes(const keeper::Record& record, const sys::Fd& host_root);

Result<> set_window(const sys::Fd& terminal, keeper::WindowSize size);
void set_nonblocking(const sys::Fd& fd);

}  // namespace wherry::keeperd
