#include "sys/id_map.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <span>

#include "base/strings.h"
#include "sys/socket.h"
#include "sys/spawn.h"

namespace wherry::sys {
namespace {

constexpr std::uint32_t kHighestId = std::numeric_limits<std::uint32_t>::max() - 1;  // the last says "none"
constexpr std::uint64_t kNoId = std::numeric_limits<std::uint64_t>::max();
constexpr int kPatience_ms = 10'000;
constexpr std::size_t kMapBytes = 16 << 10;  // 340 lines of 33 bytes

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

Result<std::vector<IdRange>> parse_kernel_id_map(std::string_view text) {
  std::vector<IdRange> ranges;
  for (const std::string_view line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    std::vector<std::uint64_t> numbers;
    for (const std::string_view word : split(line, ' '))
      if (!word.empty()) numbers.push_back(parse_u64(word).value_or(kNoId));
    constexpr std::uint64_t kIds = std::uint64_t{kHighestId} + 1;
    if (numbers.size() != 3 || numbers[2] > kIds || numbers[0] > kIds - numbers[2] || numbers[1] > kIds - numbers[2])
      return Error::invalid(fmt::format("not a map of ids: {}", quote(line)));
    ranges.push_back({static_cast<std::uint32_t>(numbers[0]), static_cast<std::uint32_t>(numbers[1]),
                      static_cast<std::uint32_t>(numbers[2])});
  }
  return ranges;
}

std::optional<std::uint32_t> seen_id(const std::vector<IdRange>& ranges, std::uint32_t id) {
  for (const IdRange& range : ranges)
    if (id >= range.on_disk && id - range.on_disk < range.count) return range.seen + (id - range.on_disk);
  return std::nullopt;
}

namespace {

//   engine                                     worker
//   Make, MakeBoth, or Join + descriptor  ->   makes or enters a user namespace
//                                         <-   a byte and its /proc/self
//   writes or reads the maps, opens the namespace
//   (MakeBoth) a byte                     ->   makes a network namespace that belongs to the other
//                                         <-   a byte and the network namespace
//   closes                                ->   ends
constexpr std::string_view kMake = "m";
constexpr std::string_view kMakeBoth = "b";
constexpr std::string_view kJoin = "j";
constexpr std::size_t kWordBytes = 16;
constexpr std::uint64_t kHighestErrno = 4095;

// user_namespaces(7): what the kernel says where it may make none.
Error refusal(int reason) {
  if (reason == ENOSPC || reason == EUSERS)
    return Error(ErrorKind::Unavailable, reason, "the limit of this host is reached (sysctl user.max_user_namespaces)");
  return Error::from_errno(reason, "the kernel makes none");
}

class Worker {
 public:
  static Result<Worker> start(const std::string& program) {
    auto channel = TRY(make_socket_pair(SOCK_SEQPACKET));
    const Fd null = TRY(open_at({}, "/dev/null", O_RDWR));
    const std::string path = program.empty() ? "/proc/self/exe" : program;
    Worker worker;
    worker.process_ = TRY(spawn({.program = path,
                                 .arguments = {path, "--user-namespace"},
                                 .environment = std::vector<std::string>(),
                                 .fds = {&channel.second, &null, &null}}));
    worker.channel_ = std::move(channel.first);
    const timeval patience{.tv_sec = kPatience_ms / 1000, .tv_usec = 0};
    ::setsockopt(worker.channel_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return worker;
  }
  Worker(Worker&&) = default;
  Worker& operator=(Worker&&) = delete;
  ~Worker() {
    channel_.reset();
    if (!process_.fd()) return;
    if (!process_.wait_ended(kPatience_ms).value_or(false)) static_cast<void>(process_.signal(SIGKILL));
    static_cast<void>(process_.wait_ended(-1));
    static_cast<void>(process_.reap());
  }

  Result<Fd> ask(std::string_view word, std::span<const int> fds = {}) {
    TRY(send_message(channel_, word, fds));
    Message message = TRY(receive_message(channel_, kWordBytes));
    if (message.fds.size() == 1) return std::move(message.fds[0]);
    const auto reason = parse_u64(message.bytes);
    if (!reason || *reason > kHighestErrno) return Error::internal("its process ended early");
    return refusal(static_cast<int>(*reason));
  }

 private:
  Worker() = default;
  Fd channel_;
  Pidfd process_;
};

Result<UserNamespace> make_with(Worker& worker, const IdMaps& maps, WithNetwork network) {
  UserNamespace made;
  const bool both = network == WithNetwork::Yes;
  const Fd process = TRY(worker.ask(both ? kMakeBoth : kMake));
  TRY(write_file_at(process, "uid_map", kernel_lines(maps.users)));
  TRY(write_file_at(process, "gid_map", kernel_lines(maps.groups)));
  made.user = TRY(open_at(process, "ns/user", O_RDONLY));
  if (both) made.network = TRY_AS("network namespace", worker.ask(kMakeBoth));
  return made;
}

// A descriptor, or why there is none.
bool tell(const Fd& channel, int error, const Fd& fd) {
  if (error != 0) {
    static_cast<void>(send_message(channel, fmt::format("{}", error)));
    return false;
  }
  const std::array<int, 1> fds = {fd.get()};
  return send_message(channel, "x", fds).has_value();
}

int enter(const Message& asked) {
  if (asked.bytes != kJoin) return ::unshare(CLONE_NEWUSER) < 0 ? errno : 0;
  if (asked.fds.size() != 1) return EBADF;
  return ::setns(asked.fds[0].get(), CLONE_NEWUSER) < 0 ? errno : 0;
}

bool make_network(const Fd& channel, const Fd& self) {
  const auto go = receive_message(channel, kWordBytes);
  if (!go || go->bytes.empty()) return false;
  const int error = ::unshare(CLONE_NEWNET) < 0 ? errno : 0;
  const auto network = open_at(self, "ns/net", O_RDONLY);
  return network && tell(channel, error, *network);
}

}  // namespace

Result<UserNamespace> make_user_namespace(const IdMaps& maps, const std::string& program, WithNetwork network) {
  Worker worker = TRY_AS("user namespace", Worker::start(program));
  return TRY_AS("user namespace", make_with(worker, maps, network));
}

Result<Fd> make_user_namespace(const IdMaps& maps, const std::string& program) {
  return std::move(TRY(make_user_namespace(maps, program, WithNetwork::No)).user);
}

Result<IdMaps> maps_of_user_namespace(const Fd& user_namespace, const std::string& program) {
  Worker worker = TRY_AS("user namespace", Worker::start(program));
  const std::array<int, 1> fds = {user_namespace.get()};
  auto process = worker.ask(kJoin, fds);
  if (!process) return Error::invalid("not a user namespace that can be joined");
  const Fd users = TRY(open_at(*process, "uid_map", O_RDONLY));
  const Fd groups = TRY(open_at(*process, "gid_map", O_RDONLY));
  return IdMaps{.users = TRY(parse_kernel_id_map(TRY(read_all(users, kMapBytes)))),
                .groups = TRY(parse_kernel_id_map(TRY(read_all(groups, kMapBytes))))};
}

int run_user_namespace_worker() {
  const Fd channel(::fcntl(0, F_DUPFD_CLOEXEC, 3));
  ::close(0);
  // A directory that stays this process', whatever that has become.
  const auto self = open_at({}, "/proc/self", O_PATH | O_DIRECTORY);
  const auto asked = receive_message(channel, kWordBytes);
  if (!self || !asked || !tell(channel, enter(*asked), *self)) return 1;
  if (asked->bytes == kMakeBoth && !make_network(channel, *self)) return 1;
  static_cast<void>(receive_message(channel, kWordBytes));  // its end
  return 0;
}

}  // namespace wherry::sys
