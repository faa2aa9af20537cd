#include "engine/security_options.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/strings.h"
#include "spec/json.h"
#include "spec/oci_runtime_json.h"
#include "spec/oci_image.h"

namespace wherry::engine {
namespace {

struct Condition {
  std::vector<std::string> caps;
  std::vector<std::string> arches;
  std::string min_kernel;
};

struct ProfileRule {
  std::string name;
  std::vector<std::string> names;
  std::string action;
  std::optional<std::uint32_t> errno_ret;
  std::vector<spec::oci::SeccompArg> args;
  Condition includes;
  Condition excludes;
};

struct ArchMap {
  std::string architecture;
  std::vector<std::string> sub_architectures;
};

struct Profile {
  std::string default_action;
  std::optional<std::uint32_t> default_errno_ret;
  std::vector<std::string> architectures;
  std::vector<ArchMap> arch_map;
  std::vector<std::string> flags;
  std::vector<ProfileRule> syscalls;
};

}  // namespace
}  // namespace wherry::engine

namespace wherry::json {
template <>
struct Describe<engine::Condition> {
  using T = engine::Condition;
  static constexpr auto fields = std::tuple{field("caps", &T::caps), field("arches", &T::arches),
                                            field("minKernel", &T::min_kernel)};
};
template <>
struct Describe<engine::ProfileRule> {
  using T = engine::ProfileRule;
  static constexpr auto fields = std::tuple{
      field("name", &T::name),         field("names", &T::names),
      field("action", &T::action),     field("errnoRet", &T::errno_ret),
      field("args", &T::args),         field("includes", &T::includes),
      field("excludes", &T::excludes)};
};
template <>
struct Describe<engine::ArchMap> {
  using T = engine::ArchMap;
  static constexpr auto fields = std::tuple{field("architecture", &T::architecture),
                                            field("subArchitectures", &T::sub_architectures)};
};
template <>
struct Describe<engine::Profile> {
  using T = engine::Profile;
  static constexpr auto fields = std::tuple{
      field("defaultAction", &T::default_action),
      field("defaultErrnoRet", &T::default_errno_ret),
      field("architectures", &T::architectures),
      field("archMap", &T::arch_map),
      field("flags", &T::flags),
      field("syscalls", &T::syscalls)};
};
}  // namespace wherry::json

