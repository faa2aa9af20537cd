// A container's control group as a transient scope of systemd (org.freedesktop.systemd1(5)): the
// "systemd" cgroup driver of runc, crun and the kubelet. systemd makes the group and keeps its hands off
// what is below it (Delegate=yes); limits are written by us as everywhere, and told to systemd.
// Calls block, each with a deadline. Not thread-safe.
#pragma once

#include <string>

#include "base/result.h"
#include "runtime/systemd_unit.h"
#include "sys/pidfd.h"

namespace wherry::runtime {

// A running scope with nothing in it but a process that does nothing: systemd ends empty ones. The holder
// dies with its owner at the latest, so that a crash leaves no scope.
class ScopeHolder {
 public:
  // Unsupported where no systemd answers; Conflict where a unit of this name has processes.
  static Result<ScopeHolder> start(const UnitName& name, const std::string& description, const UnitProperties& properties);
  ScopeHolder(ScopeHolder&&) = default;
  ScopeHolder& operator=(ScopeHolder&&) = delete;
  ~ScopeHolder() { end(); }

  // Of every hierarchy, "/system.slice/wherry-c1.scope".
  [[nodiscard]] const std::string& cgroup_path() const { return path_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Something else is in the scope by now.
  void end();

 private:
  ScopeHolder() = default;
  sys::Pidfd holder_;
  pid_t pid_ = 0;
  std::string path_;
};

// Until the machine's next start (SetUnitProperties, runtime).
Result<> set_unit_properties(const std::string& scope, const UnitProperties& properties);
// Whose processes are gone; forgets that one was killed, too. A scope that is not there is success.
Result<> end_unit(const std::string& scope);

}  // namespace wherry::runtime
