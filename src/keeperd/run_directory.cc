#include "keeperd/run_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/log.h"
#include "base/strings.h"
#include "sys/directory.h"
#include "sys/path.h"
#include "sys/socket.h"

namespace wherry::keeperd {
namespace {

// "wherry-record 1\n": what the file is and the version of its format.
constexpr std::string_view kRecordHead = "wherry-record 1\n";
constexpr std::size_t kRecordLimit = 256 * 1024;

bool is_id(std::string_view id) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
  };
  return !id.empty() && id.size() <= 100 && std::ranges::all_of(id, allowed);
}

std::string file_name(const keeper::Target& target) {
  return target.exec.empty() ? target.container : target.container + '.' + target.exec;
}

Result<keeper::Record> read_record(const sys::Fd& records, const char* name) {
  const sys::Fd file = TRY(sys::open_at(records, name, O_RDONLY | O_NOFOLLOW));
  const std::string bytes = TRY(sys::read_all(file, kRecordLimit));
  if (!bytes.starts_with(kRecordHead)) return Error::invalid("not a record of this version");
  keeper::Record record =
      TRY(keeper::decode_record(std::string_view(bytes).substr(kRecordHead.size())));
  if (file_name(record.target) != name) return Error::invalid("record is of another process");
  return record;
}

}  // namespace

Result<> check_target(const keeper::Target& target) {
  if (!is_id(target.container)) return Error::invalid("bad container id " + quote(target.container));
  if (!target.exec.empty() && !is_id(target.exec))
    return Error::invalid("bad exec id " + quote(target.exec));
  return {};
}

Result<RunDirectory> RunDirectory::open(const std::string& path) {
  RunDirectory run;
  run.path_ = path;
  TRY(sys::make_directories(path, 0700));
  run.directory_ = TRY(sys::open_at({}, path.c_str(), O_RDONLY | O_DIRECTORY));
  struct stat status {};
  if (::fstat(run.directory_.get(), &status) < 0) return Error::from_errno(errno, "stat " + path);
  if (status.st_uid != ::geteuid() || (status.st_mode & 077) != 0)
    return Error::invalid(path + " must belong to the keeper's user alone (mode 0700)");
  run.lock_ = TRY(sys::open_at(run.directory_, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (::flock(run.lock_.get(), LOCK_EX | LOCK_NB) < 0)
    return Error::conflict("another keeper owns " + path);
  if (::mkdirat(run.directory_.get(), "records", 0700) < 0 && errno != EEXIST)
    return Error::from_errno(errno, "make records directory");
  run.records_ = TRY(sys::open_at(run.directory_, "records", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return run;
}

RunDirectory RunDirectory::inherit(const Handover& handover) {
  RunDirectory run;
  run.path_ = handover.run_directory;
  run.directory_ = sys::Fd(handover.directory);
  run.records_ = sys::Fd(handover.records);
  run.lock_ = sys::Fd(handover.lock);
  return run;
}

void RunDirectory::hand_over(Handover& handover) const {
  handover.run_directory = path_;
  handover.directory = directory_.get();
  handover.records = records_.get();
  handover.lock = lock_.get();
}

Result<sys::Fd> RunDirectory::listen(const std::string& name) const {
  remove_socket(name);
  return sys::listen_unix(sys::fd_path(directory_) + '/' + name, SOCK_SEQPACKET | SOCK_NONBLOCK,
                          0600, 128);
}

Result<sys::Fd> RunDirectory::connect(const std::string& name) const {
  return sys::connect_unix(sys::fd_path(directory_) + '/' + name, SOCK_SEQPACKET);
}

void RunDirectory::remove_socket(const std::string& name) const {
  ::unlinkat(directory_.get(), name.c_str(), 0);
}

Result<> RunDirectory::write(const keeper::Record& record) const {
  return sys::replace_file_at(records_, file_name(record.target),
                              std::string(kRecordHead) + keeper::encode(record), 0600,
                              sys::Durable::No);
}

void RunDirectory::remove(const keeper::Target& target) const {
  ::unlinkat(records_.get(), file_name(target).c_str(), 0);
}

Result<std::vector<keeper::Record>> RunDirectory::load() const {
  std::vector<keeper::Record> records;
  for (const std::string& name : TRY(sys::names_in(records_))) {
    auto record = read_record(records_, name.c_str());
    if (record) {
      records.push_back(std::move(*record));
      continue;
    }
    log::warning("keeper: record {}: {}", name, record.error().message());
    ::unlinkat(records_.get(), name.c_str(), 0);
  }
  return records;
}

}  // namespace wherry::keeperd
