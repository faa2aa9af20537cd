#include "keeperd/stdio.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "sys/directory.h"
#include "sys/path.h"

namespace wherry::keeperd {
namespace {

struct Output {
  sys::Fd child;
  sys::Fd ours;
};

Result<Output> make_output() {
  sys::Pipe pipe = TRY(sys::make_pipe());
  // A second open file of the same pipe: our O_NONBLOCK does not reach the process.
  sys::Fd child = TRY(sys::open_at({}, sys::fd_path(pipe.write_end).c_str(), O_RDWR));
  set_nonblocking(pipe.read_end);
  return Output{std::move(child), std::move(pipe.read_end)};
}

keeper::Record::PipeIdentity identity_of(const sys::Fd& fd) {
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) < 0 || !S_ISFIFO(status.st_mode)) return {};
  return {status.st_dev, status.st_ino};
}

bool is_same(const keeper::Record::PipeIdentity& a, const keeper::Record::PipeIdentity& b) {
  return a.inode != 0 && a.inode == b.inode && a.device == b.device;
}

// O_PATH first: opening the real thing blocks on a fifo and acts on a device.
sys::Fd reopen_if_same(const std::string& path, const keeper::Record::PipeIdentity& wanted,
                       int flags) {
  const auto handle = sys::open_at({}, path.c_str(), O_PATH);
  if (!handle || !is_same(identity_of(*handle), wanted)) return {};
  auto opened = sys::open_at({}, sys::fd_path(*handle).c_str(), flags | O_NONBLOCK);
  return opened ? std::move(*opened) : sys::Fd();
}

struct WantedPipe {
  const keeper::Record::PipeIdentity& identity;
  sys::Fd& fd;
  int flags;
};

}  // namespace

void set_nonblocking(const sys::Fd& fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags >= 0) ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK);
}

Result<Pipes> make_pipes(const keeper::StdioOptions& options, const sys::Fd& dev_null) {
  Pipes pipes;
  if (options.tty) return pipes;  // the terminal comes from the child
  if (options.discard) {
    pipes.child = {TRY(dev_null.duplicate()), TRY(dev_null.duplicate()), TRY(dev_null.duplicate())};
    return pipes;
  }
  if (options.open_stdin) {
    sys::Pipe in = TRY(sys::make_pipe());
    set_nonblocking(in.write_end);
    pipes.child.in = std::move(in.read_end);
    pipes.ours.in = std::move(in.write_end);
  } else {
    pipes.child.in = TRY(dev_null.duplicate());
  }
  Output out = TRY(make_output());
  Output err = TRY(make_output());
  pipes.child.out = std::move(out.child);
  pipes.ours.out = std::move(out.ours);
  pipes.child.err = std::move(err.child);
  pipes.ours.err = std::move(err.ours);
  return pipes;
}

void note_identities(const StreamFds& fds, keeper::Record& record) {
  record.pipe_in = identity_of(fds.in);
  record.pipe_out = identity_of(fds.out);
  record.pipe_err = identity_of(fds.err);
}

StreamFds reopen_pipes(const keeper::Record& record, const sys::Fd& host_root) {
  StreamFds fds;
  WantedPipe wanted[] = {{record.pipe_in, fds.in, O_WRONLY},
                         {record.pipe_out, fds.out, O_RDONLY},
                         {record.pipe_err, fds.err, O_RDONLY}};
  const std::string directory = fmt::format("/proc/{}/fd", record.pid);
  const sys::Directory stream(::opendir(directory.c_str()));
  const dirent* entry = nullptr;
  while (stream && (entry = ::readdir(stream.get())) != nullptr) {
    if (entry->d_name[0] == '.') continue;
    const std::string path = directory + '/' + entry->d_name;
    for (WantedPipe& one : wanted)
      if (!one.fd && one.identity.inode != 0) one.fd = reopen_if_same(path, one.identity, one.flags);
  }
  if (record.log.driver == keeper::LogDriver::JsonFile && record.log.path.starts_with('/')) {
    auto log = sys::open_at(host_root, record.log.path.c_str() + 1, O_RDONLY | O_DIRECTORY);
    if (log) fds.log_directory = std::move(*log);
  }
  return fds;
}

Result<> set_window(const sys::Fd& terminal, keeper::WindowSize size) {
  const winsize window{size.rows, size.columns, 0, 0};
  if (::ioctl(terminal.get(), TIOCSWINSZ, &window) < 0)
    return Error::from_errno(errno, "resize terminal");
  return {};
}

}  // namespace wherry::keeperd
