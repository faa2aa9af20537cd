// What a child's {step, errno} means to a user, in docker's words where there are any.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "runtime/launch.h"

namespace wherry::runtime {
namespace {

constexpr std::string_view kPrefix =
    "unable to start container process: error during container init: ";

std::string lower_strerror(int error) {
  std::string text = std::strerror(error);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z' && (text.size() < 2 || text[1] > 'Z'))
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

ErrorKind program_error_kind(int error) {
  if (error == ENOENT || error == ENOTDIR) return ErrorKind::NotFound;
  if (error == EACCES || error == EISDIR || error == EPERM || error == ENOEXEC)
    return ErrorKind::Forbidden;
  return ErrorKind::Internal;
}

// Go's exec.LookPath: `exec: "x": executable file not found in $PATH`.
std::string look_up_text(const std::string& program, int error) {
  const std::string name = quote(program);
  if (program.find('/') == std::string::npos)
    return fmt::format("exec: {}: executable file not found in $PATH", name);
  if (error == ENOENT || error == ENOTDIR || error == ELOOP)
    return fmt::format("exec: {}: stat {}: {}", name, program, lower_strerror(error));
  // runc's words for a directory carry both reasons; clients look for either.
  if (error == EISDIR) return fmt::format("exec: {}: is a directory: permission denied", name);
  return fmt::format("exec: {}: {}", name, lower_strerror(error));
}

std::string text_at(const Plan& plan, std::uint32_t index) {
  return index < plan.strings.size() ? plan.strings[index] : std::string();
}

std::string step_text(const Plan& plan, const Step& step, int error) {
  const std::string reason = lower_strerror(error);
  const std::string text = text_at(plan, step.text);
  switch (step.kind) {
    case StepKind::Attach:
      return fmt::format("error mounting to rootfs at {}: {}", quote(text), reason);
    case StepKind::NewMount: return fmt::format("error creating file system {}: {}", text, reason);
    case StepKind::EnterDirectory:
      return fmt::format("chdir to cwd ({}) set in config.json failed: {}", quote(text), reason);
    case StepKind::WriteProc:
      return fmt::format("open {}: {}", "/proc/" + text, reason);
    case StepKind::RunHook:
      return fmt::format("error running hook {}: {}", quote(text),
                         error == ECHILD ? "it failed" : error == ETIME ? "it took too long" : reason);
    case StepKind::Execute:
      return fmt::format("exec {}: {}", plan.args.empty() ? "" : plan.args[0], reason);
    default: break;
  }
  if (text.empty()) return fmt::format("{}: {}", name_of(step.kind), reason);
  return fmt::format("{} {}: {}", name_of(step.kind), text, reason);
}

}  // namespace

Error describe(const Plan& plan, const Failure& failure) {
  const int error = failure.errno_value;
  if (failure.index >= plan.steps.size())
    return {ErrorKind::Internal, error, fmt::format("{}unknown step failed", kPrefix)};
  const Step& step = plan.steps[failure.index];
  const std::string program = plan.args.empty() ? "" : plan.args[0];
  if (step.kind == StepKind::FindProgram)
    return {program_error_kind(error), error,
            fmt::format("{}{}", kPrefix, look_up_text(program, error))};
  const ErrorKind kind =
      step.kind == StepKind::Execute ? program_error_kind(error) : ErrorKind::Internal;
  return {kind, error, fmt::format("{}{}", kPrefix, step_text(plan, step, error))};
}

}  // namespace wherry::runtime
