// Container: the one object of a container that exists; shared by everybody who has looked
// it up.
//
// Locks, in this order, each held by one thread at a time:
//   1 Container::operation   a whole verb (start, remove, the handling of an end); may be held
//                            over I/O, hence never taken while another container's is held,
//                            but for `container:` modes, whose target is only read (2).
//   2 Store's index          short, no I/O
//   3 Container::details     short, no I/O: record and state are read and replaced under it
//   4 WaitList, Events       their callbacks run under their own mutex and take none of these
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "base/guarded.h"
#include "base/id.h"
#include "engine/container_record.h"
#include "engine/container_state.h"
#include "engine/wait_list.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::engine {

struct ContainerDetails {
  ContainerRecord record;
  State state;
  // Of the current run, opened at start or at reconcile.
  std::shared_ptr<const sys::Pidfd> pidfd;
  // Keeps the file system of the current run until its end was told: the last reference to it
  // writes the disk's dirty data, which nobody who waits for the exit code should wait for.
  sys::Fd root_mount;
  int forced_removals = 0;  // that are still killing: nothing may start it in between
  bool removed = false;  // the row is gone: verbs that waited for `operation` see "No such container"
};

struct Container {
  std::mutex operation;
  Guarded<ContainerDetails> details;
  // Signalled whenever the state changes; used with `details`.
  std::condition_variable changed;
  WaitList waiters;

  // Copies, under the lock.
  [[nodiscard]] ContainerRecord record() { return details.lock()->record; }
  [[nodiscard]] State state() { return details.lock()->state; }
  [[nodiscard]] ContainerId id() { return details.lock()->record.id; }
};
using ContainerPtr = std::shared_ptr<Container>;

}  // namespace wherry::engine
