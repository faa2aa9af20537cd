// ~/.docker/config.json and the contexts beside it: read as docker's client reads them,
// written back with every key that we do not know.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace wherry::cli {

class ConfigFile {
 public:
  // A missing file is an empty one. Error: "loading config file: <path>: ...".
  static Result<ConfigFile> load(const std::string& directory);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string text(std::string_view key) const;
  // The object of that name; empty where there is none.
  [[nodiscard]] boost::json::object object(std::string_view key) const;
  void set(std::string_view key, boost::json::value value) { values_[key] = std::move(value); }
  void erase(std::string_view key) { values_.erase(key); }
  // Replaces the file atomically; a new one is 0600, its directory 0700.
  [[nodiscard]] Result<> save() const;

 private:
  std::string directory_;
  std::string path_;
  boost::json::object values_;
};

// $DOCKER_CONFIG, or ~/.docker.
std::string default_config_directory();

// The address of a context of that name, from contexts/meta/<sha256 of the name>/meta.json.
// Error: `context "x": context not found: ...`.
Result<std::string> context_host(const std::string& directory, const std::string& name);

}  // namespace wherry::cli
