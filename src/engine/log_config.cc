#include "engine/log_config.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/strings.h"
#include "engine/unavailable.h"
#include "spec/json.h"
#include "spec/json.h"

namespace wherry::engine {
namespace {

using spec::docker::items;
using Options = std::map<std::string, std::string>;

constexpr std::array<std::string_view, 9> kOtherDrivers = {
    "local", "journald", "syslog", "gelf", "fluentd", "awslogs", "splunk", "gcplogs", "etwlogs"};
constexpr std::array<std::string_view, 9> kJsonFileOptions = {
    "max-size", "max-file", "mode",      "max-buffer-size", "labels",
    "labels-regex", "env",   "env-regex", "tag"};
constexpr std::array<std::string_view, 2> kOptionsOfEveryDriver = {"mode", "max-buffer-size"};
constexpr std::uint64_t kDefaultBuffer = 1 << 20;

std::string option(const Options& options, const std::string& key) {
  const auto found = options.find(key);
  return found == options.end() ? "" : found->second;
}

// What {{.X}} in a tag stands for.
std::map<std::string, std::string> tag_fields(const ContainerRecord& record) {
  const std::string image = record.image_id.substr(record.image_id.find(':') + 1);
  std::string command = record.path;
  for (const std::string& argument : record.args) command += " " + argument;
  return {{"ID", record.id.short_form()},      {"FullID", record.id.str()},
          {"Name", record.name},               {"ImageID", image.substr(0, 12)},
          {"ImageFullID", record.image_id},    {"ImageName", record.config.image},
          {"Command", command},                {"DaemonName", "wherry"}};
}

// Tags hold plain fields only; Go's functions and pipelines are refused, not half done.
Result<std::string> render_tag(std::string_view text, const ContainerRecord& record) {
  const auto fields = tag_fields(record);
  std::string rendered;
  while (!text.empty()) {
    const std::size_t open = text.find("{{");
    rendered += text.substr(0, open);
    if (open == text.npos) break;
    const std::size_t close = text.find("}}", open);
    const std::string_view name =
        close == text.npos ? "" : trim(text.substr(open + 2, close - open - 2));
    const auto found = name.starts_with('.') ? fields.find(std::string(name.substr(1))) : fields.end();
    if (found == fields.end()) return flag_not_available(fmt::format("--log-opt tag={}", text));
    rendered += found->second;
    text.remove_prefix(close + 2);
  }
  return rendered;
}

bool is_selected(const Options& options, const std::string& list_key, const std::string& name) {
  const std::string list = option(options, list_key);
  for (const std::string_view wanted : split(list, ','))
    if (trim(wanted) == name && !name.empty()) return true;
  const std::string pattern = option(options, list_key + "-regex");
  return !pattern.empty() && RE2::PartialMatch(name, RE2(pattern, RE2::Quiet));
}

Result<std::string> attributes_of(const ContainerRecord& record, const Options& options) {
  Options attributes;
  for (const auto& [key, value] : items(record.config.labels))
    if (is_selected(options, "labels", key)) attributes[key] = value;
  for (const std::string& entry : items(record.config.env)) {
    const auto pair = cut(entry, '=');
    if (pair && is_selected(options, "env", std::string(pair->before)))
      attributes[std::string(pair->before)] = std::string(pair->after);
  }
  if (const std::string tag = option(options, "tag"); !tag.empty())
    attributes["tag"] = TRY(render_tag(tag, record));
  return attributes.empty() ? std::string() : json::write(attributes);
}

Result<> check_mode(const Options& options) {
  const std::string mode = option(options, "mode");
  if (!mode.empty() && mode != "blocking" && mode != "non-blocking")
    return Error::invalid(fmt::format("logger: logging mode not supported: {}", mode));
  const std::string buffer = option(options, "max-buffer-size");
  if (buffer.empty()) return {};
  if (mode != "non-blocking")
    return Error::invalid(
        "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  if (!parse_size(buffer))
    return Error::invalid(fmt::format("error parsing option max-buffer-size: invalid size: '{}'", buffer));
  return {};
}

Result<> check_json_file_values(const Options& options) {
  const std::string size = option(options, "max-size");
  if (!size.empty() && size != "-1") {
    if (TRY(parse_size(size)) <= 0) return Error::invalid("max-size must be a positive number");
  }
  const std::string files = option(options, "max-file");
  if (!files.empty()) {
    const auto count = parse_u64(files);
    if (!count || *count < 1 || *count > 1000) return Error::invalid("max-file cannot be less than 1");
  }
  for (const char* key : {"labels-regex", "env-regex"})
    if (const RE2 pattern(option(options, key), RE2::Quiet); !pattern.ok())
      return Error::invalid(fmt::format("failed to compile {}: {}", key, pattern.error()));
  return {};
}

Result<> check_options(const std::string& driver, const Options& options) {
  const std::span<const std::string_view> known =
      driver == "json-file" ? std::span<const std::string_view>(kJsonFileOptions)
                            : std::span<const std::string_view>(kOptionsOfEveryDriver);
  for (const auto& [key, value] : options) {
    if (key == "compress" && driver == "json-file") {
      if (value == "false") continue;
      return flag_not_available("--log-opt compress");
    }
    if (key.starts_with("cache-")) return flag_not_available("--log-opt " + key);
    if (std::ranges::find(known, key) == known.end())
      return Error::invalid(fmt::format("unknown log opt '{}' for {} log driver", key, driver));
  }
  TRY(check_mode(options));
  return driver == "json-file" ? check_json_file_values(options) : Result<>();
}

}  // namespace

Result<std::int64_t> parse_size(std::string_view text) {
  const Error invalid = Error::invalid(fmt::format("invalid size: '{}'", text));
  const std::size_t end = text.find_first_not_of("0123456789.");
  std::string number(text.substr(0, end));
  std::string unit = end == text.npos ? "" : to_lower(trim(text.substr(end)));
  if (unit.ends_with("ib")) unit.resize(unit.size() - 2);
  else if (unit.size() == 2 && unit.ends_with('b')) unit.resize(1);
  constexpr std::string_view units = "bkmgtp";
  const std::size_t power = unit.empty() ? 0 : units.find(unit);
  if (number.empty() || unit.size() > 1 || power == units.npos) return Error(invalid);
  const std::string whole = number.substr(0, number.find('.'));
  const auto value = parse_u64(whole);
  if (!value || std::ranges::count(number, '.') > 1) return Error(invalid);
  double bytes = static_cast<double>(*value);
  if (const std::size_t point = number.find('.'); point != number.npos) {
    const auto fraction = parse_u64(number.substr(point + 1));
    if (!fraction) return Error(invalid);
    bytes += static_cast<double>(*fraction) / std::pow(10.0, static_cast<double>(number.size() - point - 1));
  }
  bytes *= std::pow(1024.0, static_cast<double>(power));
  if (bytes > 9e18) return Error(invalid);
  return static_cast<std::int64_t>(bytes);
}

Result<> settle_log_config(spec::docker::LogConfig& config, const std::string& default_driver,
                           const Options& default_options) {
  if (!config.config) config.config.emplace();
  if (config.type.empty()) config.type = default_driver;
  if (config.type == default_driver)
    config.config->insert(default_options.begin(), default_options.end());
  if (std::ranges::find(kOtherDrivers, config.type) != kOtherDrivers.end())
    return flag_not_available("--log-driver " + config.type);
  if (config.type != "json-file" && config.type != "none")
    return Error::invalid(
        fmt::format("error looking up logging plugin {0}: plugin \"{0}\" not found", config.type));
  return check_options(config.type, *config.config);
}

Result<keeper::LogOptions> log_options_of(const ContainerRecord& record) {
  const spec::docker::LogConfig& config = record.host_config.log_config;
  keeper::LogOptions log;
  if (config.type == "none") return log;
  const Options& options = items(config.config);
  log.driver = keeper::LogDriver::JsonFile;
  log.file_name = record.id.str() + "-json.log";
  if (option(options, "mode") == "non-blocking") log.mode = keeper::LogMode::NonBlocking;
  log.max_buffer = kDefaultBuffer;
  if (const std::string buffer = option(options, "max-buffer-size"); !buffer.empty())
    log.max_buffer = static_cast<std::uint64_t>(TRY(parse_size(buffer)));
  if (const std::string size = option(options, "max-size"); !size.empty() && size != "-1")
    log.max_size = TRY(parse_size(size));
  if (const std::string files = option(options, "max-file"); !files.empty())
    log.max_files = static_cast<std::uint32_t>(parse_u64(files).value_or(1));
  log.attributes = TRY(attributes_of(record, options));
  return log;
}

}  // namespace wherry::engine
