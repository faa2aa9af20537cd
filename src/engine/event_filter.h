// The filters of `docker events`.
#pragma once

#include "base/result.h"
#include "engine/requests.h"

namespace wherry::engine {

// Keys: container daemon event image label network plugin scope type volume; others are
// InvalidArgument "invalid filter 'x'". Values of one key are alternatives, keys add up.
class EventFilter {
 public:
  static Result<EventFilter> create(const FilterMap& filters);
  [[nodiscard]] bool takes(const spec::docker::EventMessage& event) const;

 private:
  FilterMap filters_;
};

}  // namespace wherry::engine
