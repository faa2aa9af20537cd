// Undo: a stack of clean-up steps, run in reverse unless commit() is called.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace wherry {

class Undo {
 public:
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() { run(); }

  // `step` must not throw; it runs at most once.
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  // Everything held: forget the steps.
  void commit() { steps_.clear(); }
  // Runs the steps now, newest first.
  void run() {
    while (!steps_.empty()) {
      auto step = std::move(steps_.back());
      steps_.pop_back();
      step();
    }
  }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace wherry
