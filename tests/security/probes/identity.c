// Who this process is: "ruid euid suid rgid egid no_new_privs capeff". Made setuid by a test.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
  uid_t real, effective, saved;
  getresuid(&real, &effective, &saved);
  char line[256], capabilities[32] = "?";
  FILE* status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, "CapEff:", 7) == 0) sscanf(line + 7, "%31s", capabilities);
  printf("%u %u %u %u %u %d %s\n", real, effective, saved, getgid(), getegid(),
         prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), capabilities);
}
