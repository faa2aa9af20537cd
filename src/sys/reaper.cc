#include "sys/reaper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>

#include "base/log.h"
#include "base/strings.h"
#include "sys/directory.h"
#include "sys/path.h"
#include "sys/priority.h"

namespace wherry::sys {
namespace {

constexpr std::size_t kNameBytes = 16;
// New spares are made when nothing was taken for so long: not beside what took the last one.
constexpr auto kQuiet = std::chrono::milliseconds(50);

}  // namespace

Reaper::Reaper(Fd trash, Spares spares) : trash_(std::move(trash)), spares_(std::move(spares)) {
  if (spares_.shelf) {
    const auto left = names_in(spares_.shelf);
    for (const std::string& name : left ? *left : std::vector<std::string>())
      static_cast<void>(discard(spares_.shelf, name));
  }
  thread_ = std::thread([this] { run(); });
}

Reaper::~Reaper() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Result<> Reaper::discard(const Fd& parent, const std::string& name) {
  const std::string target = random_hex(kNameBytes);
  if (::renameat(parent.get(), name.c_str(), trash_.get(), target.c_str()) < 0) {
    if (errno == ENOENT) return {};
    return Error::from_errno(errno, fmt::format("move {} to trash", name));
  }
  const std::lock_guard lock(mutex_);
  pending_ = true;
  changed_.notify_all();
  return {};
}

Result<> Reaper::place(const Fd& parent, const std::string& name) {
  std::string spare;
  {
    const std::lock_guard lock(mutex_);
    shelf_failed_ = false;
    if (!ready_.empty()) {
      spare = std::move(ready_.back());
      ready_.pop_back();
    }
  }
  if (spare.empty()) {
    spare = random_hex(kNameBytes);
    if (::mkdirat(spares_.shelf.get(), spare.c_str(), spares_.mode) < 0)
      return Error::from_errno(errno, "make directory");
    TRY(prepare(TRY(open_at(spares_.shelf, spare.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW))));
  }
  if (::renameat2(spares_.shelf.get(), spare.c_str(), parent.get(), name.c_str(),
                  RENAME_NOREPLACE) == 0)
    return {};
  const int error = errno;
  static_cast<void>(discard(spares_.shelf, spare));
  return Error::from_errno(error, fmt::format("publish {}", name));
}

void Reaper::wait_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closing_ || (!pending_ && !busy_); });
}

bool Reaper::wants_spares() const {
  return spares_.shelf && !shelf_failed_ && ready_.size() < spares_.keep;
}

Result<> Reaper::prepare(const Fd& directory) const {
  if (::fchmod(directory.get(), spares_.mode) < 0) return Error::from_errno(errno, "chmod");
  return spares_.prepare ? spares_.prepare(directory) : Result<>();
}

// Empties the directory and puts it on the shelf.
Result<> Reaper::recycle(const std::string& name) {
  const Fd directory = TRY(open_at(trash_, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY(empty_directory(directory));
  TRY(prepare(directory));
  if (::renameat(trash_.get(), name.c_str(), spares_.shelf.get(), name.c_str()) < 0)
    return Error::from_errno(errno, "put on the shelf");
  const std::lock_guard lock(mutex_);
  ready_.push_back(name);
  return {};
}

void Reaper::remove(const std::string& name) {
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    wanted = wants_spares();
  }
  // What cannot be a spare (a file, a full disk) is only removed.
  if (wanted && recycle(name)) return;
  if (const auto removed = remove_tree_at(trash_, name); !removed)
    log::warning("trash stays until the next start: {}", removed.error().message());
}

void Reaper::empty_trash() {
  const auto names = names_in(trash_);
  if (!names) return log::warning("trash cannot be read: {}", names.error().message());
  for (const std::string& name : *names) {
    {
      const std::lock_guard lock(mutex_);
      if (closing_) return;
    }
    remove(name);
  }
}

Result<> Reaper::make_spare() {
  const std::string name = random_hex(kNameBytes);
  if (::mkdirat(spares_.shelf.get(), name.c_str(), spares_.mode) < 0)
    return Error::from_errno(errno, "make directory");
  TRY(prepare(TRY(open_at(spares_.shelf, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW))));
  const std::lock_guard lock(mutex_);
  ready_.push_back(name);
  return {};
}

void Reaper::fill_shelf() {
  std::unique_lock lock(mutex_);
  while (wants_spares() && !closing_ && !pending_) {
    lock.unlock();
    const auto made = make_spare();
    lock.lock();
    if (!made) shelf_failed_ = true;  // place() says why, to whom it concerns
  }
}

void Reaper::run() {
  run_in_background();
  std::unique_lock lock(mutex_);
  while (!closing_) {
    if (!pending_) {
      const auto woken = [&] { return closing_ || pending_; };
      if (!wants_spares()) {
        changed_.wait(lock, [&] { return woken() || wants_spares(); });
        continue;
      }
      if (!changed_.wait_for(lock, kQuiet, woken)) {
        lock.unlock();
        fill_shelf();
        lock.lock();
      }
      continue;
    }
    pending_ = false;
    busy_ = true;
    lock.unlock();
    empty_trash();
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace wherry::sys
