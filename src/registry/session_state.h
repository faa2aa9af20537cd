// What one Session shares between manifests, blobs and uploads. Internal to registry.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/strings.h"
#include "registry/client.h"
#include "registry/exchange.h"

namespace wherry::registry {

struct Session::State {
  const Settings* settings = nullptr;
  SessionRequest request;
  std::vector<std::unique_ptr<Exchange>> exchanges;  // one per endpoint, in order of trial
  Guarded<std::size_t> chosen;                       // the first that is still worth asking

  // Asks the chosen endpoint, and the ones after it while falling back is right.
  Result<Answer> ask(const Call& call);
  [[nodiscard]] bool may_fall_back(const Answer& answer, std::size_t position) const;
  Exchange& exchange() { return *exchanges[*chosen.lock()]; }
  [[nodiscard]] std::string url_path(std::string_view rest) const;
};

}  // namespace wherry::registry
