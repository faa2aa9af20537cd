#include "snapshot/reaper.h"

#include <fmt/format.h>
#include <stdio.h>

#include <cerrno>

#include "base/log.h"
#include "base/strings.h"
#include "snapshot/tree.h"
#include "sys/path.h"

namespace wherry::snapshot {

Reaper::Reaper(sys::Fd trash) : trash_(std::move(trash)), thread_([this] { run(); }) {}

Reaper::~Reaper() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Result<> Reaper::discard(const sys::Fd& parent, const std::string& name) {
  const std::string target = random_hex(16);
  if (::renameat(parent.get(), name.c_str(), trash_.get(), target.c_str()) < 0) {
    if (errno == ENOENT) return {};
    return Error::from_errno(errno, fmt::format("move {} to trash", name));
  }
  const std::lock_guard lock(mutex_);
  pending_ = true;
  changed_.notify_all();
  return {};
}

void Reaper::wait_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closing_ || (!pending_ && !busy_); });
}

void Reaper::empty_trash() {
  const auto names = list_names(trash_);
  if (!names) return log::warning("trash cannot be read: {}", names.error().message());
  for (const std::string& name : *names) {
    {
      const std::lock_guard lock(mutex_);
      if (closing_) return;
    }
    const auto removed = sys::remove_tree_at(trash_, name);
    if (!removed) log::warning("trash stays until the next start: {}", removed.error().message());
  }
}

void Reaper::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return closing_ || pending_; });
    if (closing_) return;
    pending_ = false;
    busy_ = true;
    lock.unlock();
    empty_trash();
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace wherry::snapshot
