// What is remembered of a volume, and where: the engine gives a store, tests give a fake.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace wherry::volume {

// nullopt is Go's nil: docker's clients see null instead of {}.
using Pairs = std::optional<std::map<std::string, std::string>>;

struct Record {
  std::string name;
  std::string created;  // RFC 3339, seconds
  Pairs labels;
  Pairs options;        // of the local driver: type, o, device
  // The container whose creation made it: while that has no row of its own, the volume is half
  // made and goes at the next start.
  std::string pending_for;
  bool removing = false;  // half removed: finished at the next start
};

class Records {
 public:
  virtual ~Records() = default;
  virtual Result<std::vector<Record>> load() = 0;
  // Inserts or replaces; on disk when it returns.
  virtual Result<> save(const Record& record) = 0;
  // On disk soon: whoever reads the row again does the same work again.
  virtual void save_later(const Record& record) = 0;
  virtual void erase_later(const std::string& name) = 0;
};

}  // namespace wherry::volume
