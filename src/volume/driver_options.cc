#include "volume/driver_options.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/strings.h"
#include "sys/mount_options.h"

namespace wherry::volume {
namespace {

using sys::DetachedMount;

constexpr std::array<std::string_view, 4> kKnown = {"type", "o", "device", "size"};

// docker's rule: which option needs which others.
struct Need {
  std::string_view option;
  std::string_view needs;
};
constexpr std::array kNeeds = {Need{"device", "type"}, Need{"type", "device"}, Need{"o", "device"},
                               Need{"o", "type"}};

std::string option(const Pairs& options, const char* name) {
  if (!options) return "";
  const auto found = options->find(name);
  return found == options->end() ? "" : found->second;
}

std::vector<std::string> words_of(const Pairs& options) {
  std::vector<std::string> words;
  const std::string text = option(options, "o");
  if (text.empty()) return words;
  for (const std::string_view word : split(text, ',')) words.emplace_back(word);
  return words;
}

bool says_bind(const std::vector<std::string>& words) {
  return std::ranges::any_of(words, [](const auto& word) { return word == "bind" || word == "rbind"; });
}

// The kernel takes numbers only; a name would need a resolver here.
Result<> check_address(const sys::MountOptions& parsed) {
  for (const sys::MountOption& data : parsed.data) {
    if (data.key != "addr") continue;
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    const bool number = ::inet_pton(AF_INET, data.value.c_str(), bytes.data()) == 1 ||
                        ::inet_pton(AF_INET6, data.value.c_str(), bytes.data()) == 1;
    if (!number)
      return Error(ErrorKind::NotImplemented,
                   fmt::format("wherry: a host name in 'addr={}' is not available in wherry {}: use "
                               "its address",
                               data.value, WHERRY_VERSION));
  }
  return {};
}

Result<DetachedMount> make_bind(const std::string& device, const sys::MountOptions& parsed) {
  using Recursive = DetachedMount::Recursive;
  DetachedMount made = TRY(DetachedMount::clone({}, device, parsed.recursive_bind ? Recursive::Yes : Recursive::No));
  TRY(made.change({.propagation = MS_PRIVATE, .recursive = Recursive::Yes}));
  if (parsed.set != 0 || parsed.clear != 0) TRY(made.change({.set = parsed.set, .clear = parsed.clear}));
  return made;
}

}  // namespace

Result<> check_options(const Pairs& options) {
  if (!options || options->empty()) return {};
  for (const auto& [name, value] : *options)
    if (std::ranges::find(kKnown, name) == kKnown.end())
      return Error::invalid(fmt::format("invalid option: {}", quote(name)));
  if (options->contains("size"))
    return Error(ErrorKind::NotImplemented,
                 "wherry: volume option 'size' is not available in wherry " WHERRY_VERSION);
  for (const Need& need : kNeeds)
    if (options->contains(std::string(need.option)) && option(options, need.needs.data()).empty())
      return Error::invalid(fmt::format("missing required option: {}", quote(need.needs)));
  return {};
}

Backing backing_of(const Pairs& options) {
  const std::string type = option(options, "type");
  if (type.empty()) return Backing::Directory;
  if (says_bind(words_of(options))) return Backing::Bind;
  return type == "tmpfs" ? Backing::Memory : Backing::FileSystem;
}

Result<DetachedMount> make_mount(const Pairs& options) {
  const std::string type = option(options, "type");
  const std::string device = option(options, "device");
  const sys::MountOptions parsed = TRY(sys::parse_mount_options(words_of(options)));
  if (parsed.id_mapped) return Error(ErrorKind::Unsupported, "mount option idmap is not supported for a volume");
  TRY(check_address(parsed));
  if (parsed.bind) return make_bind(device, parsed);
  std::vector<sys::MountOption> data = parsed.data;
  data.insert(data.begin(), {"source", device, false});
  return DetachedMount::create(type, data, parsed.set);
}

}  // namespace wherry::volume
