// The rows of volumes in the engine's database.
#pragma once

#include "metadata/database.h"
#include "volume/records.h"

namespace wherry::engine {

class VolumeRecords : public volume::Records {
 public:
  explicit VolumeRecords(metadata::Database& database) : database_(database) {}
  // A row that cannot be read is named in the log and left aside; its directory keeps its data.
  Result<std::vector<volume::Record>> load() override;
  Result<> save(const volume::Record& record) override;
  void save_later(const volume::Record& record) override;
  void erase_later(const std::string& name) override;

 private:
  metadata::Database& database_;
};

}  // namespace wherry::engine
