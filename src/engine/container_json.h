// The JSON form of a container's row: names of the members of ContainerRecord and State. They
// are on users' disks: a released name keeps its meaning (docs/formats).
#pragma once

#include "engine/container_record.h"
#include "engine/container_state.h"
#include "spec/json.h"

namespace wherry::json {

template <>
struct Describe<engine::ContainerMount> {
  using T = engine::ContainerMount;
  static constexpr auto fields =
      std::tuple{field("point", &T::point), field("options", &T::options),
                 omit_empty("create_source", &T::create_source),
                 omit_empty("copy_up", &T::copy_up),
                 omit_empty("anonymous", &T::anonymous),
                 omit_empty("subpath", &T::subpath),
                 omit_empty("id_map", &T::id_map),
                 omit_empty("image_id", &T::image_id),
                 omit_empty("image_tree", &T::image_tree),
                 omit_empty("in_host_config_tmpfs", &T::in_host_config_tmpfs)};
};

template <>
struct Describe<engine::ContainerRecord> {
  using T = engine::ContainerRecord;
  // id and name are columns of the row.
  static constexpr auto fields = std::tuple{
      field("created", &T::created),     field("image_id", &T::image_id),
      field("driver", &T::driver),       field("platform", &T::platform),
      field("path", &T::path),           field("args", &T::args),
      field("config", &T::config),       field("host_config", &T::host_config),
      omit_empty("endpoints", &T::endpoints), omit_empty("mounts", &T::mounts)};
};

template <>
struct Describe<engine::State> {
  using T = engine::State;
  static constexpr auto fields = std::tuple{
      field("status", &T::status),
      omit_empty("pid", &T::pid),
      omit_empty("exit_code", &T::exit_code),
      field("exit_known", &T::exit_known),
      omit_empty("oom_killed", &T::oom_killed),
      omit_empty("error", &T::error),
      omit_empty("started_at", &T::started_at),
      omit_empty("finished_at", &T::finished_at),
      omit_empty("nonce", &T::nonce),
      omit_empty("boot_id", &T::boot_id),
      omit_empty("start_time", &T::start_time),
      omit_empty("restart_count", &T::restart_count),
      omit_empty("restart_delay_ms", &T::restart_delay_ms),
      omit_empty("stopped_by_user", &T::stopped_by_user),
      omit_empty("started_once", &T::started_once),
      omit_empty("cgroup", &T::cgroup),
      omit_empty("endpoints", &T::endpoints),
      omit_empty("ports", &T::ports)};
};

}  // namespace wherry::json
