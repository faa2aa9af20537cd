#include "image/layer_progress.h"

#include <algorithm>

namespace wherry::image {

void LayerProgress::announce(const Digest& blob, std::string_view status) {
  sink_.emit({.status = std::string(status), .detail = spec::ProgressDetail{},
              .id = blob.short_form()});
}

void LayerProgress::tell(const Line& line, std::string_view status, bool with_bytes) {
  spec::ProgressDetail detail;
  const auto total = static_cast<std::int64_t>(line.job->task().size);
  if (with_bytes)
    detail = {std::min(static_cast<std::int64_t>(line.job->current()), total), total};
  sink_.emit({.status = std::string(status), .detail = detail,
              .id = line.job->task().blob.short_form()});
}

void LayerProgress::tell_phase(const Line& line, Phase phase) {
  switch (phase) {
    case Phase::Waiting: return tell(line, "Waiting", false);
    case Phase::Downloading:
      if (line.job->downloads()) tell(line, "Downloading", true);
      return;
    case Phase::Verifying:
      if (line.job->downloads()) tell(line, "Verifying Checksum", false);
      return;
    case Phase::Downloaded: return tell(line, "Download complete", false);
    case Phase::Extracting: return tell(line, "Extracting", true);
    case Phase::Done: return tell(line, "Pull complete", false);
    case Phase::Committing:
    case Phase::Failed: return;
  }
}

void LayerProgress::update() {
  for (Line& line : lines_) {
    const Phase phase = line.job->phase();
    if (phase == Phase::Failed) continue;
    const int now = static_cast<int>(phase);
    // Waiting is worth a line only while it lasts.
    if (line.told < 0 && phase != Phase::Waiting) line.told = 0;
    const bool new_phase = line.told < now;
    while (line.told < now) tell_phase(line, static_cast<Phase>(++line.told));
    const std::uint64_t bytes = line.job->current();
    const bool counts = phase == Phase::Downloading || phase == Phase::Extracting;
    if (counts && !new_phase && bytes != line.told_bytes) tell_phase(line, phase);
    line.told_bytes = bytes;
  }
}

}  // namespace wherry::image
