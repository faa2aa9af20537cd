// The keeper's directory on tmpfs: lock, sockets and one file per record. Everything goes
// through one descriptor, so that it stays reachable from the keeper's own mount namespace.
//
//   lock          flock(2)ed by the keeper that owns the directory
//   keeper.sock   the engine connects here
//   pump.sock     the keeper connects here
//   records/<container>[.<exec>]   magic, format version, keeper::encode(Record)
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "keeper/protocol.h"
#include "keeperd/handover.h"
#include "sys/fd.h"

namespace wherry::keeperd {

class RunDirectory {
 public:
  // Makes the directory (0700) if need be. Conflict: another keeper owns it.
  static Result<RunDirectory> open(const std::string& path);

  // The directory of the keeper before this one, locked by the same descriptor.
  static RunDirectory inherit(const Handover& handover);
  void hand_over(Handover& handover) const;

  // A fresh listening SOCK_SEQPACKET socket in place of whatever is there.
  [[nodiscard]] Result<sys::Fd> listen(const std::string& name) const;
  [[nodiscard]] Result<sys::Fd> connect(const std::string& name) const;
  void remove_socket(const std::string& name) const;

  // Replaces the record's file atomically. Not durable: the process does not outlive a power
  // cut either.
  [[nodiscard]] Result<> write(const keeper::Record& record) const;
  void remove(const keeper::Target& target) const;
  // Every record that can be read; files that cannot are removed, and so are half-written
  // ones.
  [[nodiscard]] Result<std::vector<keeper::Record>> load() const;

 private:
  std::string path_;
  sys::Fd directory_;
  sys::Fd records_;
  sys::Fd lock_;
};

// Ids become file names: 1 to 100 letters, digits, '_', '-'.
Result<> check_target(const keeper::Target& target);

}  // namespace wherry::keeperd
