// The member tables of oci_image.h, for the code that reads and writes these documents.
#pragma once

#include "spec/json.h"
#include "spec/oci_image.h"

namespace wherry::json {

template <>
struct Describe<spec::Platform> {
  using T = spec::Platform;
  static constexpr auto fields = std::tuple{
      field("architecture", &T::architecture), field("os", &T::os),
      omit_empty("os.version", &T::os_version), omit_empty("os.features", &T::os_features),
      omit_empty("variant", &T::variant)};
};
template <>
struct Describe<spec::Descriptor> {
  using T = spec::Descriptor;
  static constexpr auto fields = std::tuple{
      field("mediaType", &T::media_type), field("digest", &T::digest), field("size", &T::size),
      omit_empty("urls", &T::urls), omit_empty("annotations", &T::annotations),
      omit_empty("platform", &T::platform), omit_empty("artifactType", &T::artifact_type)};
};
template <>
struct Describe<spec::Healthcheck> {
  using T = spec::Healthcheck;
  static constexpr auto fields = std::tuple{
      omit_empty("Test", &T::test), omit_empty("Interval", &T::interval_ns),
      omit_empty("Timeout", &T::timeout_ns), omit_empty("StartPeriod", &T::start_period_ns),
      omit_empty("StartInterval", &T::start_interval_ns), omit_empty("Retries", &T::retries)};
};
template <>
struct Describe<spec::EmptyObject> {
  static constexpr auto fields = std::tuple{};
};
template <>
struct Describe<spec::RunConfig> {
  using T = spec::RunConfig;
  static constexpr auto fields = std::tuple{
      omit_empty("User", &T::user), omit_empty("ExposedPorts", &T::exposed_ports),
      omit_empty("Env", &T::env), omit_empty("Entrypoint", &T::entrypoint),
      omit_empty("Cmd", &T::cmd), omit_empty("Volumes", &T::volumes),
      omit_empty("WorkingDir", &T::working_dir), omit_empty("Labels", &T::labels),
      omit_empty("StopSignal", &T::stop_signal), omit_empty("StopTimeout", &T::stop_timeout),
      omit_empty("ArgsEscaped", &T::args_escaped), omit_empty("Healthcheck", &T::healthcheck),
      omit_empty("OnBuild", &T::on_build), omit_empty("Shell", &T::shell)};
};
template <>
struct Describe<spec::RootFs> {
  using T = spec::RootFs;
  static constexpr auto fields =
      std::tuple{field("type", &T::type), field("diff_ids", &T::diff_ids)};
};
template <>
struct Describe<spec::History> {
  using T = spec::History;
  static constexpr auto fields = std::tuple{
      omit_empty("created", &T::created), omit_empty("created_by", &T::created_by),
      omit_empty("author", &T::author), omit_empty("comment", &T::comment),
      omit_empty("empty_layer", &T::empty_layer)};
};
template <>
struct Describe<spec::ImageConfig> {
  using T = spec::ImageConfig;
  static constexpr auto fields = std::tuple{
      omit_empty("created", &T::created), omit_empty("author", &T::author),
      omit_empty("comment", &T::comment), field("architecture", &T::architecture),
      omit_empty("variant", &T::variant), field("os", &T::os),
      omit_empty("os.version", &T::os_version), omit_empty("docker_version", &T::docker_version),
      omit_empty("parent", &T::parent), field("config", &T::config), field("rootfs", &T::rootfs),
      omit_empty("history", &T::history)};
};

}  // namespace wherry::json
