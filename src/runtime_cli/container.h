// A container on disk: <root>/<id>/{state.json,config.json,go,report}. state.json is replaced
// atomically; the directory's creation decides who owns an id, its removal comes last. What a
// crash leaves behind is always enough for `delete --force`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "spec/oci_runtime_json.h"
#include "sys/cgroup.h"
#include "sys/fd.h"
#include "sys/pidfd.h"

namespace wherry::runtime_cli {

// state.json. Format 1.
struct Record {
  int format = 1;
  std::string id;
  int pid = 0;
  std::uint64_t start_time = 0;  // of the process: with boot_id it names it for ever
  std::string boot_id;
  std::string bundle;
  std::string rootfs;
  std::string created;
  std::string cgroup_path;
  std::string systemd_scope;  // whose group that is; empty without systemd
  std::map<std::string, std::string> annotations;
};

// state.json of container `id`. InvalidArgument for one that is not ours: `delete` ends what it names.
Result<Record> parse_record(std::string_view text, const std::string& id);

class Container {
 public:
  // Claims `id`. Conflict: `container with given ID already exists`.
  static Result<Container> create(const std::string& root, const std::string& id);
  // NotFound: `container "x" does not exist`.
  static Result<Container> load(const std::string& root, const std::string& id);
  static std::vector<std::string> list(const std::string& root);

  [[nodiscard]] const Record& record() const { return record_; }
  [[nodiscard]] Record& record() { return record_; }
  [[nodiscard]] std::string path(const char* name) const { return directory_ + "/" + name; }
  Result<> save() const;
  // The config that the container was created with.
  [[nodiscard]] Result<spec::oci::Config> config() const;

  // creating, created, running, paused or stopped.
  [[nodiscard]] std::string status() const;
  // The process, if it is still the one that was started.
  [[nodiscard]] std::optional<sys::Pidfd> process() const;
  [[nodiscard]] Result<sys::Cgroup> cgroup() const;
  // Processes, cgroup and directory; safe to repeat.
  Result<> remove();

  // Of a container that is being made, a lock until settle(): `state` waits for its end.
  void settle();
  Result<> await_settled();

 private:
  Container(std::string directory, Record record)
      : directory_(std::move(directory)), record_(std::move(record)) {}
  void thaw_elsewhere() const;

  std::string directory_;
  Record record_;
  sys::Fd claim_;
};

std::shared_ptr<const sys::CgroupLayout> cgroup_layout();

}  // namespace wherry::runtime_cli

template <>
struct wherry::json::Describe<wherry::runtime_cli::Record> {
  using T = wherry::runtime_cli::Record;
  static constexpr auto fields =
      std::tuple{field("format", &T::format),         field("id", &T::id),
                 field("pid", &T::pid),               field("startTime", &T::start_time),
                 field("bootId", &T::boot_id),        field("bundle", &T::bundle),
                 field("rootfs", &T::rootfs),         field("created", &T::created),
                 field("cgroupPath", &T::cgroup_path), field("systemdScope", &T::systemd_scope),
                 field("annotations", &T::annotations)};
};
