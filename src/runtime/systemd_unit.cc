#include "runtime/systemd_unit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <optional>

#include "base/strings.h"

namespace wherry::runtime {
namespace {

constexpr std::size_t kLongestUnitName = 255;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kMicroseconds = 1'000'000;
constexpr std::uint64_t kQuotaStep = 10'000;  // systemd counts CPU time in hundredths of a CPU
constexpr std::uint64_t kHighestNumber = 8191;  // of a CPU or a node: CONFIG_NR_CPUS goes no further

bool is_unit_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestUnitName && std::ranges::all_of(name, [](unsigned char letter) {
    return std::isalnum(letter) != 0 || std::string_view(":-_.\\@").contains(static_cast<char>(letter));
  });
}

// Letters that a unit's name cannot have become \xHH, as systemd-escape(1) does it.
std::string escape(std::string_view id) {
  std::string name;
  for (const char letter : id)
    name += is_unit_name({&letter, 1}) ? std::string(1, letter) : fmt::format("\\x{:02x}", static_cast<unsigned char>(letter));
  return name;
}

Result<sys::DbusValue> amount(std::string_view text) {
  if (trim(text) == "max" || text.starts_with('-')) return sys::DbusValue(kNoLimit);
  const auto number = parse_u64(trim(text));
  if (!number) return Error::invalid(fmt::format("{} is not a number", quote(text)));
  return sys::DbusValue(*number);
}

// "0-2,7" as systemd's bit mask, the lowest byte first.
Result<sys::DbusValue> number_set(std::string_view text) {
  std::string mask;
  for (const std::string_view range : split(trim(text), ',')) {
    const auto ends = cut(range, '-');
    const auto first = parse_u64(trim(ends ? ends->before : range));
    const auto last = ends ? parse_u64(trim(ends->after)) : first;
    if (!first || !last || *last > kHighestNumber || *first > *last)
      return Error::invalid(fmt::format("{} is not a list of numbers", quote(text)));
    mask.resize(std::max<std::size_t>(mask.size(), *last / 8 + 1), '\0');
    for (std::uint64_t bit = *first; bit <= *last; ++bit) mask[bit / 8] = static_cast<char>(mask[bit / 8] | 1 << bit % 8);
  }
  return sys::DbusValue(sys::DbusBytes{mask});
}

// Quota and period in microseconds: a second's share, rounded up as systemd would round it down to nothing.
void add_quota(UnitProperties& to, std::optional<std::uint64_t> quota, std::uint64_t period) {
  std::uint64_t per_second = kNoLimit;
  if (quota && *quota < kNoLimit / kMicroseconds) {
    per_second = *quota * kMicroseconds / period;
    if (per_second % kQuotaStep != 0) per_second += kQuotaStep - per_second % kQuotaStep;
  }
  to.push_back({"CPUQuotaPeriodUSec", period});
  to.push_back({"CPUQuotaPerSecUSec", per_second});
}

Result<> add_cpu_max(UnitProperties& to, std::string_view text) {
  constexpr std::uint64_t kDefaultPeriod = 100'000;
  const auto parts = cut(trim(text), ' ');
  const std::string_view quota = parts ? parts->before : trim(text);
  const auto period = parts ? parse_u64(trim(parts->after)) : std::optional(kDefaultPeriod);
  const auto number = parse_u64(quota);
  if (!period || *period == 0 || (!number && quota != "max"))
    return Error::invalid(fmt::format("cpu.max: {}", quote(text)));
  add_quota(to, number, *period);
  return {};
}

struct LimitRow {
  std::string_view file;
  std::string_view property;
  Result<sys::DbusValue> (*value)(std::string_view);
};
constexpr std::array kLimits{
    LimitRow{"memory.max", "MemoryMax", amount},
    LimitRow{"memory.high", "MemoryHigh", amount},
    LimitRow{"memory.low", "MemoryLow", amount},
    LimitRow{"memory.min", "MemoryMin", amount},
    LimitRow{"memory.swap.max", "MemorySwapMax", amount},
    LimitRow{"memory.limit_in_bytes", "MemoryLimit", amount},
    LimitRow{"cpu.weight", "CPUWeight", amount},
    LimitRow{"cpu.shares", "CPUShares", amount},
    LimitRow{"pids.max", "TasksMax", amount},
    LimitRow{"cpuset.cpus", "AllowedCPUs", number_set},
    LimitRow{"cpuset.mems", "AllowedMemoryNodes", number_set}};

// v1 has quota and period in files of their own.
void add_quota_v1(UnitProperties& to, const std::vector<CgroupWrite>& writes) {
  constexpr std::uint64_t kDefaultPeriod = 100'000;
  std::optional<std::string> quota;
  std::uint64_t period = kDefaultPeriod;
  for (const CgroupWrite& write : writes) {
    if (write.file == "cpu.cfs_quota_us") quota = write.value;
    if (write.file == "cpu.cfs_period_us") period = parse_u64(write.value).value_or(kDefaultPeriod);
  }
  if (quota && period != 0) add_quota(to, parse_u64(*quota), period);
}

// The subset of GVariant's text form (g_variant_parse) that properties of units need.
class ValueText {
 public:
  explicit ValueText(std::string_view text) : left_(text) {}

