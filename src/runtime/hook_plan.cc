#include "runtime/hook_plan.h"

#include <fmt/format.h>

#include <array>

#include "base/strings.h"
#include "spec/oci_runtime_json.h"

namespace wherry::runtime {
namespace {

using spec::oci::Hook;
using spec::oci::Hooks;

constexpr std::size_t kMaximumHooks = 64;  // of one kind
constexpr std::int64_t kLongestTimeout_s = 1000000;

Result<> check_hook(const Hook& hook) {
  if (!hook.path.starts_with('/'))
    return Error::invalid(fmt::format(".path: {} is not an absolute path", quote(hook.path)));
  if (hook.timeout && (*hook.timeout <= 0 || *hook.timeout > kLongestTimeout_s))
    return Error::invalid(fmt::format(".timeout: {} is out of range", *hook.timeout));
  if (hook.args.size() + (hook.env ? hook.env->size() : 0) > kMaximumHookWords)
    return Error::invalid(fmt::format(": more than {} args and env", kMaximumHookWords));
  return {};
}

Result<> check_list(const char* kind, const std::vector<Hook>& hooks) {
  if (hooks.size() > kMaximumHooks)
    return Error::invalid(fmt::format("hooks.{}: more than {} hooks", kind, kMaximumHooks));
  for (std::size_t i = 0; i < hooks.size(); ++i)
    if (auto checked = check_hook(hooks[i]); !checked)
      return Error::invalid(fmt::format("hooks.{}[{}]{}", kind, i, checked.error().message()));
  return {};
}

}  // namespace

Result<> check_hooks(const Hooks& hooks) {
  TRY(check_list("prestart", hooks.prestart));
  TRY(check_list("createRuntime", hooks.create_runtime));
  TRY(check_list("createContainer", hooks.create_container));
  TRY(check_list("startContainer", hooks.start_container));
  TRY(check_list("poststart", hooks.poststart));
  return check_list("poststop", hooks.poststop);
}

void plan_hooks(const std::vector<Hook>& hooks, const spec::oci::State& state, const std::string& directory,
                PlanBuilder& builder) {
  json::Value value = json::to_value(state);
  value.get_object().erase("pid");
  const std::string rest = json::write_value(value).substr(1);  // there always is an id
  for (const Hook& hook : hooks) {
    const std::uint32_t first = builder.text(hook.path);
    builder.text("{\"pid\":");
    builder.text("," + rest);
    const std::vector<std::string> args = hook.args.empty() ? std::vector{hook.path} : hook.args;
    for (const std::string& word : args) builder.text(word);
    const std::vector<std::string> env = hook.env.value_or(std::vector<std::string>{});
    for (const std::string& entry : env) builder.text(entry);
    builder.add({.kind = StepKind::RunHook,
                 .text = first,
                 .text2 = directory.empty() ? kNone : builder.text(directory),
                 .a = args.size(),
                 .b = env.size(),
                 .c = static_cast<std::uint64_t>(hook.timeout.value_or(0))});
  }
}

}  // namespace wherry::runtime
