// Core: the parts that the verbs of Engine work on. Each verb is a few free functions over it
// in a file of its own; this header is private to src/engine.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/guarded.h"
#include "content/store.h"
#include "engine/container_directories.h"
#include "engine/container_store.h"
#include "engine/ended_cgroups.h"
#include "engine/events.h"
#include "engine/exec_store.h"
#include "engine/network_members.h"
#include "engine/options.h"
#include "engine/orphan_reaper.h"
#include "engine/volume_records.h"
#include "engine/workers.h"
#include "image/images.h"
#include "keeper/client.h"
#include "metadata/database.h"
#include "network/network.h"
#include "resolver/resolver.h"
#include "snapshot/driver.h"
#include "sys/cgroup.h"
#include "sys/fd.h"
#include "volume/volumes.h"

namespace wherry::engine {

struct Core {
  Options options;             // its LiveOptions are those of the start: see `live`
  Guarded<LiveOptions> live;
  sys::Fd root_lock;           // flock on the data root
  std::string engine_id;       // random, lives as long as the data root
  std::string cgroup_parent;   // "/wherry", or "/wherry-<suffix>"
  std::string boot_id;
  std::shared_ptr<const sys::CgroupLayout> cgroups;

  std::unique_ptr<metadata::Database> database;
  std::unique_ptr<content::Store> content;
  std::unique_ptr<snapshot::Driver> snapshots;
  std::unique_ptr<image::Images> images;
  std::unique_ptr<network::Networks> networks;
  std::unique_ptr<VolumeRecords> volume_records;
  std::unique_ptr<volume::Volumes> volumes;
  std::unique_ptr<keeper::Client> keeper;
  std::unique_ptr<OrphanReaper> orphans;
  std::unique_ptr<ContainerStore> containers;
  std::unique_ptr<ContainerDirectories> directories;
  std::mutex network_operation;  // one create, remove or prune of a network at a time
  std::unique_ptr<resolver::Resolver> resolver;
  NetworkMembers members;
  EndedCgroups ended_cgroups;
  ExecStore execs;
  Events events;

  std::atomic<bool> stopping{false};
  std::thread keeper_events;
  Workers workers;  // last: its threads use everything above

  // <data root>/containers/<id>: log, generated files.
  [[nodiscard]] std::string directory_of(const ContainerId& id) const {
    return directories->path_of(id);
  }
  [[nodiscard]] std::string log_path(const ContainerId& id) const {
    return directory_of(id) + "/" + id.str() + "-json.log";
  }
};

}  // namespace wherry::engine