  std::optional<sys::DbusValue> parse() {
    auto value = one();
    skip();
    return left_.empty() ? value : std::nullopt;
  }

 private:
  void skip() { left_ = left_.substr(std::min(left_.find_first_not_of(" \t"), left_.size())); }

  bool take(std::string_view word) {
    skip();
    if (!left_.starts_with(word)) return false;
    left_.remove_prefix(word.size());
    return true;
  }

  std::optional<sys::DbusValue> one() {
    if (take("true")) return sys::DbusValue(true);
    if (take("false")) return sys::DbusValue(false);
    if (take("@as")) return list();
    skip();
    if (left_.starts_with('[')) return list();
    if (left_.starts_with('\'') || left_.starts_with('"')) {
      auto text = string();
      return text ? std::optional<sys::DbusValue>(std::move(*text)) : std::nullopt;
    }
    if (take("uint64 ")) return number<std::uint64_t>();
    if (take("uint32 ")) return number<std::uint32_t>();
    if (take("int64 ")) return number<std::int64_t>();
    static_cast<void>(take("int32 "));
    return number<std::int32_t>();
  }

  template <typename Number>
  std::optional<sys::DbusValue> number() {
    skip();
    const std::size_t end = std::min(left_.find_first_of(" \t,]"), left_.size());
    const std::string_view digits = left_.substr(0, end);
    left_.remove_prefix(end);
    if constexpr (std::is_same_v<Number, std::uint64_t>) {
      const auto number = parse_u64(digits);
      return number ? std::optional<sys::DbusValue>(*number) : std::nullopt;
    } else {
      const auto number = parse_i64(digits);
      if (!number || !std::in_range<Number>(*number)) return std::nullopt;
      return sys::DbusValue(static_cast<Number>(*number));
    }
  }

  std::optional<std::string> string() {
    skip();
    if (left_.empty() || (left_[0] != '\'' && left_[0] != '"')) return std::nullopt;
    const char mark = left_[0];
    std::string text;
    for (std::size_t at = 1; at < left_.size(); ++at) {
      if (left_[at] == mark) {
        left_.remove_prefix(at + 1);
        return text;
      }
      if (left_[at] == '\\' && ++at == left_.size()) return std::nullopt;
      text.push_back(left_[at]);
    }
    return std::nullopt;
  }

  std::optional<sys::DbusValue> list() {
    std::vector<std::string> all;
    if (!take("[")) return std::nullopt;
    if (take("]")) return sys::DbusValue(all);
    while (true) {
      auto text = string();
      if (!text) return std::nullopt;
      all.push_back(std::move(*text));
      if (take("]")) return sys::DbusValue(all);
      if (!take(",")) return std::nullopt;
    }
  }

