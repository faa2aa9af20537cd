// The scheduling of our own threads.
#pragma once

namespace wherry::sys {

// Gives way to everybody else from now on: for the calling thread, for good. Clean-up and
// stock-keeping run so, that they do not delay the start that comes next.
void run_in_background() noexcept;

}  // namespace wherry::sys
