#include "engine/names.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/check.h"

namespace wherry::engine {
namespace {

constexpr std::array<std::string_view, 72> kAdjectives = {
    "able",    "agile",   "airy",    "amber",   "ample",   "azure",   "balmy",   "bold",
    "bonny",   "brave",   "breezy",  "bright",  "brisk",   "buoyant", "calm",    "candid",
    "clever",  "coastal", "copper",  "cosy",    "crisp",   "daring",  "deft",    "eager",
    "early",   "earnest", "fair",    "fleet",   "fond",    "frank",   "fresh",   "gentle",
    "gilded",  "glad",    "golden",  "hale",    "hardy",   "hearty",  "honest",  "jaunty",
    "jolly",   "keen",    "kind",    "lively",  "loyal",   "lucid",   "lunar",   "mellow",
    "merry",   "mighty",  "nimble",  "noble",   "patient", "placid",  "plucky",  "proud",
    "quiet",   "rapid",   "ready",   "robust",  "serene",  "silver",  "sleek",   "spry",
    "steady",  "sturdy",  "sunny",   "swift",   "tidal",   "trusty",  "upbeat",  "witty"};

constexpr std::array<std::string_view, 72> kSurnames = {
    "allen",     "amundsen",  "anning",   "archimedes", "babbage",   "backus",    "bartik",
    "beaufort",  "bering",    "boole",    "bowditch",   "cabot",     "carson",    "cerf",
    "church",    "codd",      "cook",     "cousteau",   "cray",      "curie",     "darwin",
    "diffie",    "dijkstra",  "drake",    "earhart",    "engelbart", "erdos",     "euler",
    "faraday",   "fermat",    "floyd",    "franklin",   "galileo",   "gauss",     "goldberg",
    "hamilton",  "hamming",   "harrison", "hellman",    "herschel",  "hoare",     "hollerith",
    "hopper",    "hypatia",   "kahn",     "kepler",     "kernighan", "kleene",    "knuth",
    "lamarr",    "lamport",   "leibniz",  "liskov",     "lovelace",  "magellan",  "maury",
    "mccarthy",  "meitner",   "mercator", "milner",     "nansen",    "neumann",   "noether",
    "pascal",    "perlman",   "ritchie",  "shackleton", "shannon",   "slocum",    "thompson",
    "turing",    "zuse"};

std::uint64_t random_number() {
  std::uint64_t number = 0;
  // 8 bytes are never short (getrandom(2)); before the pool is ready the call blocks.
  CHECK(::getrandom(&number, sizeof number, 0) == sizeof number);
  return number;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name_character(char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; }

}  // namespace

Result<std::string> checked_name(std::string_view name) {
  std::string_view bare = name;
  if (bare.starts_with('/')) bare.remove_prefix(1);
  const bool valid =
      bare.size() >= 2 && is_alphanumeric(bare.front()) && std::ranges::all_of(bare, is_name_character);
  if (valid) return std::string(bare);
  return Error::invalid(fmt::format(
      "Invalid container name ({}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name));
}

std::string generated_name(const std::function<bool(const std::string&)>& taken) {
  constexpr int kPlainAttempts = 6;
  for (int attempt = 0;; ++attempt) {
    const std::uint64_t number = random_number();
    std::string name = fmt::format("{}_{}", kAdjectives[number % kAdjectives.size()],
                                   kSurnames[(number >> 16) % kSurnames.size()]);
    if (attempt >= kPlainAttempts) name += std::to_string((number >> 32) % (10ULL << attempt % 20));
    if (!taken(name)) return name;
  }
}

}  // namespace wherry::engine
