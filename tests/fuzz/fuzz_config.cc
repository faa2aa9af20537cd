// What wherry-runtime reads: config.json, a process file of exec, state.json. The first byte says
// which. A config that passes the checks is turned into everything that is made of it without a kernel.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "runtime/resources.h"
#include "runtime/seccomp.h"
#include "runtime_cli/config.h"
#include "runtime_cli/container.h"

namespace {

using namespace wherry;

sys::CgroupLayout layout(bool unified) {
  const std::vector<std::string> controllers{"cpu", "cpuset", "memory", "pids", "io", "blkio", "hugetlb"};
  return {.hierarchies = {{.mount_point = "/sys/fs/cgroup", .controllers = controllers, .unified = unified}}};
}

void check_filter(const spec::oci::Seccomp& profile) {
  const auto filter = runtime::compile_seccomp(profile);
  if (!filter) return;
  CHECK(filter->program.size() % 8 == 0);
  for (const std::uint32_t number : {0U, 1U, 41U, 59U, 435U})
    static_cast<void>(runtime::evaluate_seccomp(filter->program, {.number = number, .arch = 0xc000003eU}));
}

void check_config(std::string_view text) {
  const auto config = runtime_cli::parse_config(text);
  if (!config) {
    CHECK(config.error().message().starts_with("config.json: "));
    return;
  }
  if (config->linux_.seccomp) check_filter(*config->linux_.seccomp);
  if (!config->linux_.resources) return;
  std::vector<std::string> warnings;
  for (const bool unified : {false, true})
    for (const runtime::CgroupWrite& write : runtime::limit_writes(*config->linux_.resources, layout(unified), warnings))
      CHECK(write.file.find('/') == std::string::npos && write.file.find('\0') == std::string::npos);
  static_cast<void>(runtime::device_writes(config->linux_.resources->devices));
  static_cast<void>(runtime::device_program(config->linux_.resources->devices));
}

void check_state(std::string_view text) {
  const auto record = runtime_cli::parse_record(text, "id");
  if (!record) return;
  CHECK(record->id == "id" && record->pid >= 0);
  CHECK(record->cgroup_path.empty() || (record->cgroup_path.starts_with('/') && record->cgroup_path.size() > 1));
  CHECK(runtime_cli::parse_record(json::write(*record), "id").has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: static_cast<void>(runtime_cli::parse_process(text)); break;
    case 1: check_state(text); break;
    default: check_config(text);
  }
  return 0;
}
