#include "sys/id_map.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/strings.h"
#include "sys/socket.h"
#include "sys/spawn.h"

namespace wherry::sys {
namespace {

constexpr std::uint32_t kHighestId = std::numeric_limits<std::uint32_t>::max() - 1;  // the last says "none"
constexpr int kPatience_ms = 10'000;

Error bad_maps(std::string_view text, std::string_view why) {
  return Error::invalid(fmt::format("invalid idmap {}: {}", quote(text), why));
}

std::optional<IdRange> parse_range(std::string_view text) {
  const auto parts = split(text, '-');
  if (parts.size() != 3) return std::nullopt;
  const auto on_disk = parse_u64(parts[0]);
  const auto seen = parse_u64(parts[1]);
  const auto count = parse_u64(parts[2]);
  if (!on_disk || !seen || !count || *count == 0) return std::nullopt;
  if (*on_disk > kHighestId || *seen > kHighestId || *count > kHighestId) return std::nullopt;
  if (*on_disk + *count - 1 > kHighestId || *seen + *count - 1 > kHighestId) return std::nullopt;
  return IdRange{static_cast<std::uint32_t>(*on_disk), static_cast<std::uint32_t>(*seen),
                 static_cast<std::uint32_t>(*count)};
}

bool overlap(std::uint64_t a, std::uint64_t b, std::uint64_t a_count, std::uint64_t b_count) {
  return a < b + b_count && b < a + a_count;
}

bool collides(const IdRange& a, const IdRange& b) {
  return overlap(a.on_disk, b.on_disk, a.count, b.count) || overlap(a.seen, b.seen, a.count, b.count);
}

Result<std::vector<IdRange>> parse_ranges(std::string_view whole, std::string_view text) {
  std::vector<IdRange> ranges;
  for (const std::string_view part : split(text, '#')) {
    const auto range = parse_range(part);
    if (!range) return bad_maps(whole, "a range is ON-DISK-ID, SEEN-ID and COUNT, as in 1000-0-1");
    if (std::ranges::any_of(ranges, [&](const IdRange& other) { return collides(other, *range); }))
      return bad_maps(whole, "ranges overlap");
    ranges.push_back(*range);
    if (ranges.size() > kMostIdRanges) return bad_maps(whole, fmt::format("more than {} ranges", kMostIdRanges));
  }
  return ranges;
}

// user_namespaces(7): inside the namespace is what a mount takes for the ids on the disk.
std::string kernel_lines(const std::vector<IdRange>& ranges) {
  std::string lines;
  for (const IdRange& range : ranges) lines += fmt::format("{} {} {}\n", range.on_disk, range.seen, range.count);
  return lines;
}

}  // namespace

Result<IdMaps> parse_id_maps(std::string_view text) {
  IdMaps maps;
  for (const std::string_view part : split(text, ';')) {
    const auto pair = cut(part, '=');
    if (!pair || (pair->before != "uids" && pair->before != "gids")) return bad_maps(text, "it is uids=...;gids=...");
    std::vector<IdRange>& ranges = pair->before == "uids" ? maps.users : maps.groups;
    if (!ranges.empty()) return bad_maps(text, fmt::format("{} is there twice", pair->before));
    ranges = TRY(parse_ranges(text, pair->after));
  }
  if (maps.users.empty() || maps.groups.empty()) return bad_maps(text, "it is uids=...;gids=...");
  return maps;
}

std::vector<IdRange> swapped_ids(std::uint32_t on_disk, std::uint32_t seen) {
  const auto [low, high] = std::minmax(on_disk, seen);
  std::vector<IdRange> ranges;
  const auto same = [&](std::uint32_t first, std::uint32_t end) {
    if (first < end) ranges.push_back({first, first, end - first});
  };
  if (low == high) {
    same(0, kHighestId);
    return ranges;
  }
  same(0, low);
  ranges.push_back({low, high, 1});
  same(low + 1, high);
  ranges.push_back({high, low, 1});
  same(high + 1, kHighestId);
  return ranges;
}

//   worker                               engine
//   a byte and its /proc/self      ->    writes the maps, opens the namespace
//   waits                          <-    closes; the worker ends
Result<Fd> make_user_namespace(const IdMaps& maps, const std::string& program) {
  auto channel = TRY(make_socket_pair(SOCK_SEQPACKET));
  const Fd null = TRY(open_at({}, "/dev/null", O_RDWR));
  const std::string path = program.empty() ? "/proc/self/exe" : program;
  const Pidfd worker = TRY_AS("user namespace", spawn({.program = path,
                                                       .arguments = {path, "--user-namespace"},
                                                       .environment = std::vector<std::string>(),
                                                       .fds = {&channel.second, &null, &null}}));
  channel.second.reset();
  const timeval patience{.tv_sec = kPatience_ms / 1000, .tv_usec = 0};
  ::setsockopt(channel.first.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  auto made = [&]() -> Result<Fd> {
    const Message message = TRY(receive_message(channel.first, 16));
    if (message.fds.size() != 1) return Error::internal("its process ended early");
    TRY(write_file_at(message.fds[0], "uid_map", kernel_lines(maps.users)));
    TRY(write_file_at(message.fds[0], "gid_map", kernel_lines(maps.groups)));
    return open_at(message.fds[0], "ns/user", O_RDONLY);
  }();
  channel.first.reset();
  if (!worker.wait_ended(kPatience_ms).value_or(false)) static_cast<void>(worker.signal(9));
  static_cast<void>(worker.wait_ended(-1));
  static_cast<void>(worker.reap());
  return TRY_AS("user namespace", std::move(made));
}

int run_user_namespace_worker() {
  const Fd channel(::fcntl(0, F_DUPFD_CLOEXEC, 3));
  const auto self = open_at({}, "/proc/self", O_PATH | O_DIRECTORY);
  if (!self || ::unshare(CLONE_NEWUSER) < 0) return 1;
  const std::array<int, 1> fds = {self->get()};
  if (!send_message(channel, "x", fds)) return 1;
  ::close(0);
  static_cast<void>(receive_message(channel, 16));  // its end
  return 0;
}

}  // namespace wherry::sys