namespace wherry::engine {
namespace {

bool kernel_is_at_least(const ProfileContext& context, const std::string& wanted) {
  int major = 0;
  int minor = 0;
  if (std::sscanf(wanted.c_str(), "%d.%d", &major, &minor) < 1) return false;
  return context.kernel_major > major ||
         (context.kernel_major == major && context.kernel_minor >= minor);
}

bool contains(const std::vector<std::string>& list, const std::string& wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

// Every condition of `includes` must hold; any one of `excludes` rules it out.
bool applies(const ProfileRule& rule, const ProfileContext& context) {
  const auto has_cap = [&](const auto& cap) { return contains(context.capabilities, cap); };
  const Condition& in = rule.includes;
  const Condition& ex = rule.excludes;
  if (!in.arches.empty() && !contains(in.arches, context.architecture)) return false;
  if (!std::ranges::all_of(in.caps, has_cap)) return false;
  if (!in.min_kernel.empty() && !kernel_is_at_least(context, in.min_kernel)) return false;
  if (contains(ex.arches, context.architecture)) return false;
  if (std::ranges::any_of(ex.caps, has_cap)) return false;
  return ex.min_kernel.empty() || !kernel_is_at_least(context, ex.min_kernel);
}

std::string seccomp_architecture(const std::string& go_name) {
  static const std::map<std::string, std::string> names = {
      {"amd64", "SCMP_ARCH_X86_64"},   {"arm64", "SCMP_ARCH_AARCH64"}, {"arm", "SCMP_ARCH_ARM"},
      {"386", "SCMP_ARCH_X86"},        {"ppc64le", "SCMP_ARCH_PPC64LE"},
      {"riscv64", "SCMP_ARCH_RISCV64"}, {"s390x", "SCMP_ARCH_S390X"}};
  const auto found = names.find(go_name);
  return found == names.end() ? "" : found->second;
}

Result<spec::oci::SeccompRule> convert(const ProfileRule& rule) {
  if (!rule.name.empty() && !rule.names.empty())
    return Error::invalid("both 'name' and 'names' were specified in the seccomp profile");
  spec::oci::SeccompRule converted;
  converted.names = rule.names;
  if (!rule.name.empty()) converted.names.push_back(rule.name);
  converted.action = rule.action;
  converted.errno_ret = rule.errno_ret;
  converted.args = rule.args;
  return converted;
}

// "key=value", or "key:value" of old clients; a bare word has no value.
Cut split_option(std::string_view option) {
  if (const auto equals = cut(option, '=')) return *equals;
  if (const auto colon = cut(option, ':')) return *colon;
  return {option, {}};
}

Result<bool> parse_flag(std::string_view value, std::string_view option) {
  if (value.empty() || value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return Error::invalid(fmt::format("invalid --security-opt: {}", quote(option)));
}

Result<> apply_option(SecurityOptions& parsed, const std::string& option, bool host_has_apparmor) {
  const Cut parts = split_option(option);
  if (parts.before == "no-new-privileges") {
    parsed.no_new_privileges = TRY(parse_flag(parts.after, option));
  } else if (parts.before == "seccomp") {
    parsed.seccomp_unconfined = parts.after == "unconfined";
    parsed.seccomp_profile.reset();
    if (parts.after != "unconfined" && parts.after != "builtin")
      parsed.seccomp_profile = std::string(parts.after);
  } else if (parts.before == "systempaths" && parts.after == "unconfined") {
    parsed.unmask_system_paths = true;
  } else if (parts.before == "apparmor") {
    if (host_has_apparmor && parts.after != "unconfined")
      return Error(ErrorKind::NotImplemented,
                   "wherry: flag '--security-opt apparmor' is not available in wherry " WHERRY_VERSION);
  } else if (parts.before != "label" && option != "disable") {
    // The number tells a lone word from a pair.
    const int where = option.find_first_of("=:") == std::string_view::npos ? 1 : 2;
    return Error::invalid(fmt::format("invalid --security-opt {}: {}", where, quote(option)));
  }
  return {};
}

}  // namespace

Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options,
                                               bool host_has_apparmor) {
  SecurityOptions parsed;
  for (const std::string& option : options)
    TRY(apply_option(parsed, option, host_has_apparmor));
  return parsed;
}

ProfileContext profile_context_of_host(std::vector<std::string> capabilities) {
  ProfileContext context{.capabilities = std::move(capabilities)};
  context.architecture = spec::host_platform().architecture;
  utsname name{};
  if (::uname(&name) == 0)
    static_cast<void>(
        std::sscanf(name.release, "%d.%d", &context.kernel_major, &context.kernel_minor));
  return context;
}

Result<spec::oci::Seccomp> parse_seccomp_profile(const std::string& json,
                                                 const ProfileContext& context) {
  auto parsed = json::parse<Profile>(json);
  if (!parsed)
    return Error::invalid("Decoding seccomp profile failed: " + parsed.error().message());
  if (!parsed->architectures.empty() && !parsed->arch_map.empty())
    return Error::invalid("both 'architectures' and 'archMap' are specified in the seccomp profile");
  spec::oci::Seccomp seccomp;
  seccomp.default_action = parsed->default_action;
  seccomp.default_errno_ret = parsed->default_errno_ret;
  seccomp.architectures = parsed->architectures;
  seccomp.flags = parsed->flags;
  const std::string native = seccomp_architecture(context.architecture);
  for (const ArchMap& arch : parsed->arch_map) {
    if (arch.architecture != native) continue;
    seccomp.architectures = arch.sub_architectures;
    seccomp.architectures.insert(seccomp.architectures.begin(), native);
  }
  for (const ProfileRule& rule : parsed->syscalls)
    if (applies(rule, context)) seccomp.syscalls.push_back(TRY(convert(rule)));
  return seccomp;
}

}  // namespace wherry::engine
