#include "engine/image_merge.h"

#include <algorithm>
#include <string_view>

namespace wherry::engine {
namespace {

using spec::docker::ContainerConfig;

std::string_view key_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

void merge_environment(ContainerConfig& config, const spec::RunConfig& image) {
  if (!image.env) return;
  if (!config.env) config.env.emplace();
  std::vector<std::string>& environment = *config.env;
  const auto sent = static_cast<std::ptrdiff_t>(environment.size());
  for (const std::string& inherited : *image.env) {
    const bool replaced =
        std::any_of(environment.begin(), environment.begin() + sent,
                    [&](const std::string& own) { return key_of(own) == key_of(inherited); });
    if (!replaced) environment.push_back(inherited);
  }
}

void merge_command(ContainerConfig& config, const spec::RunConfig& image) {
  if (config.entrypoint.list().empty()) {
    if (config.cmd.list().empty()) {
      config.cmd = image.cmd;
      config.args_escaped = image.args_escaped;
    }
    // Nil inherits, [] does not.
    if (!config.entrypoint) config.entrypoint = image.entrypoint;
  }
  // `--entrypoint ""` arrives as [""]: no entrypoint at all.
  if (config.entrypoint.list().size() == 1 && config.entrypoint.list().front().empty())
    config.entrypoint = spec::docker::Command();
}

template <class Target, class Source>
void merge_keys(Target& target, const Source& source) {
  if (!source) return;
  if (!target) target.emplace();
  for (const auto& [key, value] : *source) target->try_emplace(key);
}

}  // namespace

Result<> merge_image_config(ContainerConfig& config, const spec::RunConfig& image) {
  if (config.user.empty()) config.user = image.user;
  merge_keys(config.exposed_ports, image.exposed_ports);
  merge_keys(config.volumes, image.volumes);
  merge_environment(config, image);
  if (!config.labels) config.labels.emplace();
  if (image.labels) config.labels->insert(image.labels->begin(), image.labels->end());
  merge_command(config, image);
  if (config.working_dir.empty()) config.working_dir = image.working_dir;
  if (config.stop_signal.empty()) config.stop_signal = image.stop_signal;
  if (!config.stop_timeout) config.stop_timeout = image.stop_timeout;
  if (!config.on_build && image.on_build) config.on_build = image.on_build;
  if (!config.shell && image.shell) config.shell = image.shell;
  if (config.entrypoint.list().empty() && config.cmd.list().empty())
    return Error::invalid("no command specified");
  return {};
}

CommandLine command_line_of(const ContainerConfig& config) {
  std::vector<std::string> words = config.entrypoint.list();
  words.insert(words.end(), config.cmd.list().begin(), config.cmd.list().end());
  CommandLine line{.path = words.front()};
  line.args.assign(words.begin() + 1, words.end());
  return line;
}

}  // namespace wherry::engine
