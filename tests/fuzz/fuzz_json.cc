// Documents of clients, registries and images. The first byte chooses the kind. What is accepted
// and written is accepted again, and then written with the same bytes.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "spec/docker_config.h"
#include "spec/docker_exec.h"
#include "spec/docker_host_config.h"
#include "spec/json.h"
#include "spec/oci_image.h"
#include "spec/oci_runtime_json.h"

namespace {

using namespace wherry;

template <class T>
void check_round(std::string_view text) {
  const auto first = json::parse<T>(text);
  if (!first) return;
  const std::string written = json::write(*first);
  const auto second = json::parse<T>(written);
  CHECK(second.has_value());
  CHECK(json::write(*second) == written);
}

void check_value(std::string_view text) {
  const auto value = json::parse_value(text);
  if (!value) return;
  const std::string written = json::write_value(*value);
  const auto second = json::parse_value(written);
  CHECK(second.has_value());
  CHECK(json::write_value(*second) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: check_value(text); break;
    case 1: check_round<spec::docker::HostConfig>(text); break;
    case 2: check_round<spec::docker::ContainerCreateRequest>(text); break;
    case 3: check_round<spec::docker::ExecCreateRequest>(text); break;
    case 4: check_round<spec::oci::Config>(text); break;
    case 5: static_cast<void>(spec::parse_manifest(text, "")); break;
    case 6: static_cast<void>(spec::parse_image_config(text)); break;
    default:
      static_cast<void>(
          spec::parse_manifest(text, "application/vnd.docker.distribution.manifest.v2+json"));
  }
  return 0;
}
