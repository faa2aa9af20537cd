// Fetching an image, for `pull` and for run and create of an absent image.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "spec/reference.h"

namespace wherry::cli {

struct PullOptions {
  std::string platform;
  bool all_tags = false;
  Show show = Show::Yes;
  int output = 1;  // where progress goes
};
Result<> pull_reference(Session& session, const spec::Reference& reference,
                        const PullOptions& options);

// The platform of --platform, or of DOCKER_DEFAULT_PLATFORM.
std::string platform_of(const Flags& flags);

// --platform of push, load, inspect and rm goes as the OCI platform object, in JSON.
Result<std::string> platform_json(const std::string& platform);

// The X-Registry-Auth header for an image of that registry.
Result<std::string> registry_auth(Session& session, const std::string& domain);

}  // namespace wherry::cli
