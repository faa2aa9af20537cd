#include "runtime_cli/check.h"

#include <algorithm>

#include "runtime/hook_plan.h"
#include "runtime_cli/check_words.h"
#include "sys/mount_options.h"

namespace wherry::runtime_cli {
namespace {

using namespace spec::oci;

constexpr std::size_t kMaximumNameBytes = 64;  // __NEW_UTS_LEN

Result<> check_version(const std::string& version) {
  TRY(check_text(version, kMaximumWordBytes, MayBeEmpty::No));
  if (version.starts_with("1.") && version.size() > 2) return {};
  return wrong(fmt::format("{} is not supported", quote(version)));
}

Result<> check_hook_words(const Hook& hook) {
  TRY(at("path", check_path(hook.path)));
  const auto plain = [](const std::string& word) {
    return check_text(word, kMaximumArgumentBytes, MayBeEmpty::Yes);
  };
  TRY(each("args", hook.args, plain));
  return hook.env ? each("env", *hook.env, plain) : Result<>();
}

Result<> check_all_hooks(const Hooks& hooks) {
  TRY(each("prestart", hooks.prestart, check_hook_words));
  TRY(each("createRuntime", hooks.create_runtime, check_hook_words));
  TRY(each("createContainer", hooks.create_container, check_hook_words));
  TRY(each("startContainer", hooks.start_container, check_hook_words));
  TRY(each("poststart", hooks.poststart, check_hook_words));
  return each("poststop", hooks.poststop, check_hook_words);
}

Result<> check_mount_words(const Mount& mount) {
  TRY(at("type", check_text(mount.type, kMaximumWordBytes, MayBeEmpty::Yes)));
  TRY(at("source", check_text(mount.source, kMaximumPathBytes, MayBeEmpty::Yes)));
  return each("options", mount.options, [](const std::string& option) -> Result<> {
    TRY(check_text(option, kMaximumPathBytes, MayBeEmpty::Yes));
    if (auto known = sys::parse_mount_options({option}); !known) return wrong(known.error().message());
    return {};
  });
}

Result<> check_mapped_ids(const Mount& mount, bool bind) {
  for (const auto& [name, list, other] :
       {std::tuple{"uidMappings", &mount.uid_mappings, &mount.gid_mappings}, {"gidMappings", &mount.gid_mappings, &mount.uid_mappings}}) {
    if (list->empty() && !other->empty()) return at(name, wrong("must be set beside the other one"));
    if (!list->empty() && !bind) return at(name, wrong("is of a bind alone"));
    TRY(at(name, check_mappings(*list)));
  }
  return {};
}

// "idmap" without mappings of its own means the container's.
Result<> check_map_option(const Mount& mount, const Config& config) {
  for (std::size_t i = 0; i < mount.options.size(); ++i) {
    if (mount.options[i] != "idmap" && mount.options[i] != "ridmap") continue;
    if (!mount.uid_mappings.empty() || !config.linux_.uid_mappings.empty()) continue;
    return at(fmt::format("options[{}]", i), wrong("needs mappings, of the mount or of a user namespace"));
  }
  return {};
}

Result<> check_mount(const Mount& mount) {
  TRY(at("destination", check_path(mount.destination)));
  TRY(check_mount_words(mount));
  const sys::MountOptions options = TRY(sys::parse_mount_options(mount.options));
  const bool bind = options.bind || mount.type == "bind";
  if (options.id_mapped && !bind) return at("options", wrong("idmap and ridmap are of binds alone"));
  if (!bind && mount.type.empty()) return at("type", wrong("must be set for a mount that is no bind"));
  if (bind && mount.source.empty()) return at("source", wrong("must be set for a bind"));
  return check_mapped_ids(mount, bind);
}

Result<> check_annotation(const std::string& key, const std::string& value) {
  if (key.empty()) return wrong("a key must not be empty");
  return check_text(value, std::string::npos, MayBeEmpty::Yes);
}

bool has_own_uts(const Config& config) {
  return std::ranges::any_of(config.linux_.namespaces,
                             [](const Namespace& one) { return one.type == "uts"; });
}

Result<> check_name(const std::string& name, const Config& config) {
  if (name.empty()) return {};
  TRY(check_text(name, kMaximumNameBytes, MayBeEmpty::No));
  if (!has_own_uts(config)) return wrong("needs a uts namespace of its own");
  return {};
}

}  // namespace

Error not_available() { return {ErrorKind::NotImplemented, ": not available in wherry-runtime " WHERRY_VERSION}; }

Result<> check_config(const Config& config) {
  TRY(at("ociVersion", check_version(config.oci_version)));
  if (!config.root) return at("root", wrong("must be set"));
  TRY(at("root.path", check_text(config.root->path, kMaximumPathBytes, MayBeEmpty::No)));
  if (config.process) TRY(at("process", check_process(*config.process)));
  TRY(each("mounts", config.mounts, [&](const Mount& mount) -> Result<> {
    TRY(check_mount(mount));
    return check_map_option(mount, config);
  }));
  if (config.hooks) {
    TRY(at("hooks", check_all_hooks(*config.hooks)));
    TRY(runtime::check_hooks(*config.hooks));
  }
  TRY(each("annotations", config.annotations, check_annotation));
  TRY(at("linux", check_linux(config)));
  TRY(at("hostname", check_name(config.hostname, config)));
  const auto parameter = config.linux_.sysctl.find("kernel.domainname");
  if (!config.domainname.empty() && parameter != config.linux_.sysctl.end() && parameter->second != config.domainname)
    return at("linux.sysctl.kernel.domainname", wrong("is not the domainname of the config"));
  return at("domainname", check_name(config.domainname, config));
}

}  // namespace wherry::runtime_cli
