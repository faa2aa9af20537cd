#include "runtime/sysctl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/strings.h"

namespace wherry::runtime {
namespace {

constexpr std::array<std::string_view, 8> kIpc{
    "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem",
    "kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced"};

bool is_name_byte(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
         std::string_view("._-/*:@").contains(letter);
}

bool is_value_byte(char letter) {
  return letter == '\t' || (letter >= ' ' && letter < 0x7f);
}

// sysctl(8): the separator that comes first is the one meant; the other is then part of names
// ("net.ipv4.conf.eth0/1.rp_filter").
std::string path_of(std::string name) {
  const std::size_t first = name.find_first_of("./");
  if (first == std::string::npos || name[first] == '/') return name;
  for (char& letter : name) {
    if (letter == '.') letter = '/';
    else if (letter == '/') letter = '.';
  }
  return name;
}

bool has_odd_component(const std::string& path) {
  const auto parts = split(path, '/');
  return std::ranges::any_of(parts, [](std::string_view part) {
    return part.empty() || part == "." || part == "..";
  });
}

bool is_namespaced(const std::string& path, OwnNamespaces own) {
  if (path.starts_with("net/")) return own.network;
  if (path.starts_with("fs/mqueue/")) return own.ipc;
  if (path == "kernel/domainname") return own.uts;
  return own.ipc && std::ranges::find(kIpc, path) != kIpc.end();
}

}  // namespace

Result<std::string> sysctl_file(const std::string& name, const std::string& value,
                                OwnNamespaces own) {
  if (name.empty() || !std::ranges::all_of(name, is_name_byte) || has_odd_component(path_of(name)))
    return Error::invalid(fmt::format("invalid sysctl name {}", quote(name)));
  if (!std::ranges::all_of(value, is_value_byte))
    return Error::invalid(fmt::format("invalid value of sysctl {}", quote(name)));
  const std::string path = path_of(name);
  if (!is_namespaced(path, own))
    return Error::invalid(
        fmt::format("sysctl {} is not in a separate kernel namespace", quote(name)));
  return "sys/" + path;
}

}  // namespace wherry::runtime
