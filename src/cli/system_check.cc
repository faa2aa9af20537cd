// system check: what this host can do, from the engine, or from here where none runs.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "cli/autostart.h"
#include "cli/go_template.h"
#include "cli/handlers.h"
#include "cli/json_access.h"
#include "cli/output.h"
#include "sys/fd.h"

namespace wherry::cli {
namespace {

namespace bj = boost::json;

bj::value item(std::string_view name, std::string_view status, std::string_view detail,
               std::string_view remedy = "") {
  return bj::value{{"Subject", name}, {"State", status}, {"Detail", detail}, {"Remedy", remedy}};
}

bool lists(const char* path, std::string_view word) {
  const auto text = sys::read_file(path);
  return text && text->find(word) != std::string::npos;
}

bj::value kernel_item() {
  utsname names{};
  ::uname(&names);
  const auto parts = split(names.release, '.');
  const std::uint64_t major = parse_u64(parts[0]).value_or(0);
  const std::uint64_t minor = parts.size() > 1 ? parse_u64(parts[1]).value_or(0) : 0;
  const bool enough = major > 5 || (major == 5 && minor >= 10);
  return item("kernel", enough ? "ok" : "missing", names.release,
              enough ? "" : "boot Linux 5.10 or newer");
}

// What can be seen without privileges and without trying anything out.
bj::array local_items(const Error& why) {
  bj::array items;
  items.push_back(item("engine", "missing", why.message(), "start wherryd, or set DOCKER_HOST"));
  items.push_back(kernel_item());
  const bool root = ::geteuid() == 0;
  items.push_back(item("root or user namespaces", root ? "ok" : "limited",
                       root ? "running as root" : "running as an ordinary user",
                       root ? "" : "run wherryd as root"));
  const bool overlay = lists("/proc/filesystems", "\toverlay\n");
  items.push_back(item("overlay", overlay ? "ok" : "limited",
                       overlay ? "known to the kernel" : "not known to the kernel",
                       overlay ? "" : "modprobe overlay; until then layers are copied"));
  const bool v2 = ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  const bool v1 = ::access("/sys/fs/cgroup/memory", F_OK) == 0;
  items.push_back(item("cgroups", v2 || v1 ? "ok" : "missing",
                       v2 ? "version 2" : (v1 ? "version 1" : "not mounted below /sys/fs/cgroup"),
                       v2 || v1 ? "" : "mount -t cgroup2 none /sys/fs/cgroup"));
  const bool network = ::access("/proc/self/ns/net", F_OK) == 0;
  items.push_back(item("network namespaces", network ? "ok" : "missing",
                       network ? "known to the kernel" : "not known to the kernel",
                       network ? "" : "use a kernel with CONFIG_NET_NS"));
  const bool seccomp = lists("/proc/self/status", "Seccomp:");
  items.push_back(item("seccomp", seccomp ? "ok" : "missing",
                       seccomp ? "known to the kernel" : "not known to the kernel",
                       seccomp ? "" : "use a kernel with CONFIG_SECCOMP_FILTER"));
  return items;
}

// Tried out by the engine's own program where it lies beside this one.
bj::array items_without_engine(const Error& why) {
  const auto answer = check_by_engine_program();
  const auto tried = answer ? client::parse_json(*answer) : Result<bj::value>(bj::value());
  if (!tried || !tried->is_array()) return local_items(why);
  bj::array items = tried->get_array();
  items.insert(items.begin(), item("engine", "missing", why.message(),
                                   "start wherryd, or set DOCKER_HOST"));
  return items;
}

std::string lines_of(const bj::array& items) {
  std::vector<std::string> lines;
  for (const bj::value& check : items) {
    const std::string remedy = text_at(check, "Remedy");
    std::string detail = text_at(check, "Detail");
    if (!remedy.empty()) detail += (detail.empty() ? "-> " : "  -> ") + remedy;
    lines.push_back(
        fmt::format("{}\t{}\t{}", text_at(check, "State"), text_at(check, "Subject"), detail));
  }
  return align(lines, {.width = 0, .padding = 2});
}

}  // namespace

int check_system(const Invocation& invocation) {
  invocation.session.do_not_start_engine();
  auto engine = invocation.session.engine();
  if (!engine) return fail(engine.error());
  const auto answer = (*engine)->call_json({.path = "/wherry/check"});
  const bj::array items = answer ? elements(*answer) : items_without_engine(answer.error());
  const std::string format = invocation.flags.text("format");
  if (format == "json" || format == "{{json .}}") {
    print(go_json(items) + "\n");
  } else if (!format.empty()) {
    const auto parsed = GoTemplate::parse(format, {.name = ""});
    if (!parsed) return fail(parsed.error());
    for (const bj::value& check : items) {
      const auto text = parsed->execute(check);
      if (!text) return fail(text.error());
      print(*text + "\n");
    }
  } else {
    print(lines_of(items));
  }
  const bool missing = std::ranges::any_of(
      items, [](const bj::value& check) { return text_at(check, "State") == "missing"; });
  return missing ? 1 : 0;
}

}  // namespace wherry::cli
