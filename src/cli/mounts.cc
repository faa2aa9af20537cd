#include "cli/mounts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/strings.h"
#include "cli/values.h"

namespace wherry::cli {
namespace {

namespace bj = boost::json;

// One record of comma-separated values; a field may stand in double quotes.
Result<std::vector<std::string>> csv_fields(std::string_view text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      fields.back() += text[++i];
    } else if (c == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c == '"') {
      return Error::invalid(
          fmt::format("parse error on line 1, column {}: bare \" in non-quoted-field", i + 1));
    } else {
      fields.back() += c;
    }
  }
  if (quoted)
    return Error::invalid(
        fmt::format("parse error on line 1, column {}: extraneous or missing \" in quoted-field",
                    text.size() + 1));
  return fields;
}

struct Option {
  std::string key;
  std::string value;
  bool has_value;
  std::string field;
};

Error bad_value(const Option& option) {
  return Error::invalid(fmt::format("invalid value for {}: {}", option.key, option.value));
}

class MountParser {
 public:
  Result<> apply(const Option& option);
  Result<bj::value> finish();

 private:
  Result<> apply_common(const Option& option, bool& known);
  Result<> apply_bind(const Option& option);
  Result<> apply_volume(const Option& option);
  Result<> apply_tmpfs(const Option& option);
  Result<> check_mix() const;
  bj::value write() const;

  std::string type_ = "volume";
  std::string source_;
  std::string target_;
  std::string consistency_;
  bool read_only_ = false;
  std::string recursive_;
  bj::object bind_;
  bj::object volume_;
  bool volume_used_ = false;
  bj::object driver_;
  bj::object tmpfs_;
  bool image_ = false;
  bj::object image_options_;
};

// A flag-like option: present alone means true.
Result<bool> truth(const Option& option) {
  if (!option.has_value) return true;
  const auto parsed = parse_bool(option.value);
  if (!parsed) return bad_value(option);
  return *parsed;
}

Result<> MountParser::apply_common(const Option& option, bool& known) {
  known = true;
  if (option.key == "type") {
    type_ = to_lower(option.value);
  } else if (option.key == "source" || option.key == "src") {
    source_ = option.value;
    if (option.value.starts_with("./") || option.value.starts_with("../") || option.value == "." ||
        option.value == "..") {
      source_ = TRY(parse_volume(option.value + ":/")).text;
      source_.resize(source_.size() - 2);
    }
  } else if (option.key == "target" || option.key == "dst" || option.key == "destination") {
    target_ = option.value;
  } else if (option.key == "readonly" || option.key == "ro") {
    read_only_ = TRY(truth(option));
  } else if (option.key == "consistency") {
    consistency_ = to_lower(option.value);
  } else {
    known = false;
  }
  return {};
}

Result<> MountParser::apply_bind(const Option& option) {
  if (option.key == "bind-propagation") {
    bind_["Propagation"] = to_lower(option.value);
  } else if (option.key == "bind-nonrecursive") {
    if (TRY(truth(option))) bind_["NonRecursive"] = true;
  } else if (option.key == "bind-recursive") {
    if (option.value == "disabled") {
      bind_["NonRecursive"] = true;
    } else if (option.value == "writable") {
      bind_["ReadOnlyNonRecursive"] = true;
    } else if (option.value == "readonly") {
      bind_["ReadOnlyForceRecursive"] = true;
    } else if (option.value != "enabled") {
      return Error::invalid(
          fmt::format("invalid value for bind-recursive: {} (must be \"enabled\", \"disabled\", "
                      "\"writable\", or \"readonly\")",
                      option.value));
    }
    recursive_ = option.value;
  } else if (option.key == "idmap") {
    bind_["IDMap"] = option.has_value ? option.value : "owner";
  } else {
    return Error::invalid(fmt::format("unexpected key '{}' in '{}'", option.key, option.field));
  }
  return {};
}

void add_pair(bj::object& object, std::string_view name, std::string_view pair) {
  const auto parts = cut(pair, '=');
  bj::value& map = object[name];
  if (!map.is_object()) map = bj::object();
  const std::string_view value = parts ? parts->after : std::string_view{};
  map.as_object()[parts ? parts->before : pair] = bj::string(value);
}

Result<> MountParser::apply_volume(const Option& option) {
  if (option.key == "volume-nocopy") {
    if (TRY(truth(option))) volume_["NoCopy"] = true;
    volume_used_ = true;
  } else if (option.key == "volume-label") {
    add_pair(volume_, "Labels", option.value);
  } else if (option.key == "volume-subpath") {
    volume_["Subpath"] = option.value;
  } else if (option.key == "volume-driver") {
    driver_["Name"] = option.value;
  } else if (option.key == "volume-opt") {
    add_pair(driver_, "Options", option.value);
  } else {
    return Error::invalid(fmt::format("unexpected key '{}' in '{}'", option.key, option.field));
  }
  return {};
}

