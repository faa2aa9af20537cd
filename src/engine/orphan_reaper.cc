#include "engine/orphan_reaper.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <memory>
#include <utility>

namespace wherry::engine {

Result<std::unique_ptr<OrphanReaper>> OrphanReaper::create(Reaped reaped) {
  std::unique_ptr<OrphanReaper> reaper(new OrphanReaper);
  reaper->reaped_ = std::move(reaped);
  reaper->poll_ = sys::Fd(::epoll_create1(EPOLL_CLOEXEC));
  reaper->stop_ = sys::Fd(::eventfd(0, EFD_CLOEXEC));
  if (!reaper->poll_ || !reaper->stop_) return Error::from_errno(errno, "epoll");
  epoll_event event{.events = EPOLLIN, .data = {.u64 = 0}};
  if (::epoll_ctl(reaper->poll_.get(), EPOLL_CTL_ADD, reaper->stop_.get(), &event) < 0)
    return Error::from_errno(errno, "epoll_ctl");
  reaper->thread_ = std::thread([raw = reaper.get()] { raw->run(); });
  return reaper;
}

OrphanReaper::~OrphanReaper() {
  static_cast<void>(::eventfd_write(stop_.get(), 1));
  if (thread_.joinable()) thread_.join();
}

void OrphanReaper::watch(pid_t pid, sys::Pidfd pidfd) {
  const std::lock_guard lock(mutex_);
  epoll_event event{.events = EPOLLIN | EPOLLONESHOT, .data = {.u64 = static_cast<std::uint64_t>(pid)}};
  const int raw = pidfd.fd().get();
  if (!watched_.emplace(pid, std::move(pidfd)).second) return;
  if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, raw, &event) < 0) watched_.erase(pid);
}

void OrphanReaper::run() {
  for (;;) {
    epoll_event event{};
    const int count = ::epoll_wait(poll_.get(), &event, 1, -1);
    if (count < 0 && errno != EINTR) return;
    if (count < 1) continue;
    if (event.data.u64 == 0) return;
    handle(static_cast<pid_t>(event.data.u64));
  }
}

void OrphanReaper::handle(pid_t pid) {
  std::optional<sys::ExitStatus> status;
  {
    const std::lock_guard lock(mutex_);
    const auto found = watched_.find(pid);
    if (found == watched_.end()) return;
    if (const auto reaped = found->second.reap()) status = *reaped;
    watched_.erase(found);
  }
  if (status) reaped_(pid, *status);
}

}  // namespace wherry::engine
