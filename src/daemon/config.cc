#include "daemon/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>

#include "base/strings.h"
#include "spec/json.h"
#include "sys/fd.h"

namespace wherry::daemon {
namespace {

Error usage_error(std::string_view what) {
  return Error::invalid(fmt::format("{}\nSee 'wherryd --help'.", what));
}

Error not_available(const Option& option) {
  if (option.flag.empty())
    return {ErrorKind::NotImplemented,
            fmt::format("wherryd: directive '{}' is not available in wherry " WHERRY_VERSION,
                        option.key)};
  return {
      ErrorKind::NotImplemented,
      fmt::format("wherryd: flag '--{}' is not available in wherry " WHERRY_VERSION, option.flag)};
}

// Walks over the arguments with pflag's grammar.
class FlagParser {
 public:
  explicit FlagParser(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  Result<Settings> parse() {
    for (; next_ < arguments_.size(); ++next_) {
      const std::string& argument = arguments_[next_];
      if (argument.starts_with("--") && argument.size() > 2)
        TRY(take_long(argument.substr(2)));
      else if (argument.starts_with('-') && argument.size() > 1)
        TRY(take_short(argument.substr(1)));
      else
        return usage_error("\"wherryd\" accepts no arguments.");
    }
    return std::move(settings_);
  }

 private:
  Result<> take_long(const std::string& text) {
    const auto halves = cut(text, '=');
    const std::string name(halves ? halves->before : text);
    const Option* option = find_flag(name);
    if (option == nullptr) return usage_error(fmt::format("unknown flag: --{}", name));
    if (halves) return add(*option, std::string(halves->after));
    if (option->kind == Kind::Bool) return add(*option, "true");
    return add(*option, TRY(following(fmt::format("--{}", name))));
  }

  // "DH unix://x", "Hunix://x", "lwarn".
  Result<> take_short(const std::string& letters) {
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const Option* option = find_shorthand(letters[i]);
      if (option == nullptr)
        return usage_error(fmt::format("unknown shorthand flag: '{}' in -{}", letters[i], letters));
      std::string rest = letters.substr(i + 1);
      if (rest.starts_with('=')) return add(*option, rest.substr(1));
      if (option->kind == Kind::Bool) {
        TRY(add(*option, "true"));
        continue;
      }
      if (!rest.empty()) return add(*option, std::move(rest));
      return add(*option, TRY(following(fmt::format("'{}' in -{}", letters[i], letters))));
    }
    return {};
  }

  Result<std::string> following(const std::string& name) {
    if (next_ + 1 >= arguments_.size())
      return usage_error(fmt::format("flag needs an argument: {}", name));
    return arguments_[++next_];
  }

  Result<> add(const Option& option, std::string value) {
    if (option.apply == nullptr) return not_available(option);
    settings_[&option].push_back(std::move(value));
    return {};
  }

  const std::vector<std::string>& arguments_;
  std::size_t next_ = 0;
  Settings settings_;
};

Error file_error(const std::string& path, std::string_view why) {
  return Error::invalid(
      fmt::format("unable to configure the Docker daemon with file {}: {}", path, why));
}

Result<std::string> scalar_text(std::string_view key, const json::Value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return std::string(value.get_bool() ? "true" : "false");
  if (value.is_number()) return json::write_value(value);
  return Error::invalid(fmt::format("directive '{}' has a value of the wrong type", key));
}

// {"base": "10.0.0.0/8", "size": 24} as the flag has it.
Result<std::string> object_text(std::string_view key, const json::Value& value) {
  if (!value.is_object())
    return Error::invalid(fmt::format("directive '{}' has a value of the wrong type", key));
  std::string text;
  for (const auto& member : value.get_object())
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", std::string_view(member.key()),
                        TRY(scalar_text(key, member.value())));
  return text;
}

Result<Values> values_of(const Option& option, const json::Value& value) {
  const auto wrong = [&] {
    return Error::invalid(fmt::format("directive '{}' has a value of the wrong type", option.key));
  };
  Values values;
  switch (option.kind) {
    case Kind::List:
      if (!value.is_array()) return wrong();
      for (const json::Value& entry : value.get_array())
        values.push_back(TRY(scalar_text(option.key, entry)));
      return values;
    case Kind::Map:
      if (!value.is_object()) return wrong();
      for (const auto& entry : value.get_object()) {
        const std::string text = TRY(scalar_text(option.key, entry.value()));
        values.push_back(fmt::format("{}={}", std::string_view(entry.key()), text));
      }
      return values;
    case Kind::Objects:
      if (!value.is_array()) return wrong();
      for (const json::Value& entry : value.get_array())
        values.push_back(TRY(object_text(option.key, entry)));
      return values;
    case Kind::Bool:
      if (!value.is_bool()) return wrong();
      [[fallthrough]];
    case Kind::Text: values.push_back(TRY(scalar_text(option.key, value))); return values;
  }
  return wrong();
}

std::string shown(const Option& option, const Values& values) {
  if (option.kind != Kind::Text && option.kind != Kind::Bool)
    return fmt::format("[{}]", join(values, " "));
  return values.back();
}

Result<> refuse_conflicts(const Settings& flags, const Settings& file, const std::string& path) {
  std::string conflicts;
  for (const auto& [option, values] : file) {
    const auto flag = flags.find(option);
    if (flag == flags.end()) continue;
    conflicts += fmt::format("{}{}: (from flag: {}, from file: {})", conflicts.empty() ? "" : ", ",
                             option->key, shown(*option, flag->second), shown(*option, values));
  }
  if (conflicts.empty()) return {};
  return file_error(path,
                    "the following directives are specified both as a flag and in the "
                    "configuration file: " +
                        conflicts);
}

Result<> apply(Config& config, const Settings& settings) {
  for (const auto& [option, values] : settings) {
    if (values.empty()) continue;
    config.given[std::string(option->key.empty() ? option->flag : option->key)] = values;
    auto done = option->apply(config, values);
    if (done) continue;
    if (done.error().kind() == ErrorKind::NotImplemented) return done;
    return std::move(done).error().within(
        fmt::format("invalid value for \"{}\"", option->flag.empty() ? option->key : option->flag));
  }
  return {};
}

}  // namespace

