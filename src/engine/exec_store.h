// Execs: processes that users added to running containers. Kept in memory: what outlives an
// engine are their processes, which end with their container.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/id.h"
#include "base/result.h"
#include "spec/docker_exec.h"
#include "sys/pidfd.h"

namespace wherry::engine {

struct Exec {
  enum class Phase : std::uint8_t { Created, Starting, Running, Ended };
  ExecId id;
  ContainerId container;
  std::string container_nonce;  // of the run it was created for
  spec::docker::ExecCreateRequest request;
  struct Progress {
    Phase phase = Phase::Created;
    std::int64_t pid = 0;
    std::optional<std::int64_t> exit_code;
    std::int64_t ended_unix_s = 0;
    std::shared_ptr<const sys::Pidfd> pidfd;  // while it runs
  };
  Guarded<Progress> progress;
  // Signalled at its end; used with `progress`.
  std::condition_variable ended;
};
using ExecPtr = std::shared_ptr<Exec>;

class ExecStore {
 public:
  // Makes room first: ended ones older than five minutes go, as docker's do.
  void insert(const ExecPtr& exec);
  // NotFound "No such exec instance: x".
  Result<ExecPtr> find(const std::string& id);
  // Running ones of a container, by id: inspect's ExecIDs.
  std::vector<std::string> running_in(const ContainerId& container);
  void remove_of(const ContainerId& container);

 private:
  std::mutex mutex_;
  std::map<std::string, ExecPtr> by_id_;
};

}  // namespace wherry::engine