  std::string_view left_;
};

std::optional<std::uint64_t> whole_number(const sys::DbusValue& value) {
  return std::visit([]<typename Type>(const Type& content) -> std::optional<std::uint64_t> {
    if constexpr (std::is_integral_v<Type> && !std::is_same_v<Type, bool>)
      return content < Type{} ? std::nullopt : std::optional(static_cast<std::uint64_t>(content));
    else return std::nullopt;
  }, value);
}

// "TimeoutStopSec" in seconds is "TimeoutStopUSec" on the bus.
std::optional<UnitProperty> in_microseconds(const UnitProperty& property) {
  const auto seconds = whole_number(property.value);
  if (!seconds || *seconds > kNoLimit / kMicroseconds) return std::nullopt;
  return UnitProperty{property.name.substr(0, property.name.size() - 3) + "USec", *seconds * kMicroseconds};
}

bool is_property_name(std::string_view name) {
  return !name.empty() && std::isupper(static_cast<unsigned char>(name[0])) != 0 &&
         std::ranges::all_of(name, [](unsigned char letter) { return std::isalnum(letter) != 0; });
}

}  // namespace

Result<UnitName> unit_name(std::string_view cgroups_path, std::string_view id) {
  UnitName unit{.slice = "system.slice", .scope = fmt::format("wherry-{}.scope", escape(id))};
  if (!cgroups_path.empty()) {
    const auto parts = split(cgroups_path, ':');
    if (parts.size() != 3)
      return Error::invalid(fmt::format("linux.cgroupsPath: {} is not of the form slice:prefix:name, which systemd needs", quote(cgroups_path)));
    if (!parts[0].empty()) unit.slice = parts[0];
    unit.scope = parts[1].empty() ? fmt::format("{}.scope", escape(parts[2]))
                                  : fmt::format("{}-{}.scope", escape(parts[1]), escape(parts[2]));
    if (parts[2].empty()) return Error::invalid("linux.cgroupsPath: the scope has no name");
  }
  if (!unit.slice.ends_with(".slice") || !is_unit_name(unit.slice))
    return Error::invalid(fmt::format("linux.cgroupsPath: {} is not a slice", quote(unit.slice)));
  if (!is_unit_name(unit.scope))
    return Error::invalid(fmt::format("linux.cgroupsPath: {} is not a name for a scope", quote(unit.scope)));
  return unit;
}

Result<UnitProperties> unit_limits(const std::vector<CgroupWrite>& writes) {
  UnitProperties properties;
  for (const CgroupWrite& write : writes) {
    if (write.file == "cpu.max") TRY(add_cpu_max(properties, write.value));
    const auto row = std::ranges::find(kLimits, write.file, &LimitRow::file);
    if (row == kLimits.end()) continue;
    properties.push_back({std::string(row->property), TRY_AS(std::string(row->file), row->value(write.value))});
  }
  add_quota_v1(properties, writes);
  return properties;
}

Result<UnitProperties> annotated_properties(const std::map<std::string, std::string>& annotations) {
  constexpr std::string_view kPrefix = "org.systemd.property.";
  UnitProperties properties;
  for (const auto& [key, text] : annotations) {
    if (!key.starts_with(kPrefix)) continue;
    UnitProperty property{.name = key.substr(kPrefix.size()), .value = {}};
    auto value = ValueText(text).parse();
    std::optional<UnitProperty> whole;
    if (value && is_property_name(property.name)) {
      property.value = std::move(*value);
      whole = property.name.ends_with("Sec") && !property.name.ends_with("USec") ? in_microseconds(property) : property;
    }
    if (!whole) return Error::invalid(fmt::format("annotation {}: {} is not a property's value", key, quote(text)));
    properties.push_back(std::move(*whole));
  }
  return properties;
}

}  // namespace wherry::runtime
