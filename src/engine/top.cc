#include "engine/top.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <optional>

#include "base/strings.h"
#include "base/time.h"
#include "engine/unavailable.h"
#include "sys/fd.h"

namespace wherry::engine {
namespace {

struct Process {
  pid_t pid = 0;
  std::int64_t parent = 0, group = 0, session = 0, terminal = 0, threads = 0;
  std::int64_t cpu_ticks = 0, start_ticks = 0, virtual_bytes = 0, resident_pages = 0;
  std::int64_t nice = 0;
  unsigned uid = 0;
  unsigned gid = 0;
  char state = '?';
  bool leads_session = false;
  std::string name;
  std::string command_line;
};

std::string read_text(pid_t pid, const char* file) {
  auto text = sys::read_file(fmt::format("/proc/{}/{}", pid, file).c_str());
  return text ? std::move(*text) : std::string();
}

std::string command_line_of(pid_t pid, const std::string& name) {
  std::string text = read_text(pid, "cmdline");
  while (text.ends_with('\0')) text.pop_back();
  std::ranges::replace(text, '\0', ' ');
  return text.empty() ? "[" + name + "]" : text;
}

// Fields of /proc/<pid>/stat behind the name, which may hold blanks and parentheses itself.
std::optional<Process> read_process(pid_t pid) {
  const std::string stat = read_text(pid, "stat");
  const std::size_t open = stat.find('(');
  const std::size_t close = stat.rfind(')');
  if (open == stat.npos || close == stat.npos) return std::nullopt;
  const auto fields = split(trim(std::string_view(stat).substr(close + 1)), ' ');
  constexpr std::size_t kFieldsNeeded = 22;
  if (fields.size() < kFieldsNeeded) return std::nullopt;
  const auto number = [&](std::size_t field) { return parse_i64(fields[field - 3]).value_or(0); };
  Process process{.pid = pid};
  process.name = stat.substr(open + 1, close - open - 1);
  process.state = fields[0].empty() ? '?' : fields[0].front();
  process.parent = number(4);
  process.group = number(5);
  process.session = number(6);
  process.terminal = number(7);
  process.cpu_ticks = number(14) + number(15);
  process.nice = number(19);
  process.threads = number(20);
  process.start_ticks = number(22);
  process.virtual_bytes = number(23);
  process.resident_pages = number(24);
  process.leads_session = process.session == pid;
  struct stat status {};
  if (::stat(fmt::format("/proc/{}", pid).c_str(), &status) == 0) {
    process.uid = status.st_uid;
    process.gid = status.st_gid;
  }
  process.command_line = command_line_of(pid, process.name);
  return process;
}

double uptime_seconds() {
  timespec up{};
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  return static_cast<double>(up.tv_sec) + static_cast<double>(up.tv_nsec) / 1e9;
}

std::int64_t ticks_per_second() { return ::sysconf(_SC_CLK_TCK); }

std::int64_t age_seconds(const Process& process) {
  return static_cast<std::int64_t>(
      uptime_seconds() - static_cast<double>(process.start_ticks) / static_cast<double>(ticks_per_second()));
}

std::string clock_text(std::int64_t seconds) {
  return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string elapsed_text(std::int64_t seconds) {
  if (seconds >= 86400) return fmt::format("{}-{}", seconds / 86400, clock_text(seconds % 86400));
  return seconds >= 3600 ? clock_text(seconds) : fmt::format("{:02}:{:02}", seconds / 60, seconds % 60);
}

// The host's own names: the numbers are the host's too.
std::string user_name(unsigned uid) {
  const auto passwd = sys::read_file("/etc/passwd");
  if (!passwd) return std::to_string(uid);
  for (const std::string_view line : split(*passwd, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() > 2 && parse_u64(fields[2]) == uid) return std::string(fields[0]);
  }
  return std::to_string(uid);
}

std::string terminal_name(const Process& process) {
  if (process.terminal == 0) return "?";
  const auto device = static_cast<dev_t>(process.terminal);
  constexpr unsigned kFirstPts = 136;
  constexpr unsigned kLastPts = 143;
  if (major(device) >= kFirstPts && major(device) <= kLastPts)
    return fmt::format("pts/{}", minor(device) + (major(device) - kFirstPts) * 256);
  return fmt::format("tty{}", minor(device));
}

std::string start_text(const Process& process) {
  const std::int64_t started = to_unix_seconds(now()) - age_seconds(process);
  const std::time_t seconds = started;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 16> text{};
  const char* format = age_seconds(process) < 86400 ? "%H:%M" : "%b%d";
  std::strftime(text.data(), text.size(), format, &local);
  return text.data();
}

double cpu_percent(const Process& process) {
  const std::int64_t age = std::max<std::int64_t>(1, age_seconds(process));
  return 100.0 * static_cast<double>(process.cpu_ticks) / static_cast<double>(ticks_per_second()) / static_cast<double>(age);
}

double memory_percent(const Process& process) {
  return 100.0 * static_cast<double>(process.resident_pages) / static_cast<double>(::sysconf(_SC_PHYS_PAGES));
}

std::string state_text(const Process& process) {
  std::string text(1, process.state);
  if (process.nice < 0) text += '<';
  if (process.nice > 0) text += 'N';
  if (process.leads_session) text += 's';
  if (process.threads > 1) text += 'l';
  return text;
}

struct Column {
  std::string_view field;
  std::string_view title;
  std::string (*value)(const Process&);
};

std::string cpu_time(const Process& p) { return clock_text(p.cpu_ticks / ticks_per_second()); }

constexpr std::array kColumns = {
    Column{"pid", "PID", [](const Process& p) { return std::to_string(p.pid); }},
    Column{"ppid", "PPID", [](const Process& p) { return std::to_string(p.parent); }},
    Column{"pgid", "PGID", [](const Process& p) { return std::to_string(p.group); }},
    Column{"sid", "SID", [](const Process& p) { return std::to_string(p.session); }},
    Column{"uid", "UID", [](const Process& p) { return std::to_string(p.uid); }},
    Column{"user", "USER", [](const Process& p) { return user_name(p.uid); }},
    Column{"gid", "GID", [](const Process& p) { return std::to_string(p.gid); }},
    Column{"tty", "TT", terminal_name},
    Column{"stat", "STAT", state_text},
    Column{"time", "TIME", cpu_time},
    Column{"etime", "ELAPSED", [](const Process& p) { return elapsed_text(age_seconds(p)); }},
    Column{"stime", "STIME", start_text},
    Column{"vsz", "VSZ", [](const Process& p) { return std::to_string(p.virtual_bytes / 1024); }},
    Column{"rss", "RSS",
           [](const Process& p) { return std::to_string(p.resident_pages * ::sysconf(_SC_PAGESIZE) / 1024); }},
    Column{"c", "C", [](const Process& p) { return std::to_string(static_cast<int>(cpu_percent(p))); }},
    Column{"pcpu", "%CPU", [](const Process& p) { return fmt::format("{:.1f}", cpu_percent(p)); }},
    Column{"pmem", "%MEM", [](const Process& p) { return fmt::format("{:.1f}", memory_percent(p)); }},
    Column{"nlwp", "NLWP", [](const Process& p) { return std::to_string(p.threads); }},
    Column{"comm", "COMMAND", [](const Process& p) { return p.name; }},
    Column{"cmd", "CMD", [](const Process& p) { return p.command_line; }},
    Column{"args", "COMMAND", [](const Process& p) { return p.command_line; }},
};

struct Chosen {
  const Column* column;
  std::string title;
};

Result<Chosen> choose(std::string_view spec) {
  const auto renamed = cut(spec, '=');
  const std::string_view field = renamed ? renamed->before : spec;
  const auto found = std::ranges::find(kColumns, field, &Column::field);
  if (found == kColumns.end()) return not_available(fmt::format("'top -o {}'", field));
  return Chosen{&*found, std::string(renamed ? renamed->after : found->title)};
}

// The columns of `ps -ef` and of `ps aux`, with the titles these give them.
std::vector<std::string_view> full_format() {
  return {"user=UID", "pid", "ppid", "c", "stime", "tty=TTY", "time", "cmd"};
}
std::vector<std::string_view> bsd_format() {
  return {"user", "pid", "pcpu", "pmem", "vsz", "rss", "tty=TTY", "stat", "stime=START", "time", "args"};
}

Result<std::vector<Chosen>> parse_arguments(const std::string& ps_args) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(ps_args, ' '))
    if (!word.empty()) words.push_back(word);
  std::vector<std::string_view> specs;
  if (words.empty() || (words.size() == 1 && (words[0] == "-ef" || words[0] == "-f"))) {
    specs = full_format();
  } else if (words.size() == 1 && (words[0] == "aux" || words[0] == "-aux")) {
    specs = bsd_format();
  } else if (words.size() == 2 && (words[0] == "-o" || words[0] == "-eo" || words[0] == "o")) {
    specs = split(words[1], ',');
  } else {
    return not_available(fmt::format("'top {}'", ps_args));
  }
  std::vector<Chosen> chosen;
  for (const std::string_view spec : specs) chosen.push_back(TRY(choose(spec)));
  const bool has_pid = std::ranges::any_of(chosen, [](const Chosen& c) { return c.column->field == "pid"; });
  if (!has_pid) return Error::internal("Couldn't find PID field in ps output");
  return chosen;
}

}  // namespace

Result<spec::docker::ContainerTopResponse> list_processes(const std::vector<pid_t>& pids,
                                                          const std::string& ps_args) {
  const std::vector<Chosen> columns = TRY(parse_arguments(ps_args));
  spec::docker::ContainerTopResponse response;
  for (const Chosen& column : columns) response.titles.push_back(column.title);
  std::vector<pid_t> sorted = pids;
  std::ranges::sort(sorted);
  for (const pid_t pid : sorted) {
    const auto process = read_process(pid);
    if (!process) continue;  // ended meanwhile
    std::vector<std::string> row;
    for (const Chosen& column : columns) row.push_back(column.column->value(*process));
    response.processes.push_back(std::move(row));
  }
  return response;
}

}  // namespace wherry::engine
