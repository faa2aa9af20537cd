#include "sys/priority.h"

#include <sys/resource.h>
#include <unistd.h>

namespace wherry::sys {
namespace {

constexpr int kBackgroundNice = 10;

}  // namespace

void run_in_background() noexcept {
  // On Linux a thread has a nice value of its own, and needs no privilege to raise it.
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kBackgroundNice));
}

}  // namespace wherry::sys
