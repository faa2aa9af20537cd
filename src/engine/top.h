// `docker top`: what ps would say of a container's processes, read from /proc by ourselves.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "spec/docker_config.h"

namespace wherry::engine {

// `ps_args`: "" or "-ef", "aux", or "-o"/"-eo" with fields of pid ppid pgid sid uid user gid
// tty stat time etime vsz rss pcpu pmem comm cmd args nlwp; other arguments of ps are
// NotImplemented.
Result<spec::docker::ContainerTopResponse> list_processes(const std::vector<pid_t>& pids,
                                                          const std::string& ps_args);

}  // namespace wherry::engine
