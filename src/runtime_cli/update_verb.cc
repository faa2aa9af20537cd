// update: other limits for a container that is there.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "runtime/resources.h"
#include "runtime_cli/check.h"
#include "runtime_cli/config.h"
#include "runtime_cli/container.h"
#include "runtime_cli/group_claim.h"
#include "runtime_cli/verbs.h"
#include "spec/json.h"

namespace wherry::runtime_cli {
namespace {

using spec::oci::Resources;

Error wrong_flag(std::string_view flag, std::string_view text) {
  return Error::invalid(fmt::format("flag --{} must be a number: {}", flag, quote(text)));
}

struct NumberRow {
  std::string_view flag;
  void (*set)(Resources&, std::int64_t);
};
// All but those that cannot be negative, which are the next table's.
constexpr std::array kNumbers{
    NumberRow{"memory", [](Resources& to, std::int64_t n) { to.memory->limit = n; }},
    NumberRow{"memory-reservation", [](Resources& to, std::int64_t n) { to.memory->reservation = n; }},
    NumberRow{"memory-swap", [](Resources& to, std::int64_t n) { to.memory->swap = n; }},
    NumberRow{"kernel-memory", [](Resources& to, std::int64_t n) { to.memory->kernel = n; }},
    NumberRow{"kernel-memory-tcp", [](Resources& to, std::int64_t n) { to.memory->kernel_tcp = n; }},
    NumberRow{"cpu-quota", [](Resources& to, std::int64_t n) { to.cpu->quota = n; }},
    NumberRow{"cpu-rt-runtime", [](Resources& to, std::int64_t n) { to.cpu->realtime_runtime = n; }},
    NumberRow{"cpu-idle", [](Resources& to, std::int64_t n) { to.cpu->idle = n; }},
    NumberRow{"pids-limit", [](Resources& to, std::int64_t n) { to.pids->limit = n; }}};

struct CountRow {
  std::string_view flag;
  void (*set)(Resources&, std::uint64_t);
};
constexpr std::array kCounts{
    CountRow{"cpu-period", [](Resources& to, std::uint64_t n) { to.cpu->period = n; }},
    CountRow{"cpu-burst", [](Resources& to, std::uint64_t n) { to.cpu->burst = n; }},
    CountRow{"cpu-rt-period", [](Resources& to, std::uint64_t n) { to.cpu->realtime_period = n; }},
    CountRow{"cpu-share", [](Resources& to, std::uint64_t n) { to.cpu->shares = n; }}};

// The members that the flags write to are there, without a limit in them.
void open_members(const Options& options, Resources& resources) {
  if (!resources.memory) resources.memory.emplace();
  if (!resources.cpu) resources.cpu.emplace();
  if (!resources.pids && options.has("pids-limit")) resources.pids.emplace();
  if (!resources.block_io && options.has("blkio-weight")) resources.block_io.emplace();
}

Result<> apply_flags(const Options& options, Resources& resources) {
  open_members(options, resources);
  for (const NumberRow& row : kNumbers) {
    if (!options.has(row.flag)) continue;
    const auto number = parse_i64(options.value(row.flag));
    if (!number) return wrong_flag(row.flag, options.value(row.flag));
    row.set(resources, *number);
  }
  for (const CountRow& row : kCounts) {
    if (!options.has(row.flag)) continue;
    const auto number = parse_u64(options.value(row.flag));
    if (!number) return wrong_flag(row.flag, options.value(row.flag));
    row.set(resources, *number);
  }
  if (options.has("blkio-weight")) {
    const auto weight = parse_u64(options.value("blkio-weight"));
    if (!weight || *weight > 1000) return wrong_flag("blkio-weight", options.value("blkio-weight"));
    resources.block_io->weight = static_cast<std::uint16_t>(*weight);
  }
  resources.cpu->cpus = options.value("cpuset-cpus", resources.cpu->cpus);
  resources.cpu->mems = options.value("cpuset-mems", resources.cpu->mems);
  return {};
}

// --resources FILE, "-" is stdin; flags beside it win, as in runc.
Result<Resources> resources_of(const Options& options) {
  Resources resources;
  const std::string file = options.value("resources");
  if (!file.empty()) {
    const std::string path = file == "-" ? "/dev/stdin" : file;
    const std::string text = TRY(sys::read_file(path.c_str(), json::kMaximumBytes));
    resources = TRY(parse_resources(text));
  }
  TRY(apply_flags(options, resources));
  if (auto checked = check_resources(resources); !checked)
    return Error(checked.error().kind(), "resources: " + checked.error().message());
  return resources;
}

}  // namespace

Result<int> update_container(const Context& context) {
  const Container container = TRY(Container::load(context.root, context.options.arguments[0]));
  if (container.status() == "stopped") return Error::conflict("cannot update a stopped container");
  const Resources resources = TRY(resources_of(context.options));
  std::vector<std::string> warnings;
  const sys::Cgroup group = TRY(container.cgroup());
  const auto updated = runtime::update_resources(resources, group, warnings);
  for (const std::string& warning : warnings) context.warn(warning);
  if (!updated) return std::unexpected(updated.error());
  if (const std::string& scope = container.record().systemd_scope; !scope.empty())
    TRY(runtime::set_unit_properties(scope, TRY(unit_limits_of(resources))));
  return 0;
}

}  // namespace wherry::runtime_cli
