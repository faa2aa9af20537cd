#include "keeperd/handover.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "keeper/wire.h"

namespace wherry::keeperd {
namespace {

constexpr std::string_view kHead = "wherry-handover 1\n";
constexpr std::size_t kMostBytes = 64 << 20;
constexpr std::size_t kMostProcesses = 1 << 20;
constexpr std::size_t kMostText = 4096;

std::vector<int> descriptors_of(const Handover& value) {
  std::vector<int> all{value.directory, value.records,  value.lock, value.listener,
                       value.host_root, value.dev_null, value.pump};
  for (const Handover::Process& process : value.processes) all.push_back(process.oom_counter);
  std::erase(all, -1);
  return all;
}

Result<> set_close_on_exec(const std::vector<int>& fds, bool close) {
  for (const int fd : fds)
    if (::fcntl(fd, F_SETFD, close ? FD_CLOEXEC : 0) < 0)
      return Error::from_errno(errno, "keep descriptor " + std::to_string(fd));
  return {};
}

std::string encode_process(const Handover::Process& process) {
  const keeper::ExitReport& exit = process.exit;
  return keeper::Writer()
      .put(std::string_view(keeper::encode(process.target)))
      .put(process.is_child)
      .put(process.reaped)
      .put(exit.code)
      .put(exit.known)
      .put(exit.by_signal)
      .put(exit.oom_killed)
      .put(exit.finished_ns)
      .put(process.oom_counter)
      .take();
}

Result<Handover::Process> decode_process(std::string_view bytes) {
  Handover::Process process;
  keeper::ExitReport& exit = process.exit;
  std::string target;
  keeper::Reader reader(bytes);
  reader.get(target, kMostText)
      .get(process.is_child)
      .get(process.reaped)
      .get(exit.code)
      .get(exit.known)
      .get(exit.by_signal)
      .get(exit.oom_killed)
      .get(exit.finished_ns)
      .get(process.oom_counter);
  if (!reader.ok()) return Error::invalid("malformed process in a handover");
  process.target = TRY(keeper::decode_target(target));
  return process;
}

}  // namespace

// One text per structure, so that a newer keeper can append fields to either.
std::string encode(const Handover& value) {
  keeper::Writer fixed;
  fixed.put(std::string_view(value.run_directory));
  for (const int fd : {value.directory, value.records, value.lock, value.listener, value.host_root,
                       value.dev_null, value.pump})
    fixed.put(static_cast<std::int32_t>(fd));
  fixed.put(static_cast<std::uint32_t>(value.pump_pids.size()));
  for (const std::int32_t pid : value.pump_pids) fixed.put(pid);
  keeper::Writer all;
  all.put(std::string_view(fixed.take()));
  for (const Handover::Process& process : value.processes) all.put(std::string_view(encode_process(process)));
  return std::string(kHead) + all.take();
}

Result<Handover> decode_handover(std::string_view bytes) {
  if (!bytes.starts_with(kHead)) return Error::invalid("not a handover of this version");
  Handover value;
  keeper::Reader reader(bytes.substr(kHead.size()));
  std::string fixed;
  reader.get(fixed, keeper::kMessageBytes);
  keeper::Reader fields(fixed);
  fields.get(value.run_directory, kMostText);
  for (std::int32_t* fd : {&value.directory, &value.records, &value.lock, &value.listener,
                           &value.host_root, &value.dev_null, &value.pump})
    fields.get(*fd);
  std::uint32_t pumps = 0;
  fields.get(pumps);
  for (; pumps > 0 && fields.ok() && !fields.at_end(); --pumps) fields.get(value.pump_pids.emplace_back());
  while (reader.ok() && !reader.at_end() && value.processes.size() < kMostProcesses) {
    std::string one;
    reader.get(one, keeper::kMessageBytes);
    if (reader.ok()) value.processes.push_back(TRY(decode_process(one)));
  }
  if (!reader.ok() || !fields.ok() || pumps > 0) return Error::invalid("malformed handover");
  return value;
}

Error execute_successor(const sys::Fd& program, const Handover& handover) {
  auto memfd = sys::sealed_memfd("handover", encode(handover));
  if (!memfd) return memfd.error();
  std::vector<int> kept = descriptors_of(handover);
  kept.push_back(memfd->get());
  auto prepared = set_close_on_exec(kept, false);
  if (prepared) {
    std::array<std::string, 5> words{"wherry-keeper", "--run-dir", handover.run_directory, "--resume",
                                     std::to_string(memfd->get())};
    std::array<char*, 6> argv{};
    std::ranges::transform(words, argv.begin(), [](std::string& word) { return word.data(); });
    ::execveat(program.get(), "", argv.data(), environ, AT_EMPTY_PATH);
    prepared = Error::from_errno(errno, "execute the newer keeper");
  }
  static_cast<void>(set_close_on_exec(kept, true));
  return prepared.error();
}

Result<Handover> receive_handover(const sys::Fd& memfd) {
  const std::string bytes = TRY(sys::read_sealed_memfd(memfd, kMostBytes));
  Handover handover = TRY(decode_handover(bytes));
  TRY(set_close_on_exec(descriptors_of(handover), true));
  return handover;
}

}  // namespace wherry::keeperd
