// Collects steps, strings and descriptors while a plan is made.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/plan.h"
#include "sys/fd.h"

namespace wherry::runtime {

class PlanBuilder {
 public:
  // A descriptor that travels with the plan; its slot.
  std::uint32_t pass(sys::Fd fd) {
    fds_.push_back(std::move(fd));
    return static_cast<std::uint32_t>(fds_.size() - 1);
  }
  // A slot that a step of the child fills. Numbered behind the passed ones by finish().
  std::uint32_t scratch() { return kScratchMark | plan_.scratch_count++; }
  std::uint32_t text(std::string value) { return plan_.add_string(std::move(value)); }
  void add(Step step) { plan_.steps.push_back(step); }
  void add(StepKind kind) { add(Step{.kind = kind}); }
  // A step about one path or name.
  void add_text(StepKind kind, std::string value) {
    add(Step{.kind = kind, .text = text(std::move(value))});
  }
  Plan& plan() { return plan_; }

  struct Finished {
    Plan plan;
    std::vector<sys::Fd> fds;
  };
  Finished finish() && {
    const auto passed = static_cast<std::uint32_t>(fds_.size());
    for (Step& step : plan_.steps)
      if (step.fd != kNone && (step.fd & kScratchMark) != 0)
        step.fd = passed + (step.fd & ~kScratchMark);
    return {std::move(plan_), std::move(fds_)};
  }

 private:
  static constexpr std::uint32_t kScratchMark = 0x80000000;
  Plan plan_;
  std::vector<sys::Fd> fds_;
};

}  // namespace wherry::runtime