Result<Settings> parse_flags(const std::vector<std::string>& arguments) {
  return FlagParser(arguments).parse();
}

Result<Settings> parse_file(std::string_view text, const std::string& path) {
  Settings settings;
  if (trim(text).empty()) return settings;
  const auto document = json::parse_value(text);
  if (!document) return file_error(path, document.error().message());
  if (!document->is_object()) return file_error(path, "want a JSON object");
  std::string unknown;
  for (const auto& entry : document->get_object()) {
    const Option* option = find_key(std::string_view(entry.key()));
    if (option == nullptr) {
      unknown += (unknown.empty() ? "" : ", ") + std::string(entry.key());
      continue;
    }
    if (option->apply == nullptr) return not_available(*option);
    auto values = values_of(*option, entry.value());
    if (!values) return file_error(path, values.error().message());
    settings[option] = std::move(*values);
  }
  if (!unknown.empty())
    return file_error(path,
                      "the following directives don't match any configuration option: " + unknown);
  return settings;
}

Changes changes_between(const Config& before, const Config& after) {
  constexpr std::array<std::string_view, 6> kLive = {"debug",
                                                     "insecure-registries",
                                                     "labels",
                                                     "max-concurrent-downloads",
                                                     "registry-mirrors",
                                                     "shutdown-timeout"};
  const auto text_of = [](const Config& config, const std::string& key) {
    const auto found = config.given.find(key);
    return found == config.given.end() ? "default" : fmt::format("[{}]", join(found->second, " "));
  };
  std::map<std::string, Values> keys = before.given;
  keys.insert(after.given.begin(), after.given.end());
  Changes changes;
  for (const auto& [key, values] : keys) {
    const std::string old_text = text_of(before, key);
    const std::string new_text = text_of(after, key);
    if (old_text == new_text) continue;
    if (std::ranges::find(kLive, key) == kLive.end())
      changes.ignored.push_back(key);
    else
      changes.taken.push_back(fmt::format("{}: {} -> {}", key, old_text, new_text));
  }
  return changes;
}

Result<Config> load_config(const std::vector<std::string>& arguments) {
  Config config;
  const Settings flags = TRY(parse_flags(arguments));
  TRY(apply(config, flags));
  if (config.show_help || config.show_version) return config;

  const auto text = sys::read_file(config.config_file.c_str());
  const bool named = flags.contains(find_flag("config-file"));
  if (!text && (named || text.error().errno_value() != ENOENT))
    return file_error(config.config_file, text.error().message());
  if (text) {
    const Settings file = TRY(parse_file(*text, config.config_file));
    TRY(refuse_conflicts(flags, file, config.config_file));
    TRY(apply(config, file));
  }
  TRY(network::check_default_bridge(config.engine.bridge, config.engine.mtu));
  if (config.pidfile.empty()) config.pidfile = config.engine.exec_root + "/wherryd.pid";
  if (config.hosts.empty()) config.hosts = {"unix:///run/wherry/wherry.sock"};
  config.engine.pidfile = config.pidfile;
  return config;
}

}  // namespace wherry::daemon
