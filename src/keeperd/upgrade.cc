// A newer build in the same process (keeperd/handover.h): both sides of it.
#include <algorithm>

#include "base/log.h"
#include "keeper/wire.h"
#include "keeperd/failpoint.h"
#include "keeperd/keeper.h"
#include "sys/elf.h"

namespace wherry::keeperd {
namespace {

constexpr std::size_t kMostBuildId = 256;
constexpr std::chrono::seconds kUpgradePatience{20};
constexpr std::chrono::milliseconds kUpgradePause{10};

}  // namespace

// Asked again after the exec, the successor is what was asked for.
Result<> Keeper::upgrade(keeper::Message& message, const Reply& reply) {
  std::string build;
  keeper::Reader reader(message.body);
  reader.get(build, kMostBuildId);
  if (!reader.ok() || build.empty() || message.fds.size() != 1)
    return Error::invalid("upgrade wants a build id and a program");
  if (build == settings_.build) {
    reply.ok();
    return {};
  }
  if (upgrade_) return Error::conflict("an upgrade is under way");
  sys::Fd program = std::move(message.fds.front());
  if (TRY(sys::build_id(program)) != build) return Error::invalid("the program is of another build");
  upgrade_ = std::make_unique<Upgrade>(std::move(program), reply, io::Clock::now() + kUpgradePatience);
  try_upgrade();
  return {};
}

// A start lives in memory alone until its process runs: nothing of it could be handed over.
bool Keeper::is_between_starts() const {
  return dying_.empty() && pump_.is_quiet() &&
         std::ranges::none_of(processes_, [](const auto& one) { return one.second->handshake != nullptr; });
}

void Keeper::try_upgrade() {
  if (is_between_starts()) {
    log::info("keeper: becomes the newer program");
    const Error failed = execute_successor(upgrade_->program, hand_over());
    log::error("keeper: {}", failed.message());
    upgrade_->reply.fail(failed);
    return upgrade_.reset();
  }
  if (io::Clock::now() > upgrade_->deadline) {
    upgrade_->reply.fail(Error::conflict("starts are under way"));
    return upgrade_.reset();
  }
  upgrade_->again = loop_.after(kUpgradePause, [this] { try_upgrade(); });
}

Handover Keeper::hand_over() const {
  Handover handover;
  directory_.hand_over(handover);
  pump_.hand_over(handover);
  handover.listener = settings_.listener();
  handover.host_root = settings_.host_root.get();
  handover.dev_null = settings_.dev_null.get();
  for (const auto& [target, process] : processes_) {
    if (process->record.state == keeper::State::Exited) continue;
    handover.processes.push_back({.target = target,
                                  .is_child = process->is_child,
                                  .reaped = process->reaped,
                                  .exit = process->record.exit,
                                  .oom_counter = process->oom_counter.get()});
  }
  return handover;
}

void Keeper::inherit(const Handover& handover) {
  pump_is_old_ = true;
  for (const Handover::Process& process : handover.processes)
    inherited_[process.target] = {process, sys::Fd(process.oom_counter)};
}

void Keeper::take_inheritance(Process& process) {
  auto found = inherited_.extract(process.record.target);
  if (found.empty() || process.record.state == keeper::State::Exited) return;
  Inherited& left = found.mapped();
  process.is_child = left.process.is_child;
  process.oom_counter = std::move(left.oom_counter);
  process.reaped = left.process.reaped;
  if (process.reaped) process.record.exit = left.process.exit;
}

// Streams live in the pump, so an older one stays until it has none.
void Keeper::replace_old_pump() {
  if (!pump_is_old_ || !reserved_.empty() || !pump_.is_quiet() ||
      std::ranges::any_of(processes_, [](const auto& one) { return one.second->stream != 0; }))
    return;
  pump_is_old_ = false;
  if (auto replaced = pump_.replace(); !replaced) log::error("pump: {}", replaced.error().message());
}

}  // namespace wherry::keeperd
