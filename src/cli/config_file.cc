#include "cli/config_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "client/engine.h"
#include "spec/json.h"
#include "sys/directory.h"
#include "sys/fd.h"

namespace wherry::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMaximumConfigBytes = 16U << 20;

const bj::value* find(const bj::value& value, std::string_view key) {
  return value.is_object() ? value.as_object().if_contains(key) : nullptr;
}

std::string string_at(const bj::value& value, std::string_view key) {
  const bj::value* found = find(value, key);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : "";
}

}  // namespace

Result<ConfigFile> ConfigFile::load(const std::string& directory) {
  ConfigFile config;
  config.directory_ = directory;
  config.path_ = directory + "/config.json";
  auto text = sys::read_file(config.path_.c_str(), kMaximumConfigBytes);
  if (!text && text.error().kind() == ErrorKind::NotFound) return config;
  if (!text) return Error::internal(fmt::format("loading config file: {}", text.error().message()));
  auto parsed = client::parse_json(*text);
  if (!parsed || !parsed->is_object()) {
    return Error::invalid(
        fmt::format("loading config file: {}: it is not a JSON object", config.path_));
  }
  config.values_ = std::move(parsed->as_object());
  return config;
}

std::string ConfigFile::text(std::string_view key) const {
  const bj::value* found = values_.if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : "";
}

bj::object ConfigFile::object(std::string_view key) const {
  const bj::value* found = values_.if_contains(key);
  return found != nullptr && found->is_object() ? found->as_object() : bj::object();
}

Result<> ConfigFile::save() const {
  TRY(sys::make_directories(directory_, 0700));
  // A symlinked file stays one: what it points to is replaced.
  const std::unique_ptr<char, decltype(&std::free)> target(::realpath(path_.c_str(), nullptr),
                                                           &std::free);
  const std::string path = target ? target.get() : path_;
  const std::size_t slash = path.rfind('/');
  const sys::Fd directory =
      TRY(sys::open_at({}, path.substr(0, slash).c_str(), O_RDONLY | O_DIRECTORY));
  return sys::replace_file_at(directory, path.substr(slash + 1),
                              json::write_indented(values_, "\t"), 0600, sys::Durable::No);
}

std::string default_config_directory() {
  if (const char* directory = std::getenv("DOCKER_CONFIG");
      directory != nullptr && *directory != '\0')
    return directory;
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr && *home != '\0' ? home : (::getuid() == 0 ? "/root" : "")) +
         "/.docker";
}

Result<std::string> context_host(const std::string& directory, const std::string& name) {
  // Each context has a directory named by the digest of its name. The names inside are what
  // counts, so they are compared in place of the digest.
  const std::string root = directory + "/contexts/meta";
  const sys::Directory entries(::opendir(root.c_str()));
  const dirent* entry = nullptr;
  while (entries && (entry = ::readdir(entries.get())) != nullptr) {
    const std::string file = fmt::format("{}/{}/meta.json", root, entry->d_name);
    const auto text = sys::read_file(file.c_str(), kMaximumConfigBytes);
    if (!text) continue;
    const auto meta = client::parse_json(*text);
    if (!meta || string_at(*meta, "Name") != name) continue;
    const bj::value* endpoints = find(*meta, "Endpoints");
    const bj::value* docker = endpoints == nullptr ? nullptr : find(*endpoints, "docker");
    const std::string host = docker == nullptr ? "" : string_at(*docker, "Host");
    if (!host.empty()) return host;
  }
  return Error::not_found(
      fmt::format("Failed to initialize: unable to resolve docker endpoint: context \"{}\": "
                  "context not found: nothing of that name below {}",
                  name, root));
}

}  // namespace wherry::cli
