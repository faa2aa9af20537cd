// The member tables of docker_system.h. Only docker_system_json.cc and code that walks the members
// themselves need them: everybody else calls json::parse and json::write.
#pragma once

#include "spec/docker_system.h"
#include "spec/docker_common_json.h"
#include "spec/json.h"

namespace wherry::json {

template <>
struct Describe<spec::docker::AuthConfig> {
  using T = spec::docker::AuthConfig;
  static constexpr auto fields = std::tuple{omit_empty("username", &T::username),
                                            omit_empty("password", &T::password),
                                            omit_empty("auth", &T::auth),
                                            omit_empty("email", &T::email),
                                            omit_empty("serveraddress", &T::server_address),
                                            omit_empty("identitytoken", &T::identity_token),
                                            omit_empty("registrytoken", &T::registry_token)};
};

template <>
struct Describe<spec::docker::AuthResponse> {
  using T = spec::docker::AuthResponse;
  static constexpr auto fields =
      std::tuple{field("IdentityToken", &T::identity_token), field("Status", &T::status)};
};

template <>
struct Describe<spec::docker::VersionPlatform> {
  static constexpr auto fields = std::tuple{field("Name", &spec::docker::VersionPlatform::name)};
};

template <>
struct Describe<spec::docker::ComponentVersion> {
  using T = spec::docker::ComponentVersion;
  static constexpr auto fields = std::tuple{field("Name", &T::name), field("Version", &T::version),
                                            omit_empty("Details", &T::details)};
};

template <>
struct Describe<spec::docker::Version> {
  using T = spec::docker::Version;
  static constexpr auto fields = std::tuple{field("Platform", &T::platform),
                                            omit_empty("Components", &T::components),
                                            field("Version", &T::version),
                                            field("ApiVersion", &T::api_version),
                                            omit_empty("MinAPIVersion", &T::min_api_version),
                                            field("GitCommit", &T::git_commit),
                                            field("GoVersion", &T::go_version),
                                            field("Os", &T::os),
                                            field("Arch", &T::arch),
                                            omit_empty("KernelVersion", &T::kernel_version),
                                            omit_empty("Experimental", &T::experimental),
                                            omit_empty("BuildTime", &T::build_time)};
};

}  // namespace wherry::json