Result<> MountParser::apply_tmpfs(const Option& option) {
  if (option.key == "tmpfs-size") {
    const auto size = parse_memory(option.value);
    if (!size) return bad_value(option);
    tmpfs_["SizeBytes"] = *size;
  } else if (option.key == "tmpfs-mode") {
    unsigned mode = 0;
    const char* const end = option.value.data() + option.value.size();
    const auto parsed = std::from_chars(option.value.data(), end, mode, 8);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return bad_value(option);
    tmpfs_["Mode"] = mode;
  } else {
    return Error::invalid(fmt::format("unexpected key '{}' in '{}'", option.key, option.field));
  }
  return {};
}

Result<> MountParser::apply(const Option& option) {
  static constexpr std::array<std::string_view, 5> kAlone = {"readonly", "ro", "volume-nocopy",
                                                             "bind-nonrecursive", "idmap"};
  bool alone = false;
  for (const std::string_view name : kAlone) alone = alone || option.key == name;
  if (!option.has_value && !alone) {
    return Error::invalid(fmt::format("invalid field '{}' must be a key=value pair", option.field));
  }
  bool known = false;
  TRY(apply_common(option, known));
  if (known) return {};
  if (option.key.starts_with("bind-") || option.key == "idmap") return apply_bind(option);
  if (option.key.starts_with("volume-")) return apply_volume(option);
  if (option.key.starts_with("tmpfs-")) return apply_tmpfs(option);
  if (option.key == "image-subpath") {
    image_ = true;
    image_options_["Subpath"] = option.value;
    return {};
  }
  return Error::invalid(fmt::format("unexpected key '{}' in '{}'", option.key, option.field));
}

Result<> MountParser::check_mix() const {
  const auto mixed = [&](std::string_view group) {
    return Error::invalid(
        fmt::format("cannot mix '{}-*' options with mount type '{}'", group, type_));
  };
  if (type_.empty()) return Error::invalid("type is required");
  if (target_.empty()) return Error::invalid("target is required");
  if (type_ != "volume" && (volume_used_ || !volume_.empty() || !driver_.empty()))
    return mixed("volume");
  if (type_ != "bind" && !(bind_.empty() && recursive_.empty())) return mixed("bind");
  if (type_ != "tmpfs" && !tmpfs_.empty()) return mixed("tmpfs");
  if (type_ != "image" && image_) return mixed("image");
  if (recursive_ != "readonly") return {};
  if (!read_only_)
    return Error::invalid(
        "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
  const auto* propagation = bind_.if_contains("Propagation");
  if (propagation == nullptr || *propagation != bj::value("rprivate")) {
    return Error::invalid(
        "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in "
        "conjunction");
  }
  return {};
}

bj::value MountParser::write() const {
  bj::object mount;
  mount["Type"] = type_;
  if (!source_.empty()) mount["Source"] = source_;
  mount["Target"] = target_;
  if (read_only_) mount["ReadOnly"] = true;
  if (!consistency_.empty()) mount["Consistency"] = consistency_;
  if (!bind_.empty()) mount["BindOptions"] = bind_;
  if (volume_used_ || !volume_.empty() || !driver_.empty()) {
    bj::object options;
    for (const std::string_view key : {"NoCopy", "Labels", "Subpath"}) {
      if (const auto* value = volume_.if_contains(key)) options[key] = *value;
    }
    options["DriverConfig"] = driver_;
    mount["VolumeOptions"] = options;
  }
  if (image_) mount["ImageOptions"] = image_options_;
  if (!tmpfs_.empty()) mount["TmpfsOptions"] = tmpfs_;
  return mount;
}

Result<bj::value> MountParser::finish() {
  TRY(check_mix());
  return write();
}

std::string absolute(std::string_view path) {
  std::array<char, PATH_MAX> here{};
  std::string joined = ::getcwd(here.data(), here.size()) == nullptr ? "" : here.data();
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      joined.resize(std::min(joined.rfind('/'), joined.size()));
    } else {
      joined.append("/").append(part);
    }
  }
  return joined.empty() ? "/" : joined;
}

}  // namespace

Result<bj::value> parse_mount(std::string_view text) {
  const std::string trimmed(trim(text));
  if (trimmed.empty()) return Error::invalid("EOF");
  MountParser parser;
  for (const std::string& field : TRY(csv_fields(trimmed))) {
    const auto pair = cut(field, '=');
    Option option{.key = to_lower(pair ? pair->before : std::string_view(field)),
                  .value = pair ? std::string(pair->after) : "",
                  .has_value = pair.has_value(),
                  .field = field};
    if (!trim(option.key).size())
      return Error::invalid(fmt::format("invalid field '{}' must be a key=value pair", field));
    TRY(parser.apply(option));
  }
  return parser.finish();
}

Result<Volume> parse_volume(std::string_view text) {
  const auto parts = cut(text, ':');
  if (!parts) return Volume{.anonymous = true, .text = std::string(text)};
  const std::vector<std::string_view> sections = split(text, ':');
  if (std::ranges::any_of(sections, [](std::string_view section) { return section.empty(); }))
    return Error::invalid(fmt::format("invalid spec: {}: empty section between colons", text));
  const std::string_view source = parts->before;
  const bool relative =
      source == "." || source == ".." || source.starts_with("./") || source.starts_with("../");
  if (!relative) return Volume{.text = std::string(text)};
  return Volume{.text = fmt::format("{}:{}", absolute(source), parts->after)};
}

}  // namespace wherry::cli
