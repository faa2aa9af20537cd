// LayerProgress: turns what layer jobs do into docker's progress messages. Every phase is told
// once and in order, byte counts as often as update() is called. One thread's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image/images.h"
#include "image/layer_works.h"

namespace wherry::image {

class LayerProgress {
 public:
  explicit LayerProgress(ProgressSink& sink) : sink_(sink) {}

  // A layer to come, or one that is there.
  void announce(const Digest& blob, std::string_view status);
  void follow(const LayerJob& job) { lines_.push_back({&job}); }
  void update();

 private:
  struct Line {
    const LayerJob* job;
    int told = -1;  // the last Phase that was told
    std::uint64_t told_bytes = 0;
  };
  void tell_phase(const Line& line, Phase phase);
  void tell(const Line& line, std::string_view status, bool with_bytes);

  ProgressSink& sink_;
  std::vector<Line> lines_;
};

}  // namespace wherry::image
