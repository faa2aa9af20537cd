#include "registry/endpoint.h"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/strings.h"
#include "registry/client.h"
#include "spec/reference.h"
#include "sys/directory.h"
#include "sys/fd.h"

namespace wherry::registry {
namespace {

constexpr std::string_view kHubHost = "registry-1.docker.io";
constexpr std::size_t kMaximumPem = 1 << 20;

// Sorted names of a trusted directory; nothing if it is not there.
std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  const sys::Directory directory(::opendir(path.c_str()));
  if (!directory) return names;
  while (const dirent* entry = ::readdir(directory.get())) names.emplace_back(entry->d_name);
  std::ranges::sort(names);
  return names;
}

Result<Tls> read_directory(const std::string& directory, const std::vector<std::string>& names) {
  Tls tls;
  for (const std::string& name : names) {
    const std::string path = directory + "/" + name;
    if (name.ends_with(".crt"))
      tls.ca_pem += TRY(sys::read_file(path.c_str(), kMaximumPem)) + "\n";
    if (!name.ends_with(".cert")) continue;
    const std::string key = name.substr(0, name.size() - 5) + ".key";
    if (!std::ranges::binary_search(names, key))
      return Error::internal(fmt::format(
          "missing key {} for client certificate {}. CA certificates must use the extension .crt",
          key, name));
    tls.certificate_file = path;
    tls.key_file = directory + "/" + key;
  }
  return tls;
}

Result<Endpoint> endpoint_at(const Settings& settings, const std::string& url_text) {
  Endpoint endpoint{.base = TRY(parse_url(url_text))};
  while (endpoint.base.path.ends_with('/')) endpoint.base.path.pop_back();
  const std::string domain = endpoint.base.authority();
  endpoint.tls = TRY(tls_for(settings, domain));
  endpoint.tls.verify = !is_insecure(settings, domain);
  return endpoint;
}

}  // namespace

Result<Tls> tls_for(const Settings& settings, std::string_view domain) {
  for (const std::string& root : settings.certificate_directories) {
    const std::string directory = fmt::format("{}/{}", root, domain);
    const auto names = names_in(directory);
    if (!names.empty()) return read_directory(directory, names);
  }
  return Tls{};
}

Result<std::vector<Endpoint>> endpoints_for(const Settings& settings, std::string_view domain,
                                            Action action) {
  std::vector<Endpoint> endpoints;
  if (domain == spec::kDockerHub) {
    if (action == Action::Pull) {
      for (const std::string& mirror : settings.mirrors) {
        endpoints.push_back(TRY(endpoint_at(settings, mirror)));
        endpoints.back().mirror = true;
      }
    }
    endpoints.push_back(TRY(endpoint_at(settings, fmt::format("https://{}", kHubHost))));
    return endpoints;
  }
  endpoints.push_back(TRY(endpoint_at(settings, fmt::format("https://{}", domain))));
  if (is_insecure(settings, domain))
    endpoints.push_back(TRY(endpoint_at(settings, fmt::format("http://{}", domain))));
  return endpoints;
}

}  // namespace wherry::registry
