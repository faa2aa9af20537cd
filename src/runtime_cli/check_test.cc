// Every field of the specification, wrong in turn: refused, with its JSON path. The fields are
// tests/data/oci-runtime-fields.tsv, a valid document with all of them is oci-config-full.json.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "runtime_cli/config.h"
#include "spec/json.h"

namespace wherry::runtime_cli {
namespace {

using json::Value;

std::string data_file(const char* name) {
  std::ifstream stream(std::string(WHERRY_TEST_DATA "/") + name);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

struct Field {
  std::string path;
  std::string type;
  bool required = false;
};

std::vector<Field> fields() {
  std::vector<Field> found;
  std::istringstream lines(data_file("oci-runtime-fields.tsv"));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const auto columns = split(line, '\t');
    found.push_back({std::string(columns[0]), std::string(columns[1]), columns[2] == "required"});
  }
  return found;
}

// Nothing here acts on these: they are refused where they are set.
constexpr std::array kNotAvailable{
    "linux.netDevices", "linux.intelRdt",
    "linux.resources.blockIO.leafWeight", "linux.resources.blockIO.weightDevice[].leafWeight"};

// "a.b[].c", "a{}.b" and "a[2].b" -> names, "[0]" for the first element and "{}" for the first entry.
std::vector<std::string> steps_of(std::string_view path) {
  std::vector<std::string> steps;
  while (!path.empty()) {
    if (path.front() == '.') path.remove_prefix(1);
    const std::size_t end = std::min(path.find_first_of(".[{", 1), path.size());
    std::string step(path.substr(0, end));
    steps.push_back(step == "[]" ? "[0]" : step);
    path.remove_prefix(end);
  }
  return steps;
}

Value* step_into(Value& value, const std::string& step) {
  if (step == "{}") return &value.as_object().begin()->value();
  if (!step.starts_with('[')) return value.as_object().if_contains(step);
  const std::size_t index = std::stoul(step.substr(1));
  return index < value.as_array().size() ? &value.as_array()[index] : nullptr;
}

// Where `path` is; null if it is not there. A last name that is missing is made with Make::Yes.
enum class Make : std::uint8_t { No, Yes };
Value* find(Value& document, std::string_view path, Make make = Make::No) {
  Value* at = &document;
  for (const std::string& step : steps_of(path)) {
    if (make == Make::Yes && at->is_object() && step != "{}" && !at->as_object().contains(step))
      at->as_object()[step] = boost::json::object();
    at = step_into(*at, step);
    if (at == nullptr) return nullptr;
  }
  return at;
}

void erase(Value& document, std::string_view path) {
  const std::size_t dot = path.rfind('.');
  Value* owner = dot == std::string_view::npos ? &document : find(document, path.substr(0, dot));
  if (owner != nullptr) owner->as_object().erase(path.substr(dot + 1));
}

// As messages spell it: "a.b[0].c", "a.key.b".
std::string spelled(Value document, std::string_view path) {
  std::string text;
  Value* at = &document;
  for (std::string step : steps_of(path)) {
    if (step == "{}") step = at->as_object().begin()->key();
    text += (text.empty() || step.starts_with('[') ? "" : ".") + step;
    at = at == nullptr || !at->is_object() ? (at != nullptr ? step_into(*at, step) : nullptr)
                                           : at->as_object().if_contains(step);
  }
  return text;
}

Value full_config() { return *json::parse_value(data_file("oci-config-full.json")); }

// The document without what nothing here acts on.
Value available_config() {
  Value config = full_config();
  for (const char* one : kNotAvailable) erase(config, one);
  return config;
}

std::string message_of(const Value& config) {
  const auto parsed = parse_config(json::write_value(config));
  return parsed ? "accepted" : parsed.error().message();
}

std::vector<Value> wrong_values(const std::string& type) {
  using boost::json::array;
  using boost::json::object;
  if (type == "string") return {7, true, array{}, object{}};
  if (type == "integer") return {"1", true, 1.5, 1e300, array{}, object{}};
  if (type == "boolean") return {"true", 1, object{}};
  if (type == "array") return {object{}, "x", 7, true};
  return {array{}, "x", 7, true};
}

bool is_available(const std::string& path) {
  return std::ranges::none_of(kNotAvailable, [&](std::string_view one) { return path.starts_with(one); });
}

TEST(ConfigCheck, the_document_with_everything_is_complete) {
  Value full = full_config();
  const auto all = fields();
  ASSERT_GT(all.size(), 200U);
  for (const Field& field : all) EXPECT_NE(find(full, field.path), nullptr) << field.path;
  EXPECT_EQ(message_of(available_config()), "accepted");
}

TEST(ConfigCheck, a_field_of_a_wrong_type_is_refused) {
  for (const Field& field : fields()) {
    if (!is_available(field.path)) continue;
    const Value good = available_config();
    const std::string wanted = "config.json: " + spelled(good, field.path) + ": ";
    for (const Value& value : wrong_values(field.type)) {
      Value bad = good;
      *find(bad, field.path) = value;
      EXPECT_TRUE(message_of(bad).starts_with(wanted)) << field.path << " = " << json::write_value(value)
                                                       << ": " << message_of(bad);
    }
  }
}

TEST(ConfigCheck, an_element_of_a_wrong_type_is_refused) {
  for (const Field& field : fields()) {
    if (!is_available(field.path) || field.type != "array") continue;
    const Value good = available_config();
    Value bad = good;
    boost::json::array& list = find(bad, field.path)->as_array();
    if (list.empty()) list.emplace_back(nullptr);  // flags of which none is known
    list[0] = true;
    const std::string wanted = "config.json: " + spelled(good, field.path) + "[0]: ";
    EXPECT_TRUE(message_of(bad).starts_with(wanted)) << field.path << ": " << message_of(bad);
  }
  for (const char* path : {"annotations", "linux.sysctl", "linux.resources.unified"}) {
    Value bad = available_config();
    find(bad, path)->as_object()["a.b"] = 7;
    EXPECT_TRUE(message_of(bad).starts_with(fmt::format("config.json: {}.a.b: ", path))) << message_of(bad);
  }
}

TEST(ConfigCheck, a_required_field_that_is_missing_is_refused) {
  for (const Field& field : fields()) {
    // Optional since 1.3.
    if (!field.required || !is_available(field.path) || field.path == "linux.resources.pids.limit") continue;
    const Value good = available_config();
    Value bad = good;
    erase(bad, field.path);
    const std::string wanted = "config.json: " + spelled(good, field.path) + ": ";
    EXPECT_TRUE(message_of(bad).starts_with(wanted)) << field.path << ": " << message_of(bad);
  }
}

TEST(ConfigCheck, what_is_not_available_is_refused_by_name) {
  for (const char* path : kNotAvailable) {
    Value full = full_config();
    Value bad = available_config();
    *find(bad, path, Make::Yes) = *find(full, path);
    const std::string wanted = "config.json: " + spelled(full, path) + ": not available in wherry-runtime ";
    EXPECT_TRUE(message_of(bad).starts_with(wanted)) << path << ": " << message_of(bad);
  }
}

TEST(ConfigCheck, strings_without_an_end_or_a_sense_are_refused) {
  const std::string nul("a\0b", 3);
  for (const char* path :
       {"ociVersion", "root.path", "hostname", "domainname", "annotations.{}", "hooks.poststop[0].path",
        "hooks.poststop[0].args[0]", "hooks.poststop[0].env[0]", "mounts[0].destination", "mounts[0].source",
        "mounts[0].type", "mounts[0].options[1]", "process.args[0]", "process.args[1]", "process.env[0]", "process.cwd",
        "process.apparmorProfile", "process.selinuxLabel", "process.rlimits[0].type",
        "process.capabilities.ambient[0]", "process.ioPriority.class", "linux.devices[0].path",
        "linux.devices[0].type", "linux.namespaces[0].type", "linux.namespaces[0].path", "linux.cgroupsPath",
        "linux.mountLabel", "linux.rootfsPropagation", "linux.maskedPaths[0]", "linux.readonlyPaths[0]",
        "linux.sysctl.{}", "linux.resources.unified.{}", "linux.resources.cpu.cpus", "linux.resources.cpu.mems",
        "linux.resources.devices[0].type", "linux.resources.devices[0].access", "linux.seccomp.defaultAction",
        "linux.seccomp.flags[0]", "linux.seccomp.architectures[0]", "linux.seccomp.syscalls[0].names[0]",
        "linux.seccomp.syscalls[0].action", "linux.seccomp.syscalls[0].args[0].op"}) {
    const Value good = available_config();
    Value bad = good;
    *find(bad, path) = boost::json::string(nul);
    const std::string wanted = "config.json: " + spelled(good, path) + ": ";
    EXPECT_TRUE(message_of(bad).starts_with(wanted)) << path << ": " << message_of(bad);
    const bool unlimited = std::string_view(path).starts_with("annotations");
    *find(bad, path) = boost::json::string(std::string(unlimited ? 3 : 200000, unlimited ? '\0' : 'a'));
    EXPECT_TRUE(message_of(bad).starts_with(wanted)) << path << " overlong: " << message_of(bad).substr(0, 200);
  }
}

TEST(ConfigCheck, empty_strings_are_refused_where_something_has_to_be_named) {
  for (const char* path : {"ociVersion", "root.path", "mounts[0].destination", "mounts[0].source", "process.args[0]",
                           "process.cwd", "process.rlimits[0].type", "process.ioPriority.class",
                           "process.capabilities.bounding[0]", "hooks.prestart[0].path", "linux.devices[0].path",
                           "linux.devices[0].type", "linux.namespaces[0].type", "linux.maskedPaths[0]",
                           "linux.readonlyPaths[0]", "linux.seccomp.defaultAction", "linux.seccomp.architectures[0]",
                           "linux.seccomp.flags[0]", "linux.seccomp.syscalls[0].names[0]",
                           "linux.seccomp.syscalls[0].action", "linux.seccomp.syscalls[0].args[0].op"}) {
    const Value good = available_config();
    Value bad = good;
    *find(bad, path) = "";
    EXPECT_TRUE(message_of(bad).starts_with("config.json: " + spelled(good, path) + ": ")) << path << message_of(bad);
  }
}

// A change of the valid document: `value` (JSON) at `path`; the message names `named`, else `path`.
struct Change {
  const char* path;
  const char* value;
  const char* named = nullptr;
};

void expect_refused(const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    Value bad = available_config();
    Value* place = find(bad, change.path, Make::Yes);
    ASSERT_NE(place, nullptr) << change.path;
    *place = *json::parse_value(change.value);
    const std::string wanted = fmt::format("config.json: {}: ", change.named != nullptr ? change.named : change.path);
    EXPECT_TRUE(message_of(bad).starts_with(wanted)) << change.path << " = " << change.value << ": " << message_of(bad);
  }
}

TEST(ConfigCheck, numbers_out_of_range_are_refused) {
  expect_refused({
      {"process.user.uid", "-1"}, {"process.user.uid", "4294967295"}, {"process.user.uid", "4294967296"},
      {"process.user.gid", "4294967295"}, {"process.user.umask", "512"}, {"process.user.umask", "-1"},
      {"process.user.additionalGids[0]", "4294967295"}, {"process.user.additionalGids[0]", "-1"},
      {"process.consoleSize.height", "65536"}, {"process.consoleSize.width", "-1"},
      {"process.oomScoreAdj", "1001"}, {"process.oomScoreAdj", "-1001"}, {"process.oomScoreAdj", "9999999999999999999"},
      {"process.ioPriority.priority", "8"}, {"process.ioPriority.priority", "-1"},
      {"process.rlimits[0].soft", "1025"}, {"process.rlimits[0].hard", "-1"},
      {"process.rlimits[0].hard", "18446744073709551616"},
      {"hooks.prestart[0].timeout", "0"}, {"hooks.poststop[0].timeout", "-5"}, {"hooks.poststop[0].timeout", "99999999999"},
      {"linux.devices[0].major", "-1"}, {"linux.devices[0].major", "4096"}, {"linux.devices[0].minor", "1048576"},
      {"linux.devices[0].fileMode", "4096"}, {"linux.devices[0].uid", "4294967295"}, {"linux.devices[0].gid", "-1"},
      {"linux.uidMappings[0].size", "0"}, {"linux.uidMappings[0].hostID", "4294967295"},
      {"linux.gidMappings[0].containerID", "4294967295"}, {"linux.gidMappings[0].hostID", "-1"},
      {"linux.resources.devices[0].major", "-2"}, {"linux.resources.devices[0].minor", "1048576"},
      {"linux.resources.memory.limit", "-2"}, {"linux.resources.memory.reservation", "-2"},
      {"linux.resources.memory.swap", "-2"}, {"linux.resources.memory.kernel", "-2"},
      {"linux.resources.memory.kernelTCP", "-2"}, {"linux.resources.memory.swappiness", "101"},
      {"linux.resources.memory.swappiness", "-1"}, {"linux.resources.memory.limit", "9223372036854775808"},
      {"linux.resources.cpu.shares", "-1"}, {"linux.resources.cpu.quota", "-2"}, {"linux.resources.cpu.quota", "999"},
      {"linux.resources.cpu.period", "999"}, {"linux.resources.cpu.period", "1000001"},
      {"linux.resources.cpu.realtimeRuntime", "-2"}, {"linux.resources.cpu.realtimePeriod", "4294967296"},
      {"linux.resources.cpu.idle", "2"}, {"linux.resources.cpu.idle", "-1"},
      {"linux.resources.cpu.burst", "18446744073709551615"},
      {"linux.resources.pids.limit", "-2"}, {"linux.resources.pids.limit", "4194305"},
      {"linux.resources.blockIO.weight", "9"}, {"linux.resources.blockIO.weight", "1001"},
      {"linux.resources.blockIO.weight", "65536"}, {"linux.resources.blockIO.weightDevice[0].weight", "5"},
      {"linux.resources.blockIO.throttleReadBpsDevice[0].rate", "-1"},
      {"linux.resources.blockIO.throttleWriteBpsDevice[0].major", "-1"},
      {"linux.resources.blockIO.throttleReadIOPSDevice[0].minor", "1048576"},
      {"linux.resources.blockIO.throttleWriteIOPSDevice[0].major", "4096"},
      {"process.scheduler.priority", "1"}, {"process.scheduler.nice", "20"}, {"process.scheduler.nice", "-21"},
      {"process.scheduler.runtime", "-1"}, {"process.scheduler.period", "281474976710656"},
      {"process.execCPUAffinity.initial", R"("1024")"}, {"process.execCPUAffinity.final", R"("3-1")"},
      {"linux.timeOffsets.boottime.nanosecs", "1000000000"}, {"linux.timeOffsets.monotonic.nanosecs", "-1"},
      {"linux.timeOffsets.monotonic.secs", "9223372036854775808"},
      {"linux.resources.network.classID", "4294967296"}, {"linux.resources.network.priorities[0].priority", "-1"},
      {"linux.resources.hugepageLimits[0].limit", "-1"}, {"linux.resources.rdma.mlx5_0.hcaHandles", "-1"},
      {"linux.resources.rdma.mlx5_0.hcaObjects", "4294967296"}, {"linux.memoryPolicy.nodes", R"("1024")"},
      {"linux.seccomp.defaultErrnoRet", "4096"}, {"linux.seccomp.syscalls[0].errnoRet", "4096"},
      {"linux.seccomp.syscalls[0].args[0].index", "6"}, {"linux.seccomp.syscalls[0].args[0].value", "-1"},
  });
}

TEST(ConfigCheck, words_that_nobody_knows_are_refused) {
  expect_refused({
      {"ociVersion", R"("2.0.0")"}, {"process.capabilities.ambient[0]", R"("CAP_NONE")"},
      {"process.rlimits[0].type", R"("RLIMIT_NONE")"}, {"process.ioPriority.class", R"("IOPRIO_CLASS_NONE")"},
      {"process.cwd", R"("here")"}, {"mounts[0].destination", R"("data")"}, {"mounts[0].options[0]", R"("remount")"},
      {"linux.devices[0].type", R"("x")"}, {"linux.devices[0].path", R"("fuse")"},
      {"linux.namespaces[0].type", R"("net")"}, {"linux.namespaces[0].path", R"("netns")"},
      {"linux.rootfsPropagation", R"("some")"}, {"linux.cgroupsPath", R"("/a/../b")"},
      {"linux.cgroupsPath", R"("/")"}, {"linux.cgroupsPath", R"("//.")"},
      {"linux.maskedPaths[0]", R"("proc")"}, {"linux.readonlyPaths[0]", R"("proc")"},
      {"linux.resources.devices[0].type", R"("p")"}, {"linux.resources.devices[0].access", R"("rx")"},
      {"linux.resources.cpu.cpus", R"("all")"}, {"linux.resources.cpu.mems", R"("0;1")"},
      {"linux.resources.unified", R"({"../memory.max":"1"})", "linux.resources.unified.../memory.max"},
      {"linux.resources.unified", R"({"memory.x/../../y":"1"})", "linux.resources.unified.memory.x/../../y"},
      {"linux.sysctl", R"({"kernel.core_pattern":"|/x"})", "linux.sysctl.kernel.core_pattern"},
      {"linux.seccomp.defaultAction", R"("SCMP_ACT_MAYBE")"}, 
      {"linux.seccomp.architectures[0]", R"("SCMP_ARCH_Z80")"}, {"linux.seccomp.flags[0]", R"("SECCOMP_FILTER_FLAG_X")"},
      {"linux.seccomp.syscalls[0].action", R"("SCMP_ACT_MAYBE")"},
      {"linux.seccomp.syscalls[0].args[0].op", R"("SCMP_CMP_ODD")"}, {"annotations", R"({"":"x"})", "annotations."},
      {"process.scheduler.policy", R"("SCHED_ISO")"}, {"process.scheduler.flags[0]", R"("SCHED_FLAG_X")"},
      {"process.execCPUAffinity.initial", R"("all")"}, {"linux.personality.domain", R"("SUNOS")"},
      {"linux.personality.flags", R"(["X"])", "linux.personality.flags[0]"},
      {"linux.memoryPolicy.mode", R"("MPOL_X")"}, {"linux.memoryPolicy.flags[0]", R"("MPOL_F_X")"},
      {"linux.memoryPolicy.nodes", R"("0,")"}, {"linux.timeOffsets.realtime", R"({"secs":1})"},
      {"linux.resources.hugepageLimits[0].pageSize", R"("2mb")"}, {"linux.resources.hugepageLimits[0].pageSize", R"("../x")"},
      {"linux.resources.network.priorities[0].name", R"("a b")"},
      {"linux.resources.network.priorities[0].name", R"("sixteen-letters-")"},
      {"linux.resources.rdma", R"({"a b":{"hcaHandles":1}})", "linux.resources.rdma.a b"},
      {"solaris", R"({"milestone":"x"})"}, {"windows", R"({"layerFolders":["x"]})"}, {"vm", "7"},
      {"zos", R"({"namespaces":[{"type":"pid"}]})"}, {"freebsd", R"({"devices":[{"path":"x"}]})"},
      {"process.commandLine", R"("x")"}, {"process.user.username", R"("x")"},
  });
}

TEST(ConfigCheck, fields_that_contradict_each_other_are_refused) {
  expect_refused({
      {"linux.namespaces[5].type", R"("mount")"},
      {"linux.namespaces", R"([{"type":"mount"},{"type":"uts"},{"type":"network"}])", "linux.uidMappings"},
      {"linux.namespaces", R"([{"type":"mount"},{"type":"uts"},{"type":"user"}])",
       "linux.sysctl.net.ipv4.ip_forward"},
      {"linux.namespaces", R"([{"type":"uts"}])", "linux.namespaces"},
      {"linux.uidMappings", "[]"}, {"linux.gidMappings", "null"},
      {"linux.uidMappings", R"([{"containerID":0,"hostID":5,"size":10},{"containerID":9,"hostID":50,"size":2}])"},
      {"linux.gidMappings", R"([{"containerID":0,"hostID":5,"size":10},{"containerID":10,"hostID":14,"size":2}])"},
      {"process.rlimits", R"([{"type":"RLIMIT_AS","soft":1,"hard":1},{"type":"RLIMIT_AS","soft":1,"hard":1}])",
       "process.rlimits[1].type"},
      {"mounts[1].options", R"(["idmap"])"}, {"mounts[0].uidMappings", "[]"}, {"mounts[0].gidMappings", "null"},
      {"mounts[0].uidMappings", R"([{"containerID":0,"hostID":1,"size":2},{"containerID":1,"hostID":5,"size":2}])"},
      {"mounts[0].uidMappings[0].size", "0"}, {"mounts[0].gidMappings[0].hostID", "4294967295"},
      {"mounts[0]", R"({"destination":"/x","type":"tmpfs","uidMappings":[{"containerID":0,"hostID":1,"size":2}],"gidMappings":[{"containerID":0,"hostID":1,"size":2}]})",
       "mounts[0].uidMappings"},
      {"mounts[0]", R"({"destination":"/x","source":"/y"})", "mounts[0].type"},
      {"mounts[0]", R"({"destination":"/x","options":["rbind"]})", "mounts[0].source"},
      {"linux.resources.memory.swap", "1"},
      {"linux.resources.memory.limit", "-1", "linux.resources.memory.swap"},
      {"linux.resources.memory.useHierarchy", "false"},
      {"linux.resources.cpu.burst", "50001"},
      {"linux.seccomp.defaultAction", R"("SCMP_ACT_ALLOW")", "linux.seccomp.defaultErrnoRet"},
      {"linux.seccomp.syscalls[0].action", R"("SCMP_ACT_KILL")", "linux.seccomp.syscalls[0].errnoRet"},
      {"linux.seccomp.syscalls[0].names", "[]"},
      {"process.args", "[]"},
      {"process.scheduler.policy", R"("SCHED_OTHER")", "process.scheduler.runtime"},
      {"process.scheduler", R"({"policy":"SCHED_FIFO"})", "process.scheduler.priority"},
      {"process.scheduler", R"({"policy":"SCHED_IDLE","period":5})", "process.scheduler.period"},
      {"linux.memoryPolicy", R"({"mode":"MPOL_LOCAL","nodes":"0"})", "linux.memoryPolicy.nodes"},
      {"linux.memoryPolicy", R"({"mode":"MPOL_BIND"})", "linux.memoryPolicy.nodes"},
      {"linux.memoryPolicy.flags", R"(["MPOL_F_STATIC_NODES","MPOL_F_RELATIVE_NODES"])"},
      {"linux.resources.rdma.mlx5_0", "{}"},
  });
}

TEST(ConfigCheck, a_user_namespace_by_path_may_come_without_maps) {
  Value given = available_config();
  boost::json::array& namespaces = find(given, "linux.namespaces")->as_array();
  for (Value& one : namespaces)
    if (one.as_object()["type"] == "user") one.as_object()["path"] = "/run/x";
  for (const char* path : {"linux.uidMappings", "linux.gidMappings"}) erase(given, path);
  EXPECT_EQ(message_of(given), "accepted");
}

TEST(ConfigCheck, offsets_of_clocks_need_a_new_time_namespace) {
  Value joined = available_config();
  find(joined, "linux.namespaces")->as_array().back().as_object()["path"] = "/run/x";
  EXPECT_EQ(message_of(joined), "config.json: linux.timeOffsets: needs a new time namespace");
  find(joined, "linux.namespaces")->as_array().pop_back();
  EXPECT_EQ(message_of(joined), "config.json: linux.timeOffsets: needs a new time namespace");
}

TEST(ConfigCheck, mapped_ids_need_mappings) {
  Value bad = available_config();
  boost::json::array& namespaces = find(bad, "linux.namespaces")->as_array();
  namespaces.erase(namespaces.begin() + 5);  // the user namespace
  for (const char* path : {"linux.uidMappings", "linux.gidMappings"}) erase(bad, path);
  *find(bad, "mounts[0]") = *json::parse_value(R"({"destination":"/x","source":"/y","options":["rbind","ridmap"]})");
  EXPECT_EQ(message_of(bad),
            "config.json: mounts[0].options[1]: needs mappings, of the mount or of a user namespace");
}

TEST(ConfigCheck, a_name_needs_a_namespace_of_its_own) {
  for (const char* path : {"hostname", "domainname"}) {
    Value bad = available_config();
    erase(bad, path == std::string_view("hostname") ? "domainname" : "hostname");
    boost::json::array& namespaces = find(bad, "linux.namespaces")->as_array();
    namespaces.erase(namespaces.begin() + 3);
    EXPECT_EQ(message_of(bad), fmt::format("config.json: {}: needs a uts namespace of its own", path));
  }
}

TEST(ConfigCheck, what_looks_odd_and_is_right_passes) {
  for (const auto& [path, value] : {std::pair{"process.terminal", "false"}, {"process.consoleSize", "null"},
                                    {"linux.resources.memory.swap", "-1"}, {"linux.resources.cpu.quota", "-1"},
                                    {"linux.resources.pids", "{}"}, {"linux.resources.pids.limit", "-1"},
                                    {"linux.resources.blockIO.weight", "0"}, {"process.noNewPrivileges", "null"},
                                    {"windows", "{}"}, {"unknown", R"({"a":1})"}, {"process.env[0]", R"("novalue")"},
                                    {"linux.resources.devices[0]", R"({"allow":false})"}, {"linux.sysctl", "null"}}) {
    Value config = available_config();
    *find(config, path, Make::Yes) = *json::parse_value(value);
    EXPECT_EQ(message_of(config), "accepted") << path;
  }
}

TEST(ConfigCheck, a_process_file_is_checked_the_same_way) {
  EXPECT_EQ(parse_process(R"({"args":["a"],"cwd":"/","user":{"uid":-1}})").error().message(),
            "process.json: user.uid: number -1 is out of range");
  EXPECT_EQ(parse_process(R"({"args":["a"]})").error().message(), "process.json: cwd: must be set");
  EXPECT_EQ(parse_process(R"({"cwd":"/"})").error().message(), "process.json: args: must not be empty");
  EXPECT_FALSE(parse_process(R"({"args":["a"],"cwd":"/","commandLine":"x"})"));
  EXPECT_TRUE(parse_process(R"({"args":["a"],"cwd":"/"})"));
}

}  // namespace
}  // namespace wherry::runtime_cli
