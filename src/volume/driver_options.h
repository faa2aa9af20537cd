// Options of the local driver: `volume create -o type=... -o o=... -o device=...`, which mean
// what they mean to mount(8).
#pragma once

#include <string>

#include "base/result.h"
#include "sys/mount.h"
#include "volume/records.h"

namespace wherry::volume {

// InvalidArgument in docker's words: `invalid option: "x"`, `missing required option: "device"`.
// `size` is NotImplemented: it needs project quotas.
Result<> check_options(const Pairs& options);

enum class Backing {
  Directory,  // <root>/<name>/_data itself
  Bind,       // another directory of the host: o=bind
  Memory,     // type=tmpfs: one instance, shared by all users, gone with the last
  FileSystem, // nfs, ext4 on a device: the kernel shares the instance by its source
};
Backing backing_of(const Pairs& options);

// The file system or the bind that the options name, detached. Not for Directory.
Result<sys::DetachedMount> make_mount(const Pairs& options);

}  // namespace wherry::volume
