#!/usr/bin/env python3
"""The validation programs of opencontainers/runtime-tools against one or more OCI runtimes.

usage: WHERRY_RUNTIME_TOOLS=FOLDER runtime_tools.py [--only NAME]... [--peer-root DIR] RUNTIME...

FOLDER is a source tree of the suite whose programs are built: `runtimetest`,
`rootfs-<arch>.tar.gz` and `validation/<name>/<name>.t`. A RUNTIME below --peer-root (a Debian tree)
runs with that tree as its root. Every program has mount, pid and cgroup namespaces of its own, /run and /tmp
included; the host's v2 hierarchy is taken away in there, because crun refuses a hybrid host.
Prints a line per program and runtime, then the score: programs without a failure, and points (TAP
lines that say "ok"). Exit 1 if the first runtime fails a program that another one passes.
"""
import argparse
import errno
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time
import uuid

DEADLINE_S = 90
REMOVAL_S = 20
TOOLS_INSIDE = "/mnt"


def v1_mounts():
    """(mount point, options) of every cgroup v1 hierarchy of this host."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        kind, _source, options = right.split()
        if kind == "cgroup":
            found.append((left.split()[4], options.replace("rw,", "", 1)))
    return found


class Groups:
    """A cgroup of our own in each v1 hierarchy: the root of the namespace of one program."""

    def __init__(self):
        self.folders = [pathlib.Path(point, f"wherry-suite-{uuid.uuid4().hex[:8]}") for point, _ in v1_mounts()]

    def __enter__(self):
        for folder in self.folders:
            folder.mkdir()
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (folder / name).exists():
                    (folder / name).write_text((folder.parent / name).read_text())
        return self

    def enter(self):
        """Runs in the child before exec."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def __exit__(self, *_):
        """What a program left frozen cannot end: thawed first, then given a while."""
        for folder in self.folders:
            for state in folder.glob("**/freezer.state"):
                if state.parent != folder:
                    state.write_text("THAWED")
        end = time.monotonic() + REMOVAL_S
        for folder in self.folders:
            for path, _names, _files in os.walk(folder, topdown=False):
                self.remove(path, end)

    @staticmethod
    def remove(path, end):
        while True:
            try:
                return os.rmdir(path)
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() > end:
                    raise
                time.sleep(0.01)


def set_up(tools, root):
    """The shell lines that make the mounts of one program; `root` is "" or a peer's tree."""
    lines = ["set -e", "umount /sys/fs/cgroup/unified 2>/dev/null || true"]
    for point, options in v1_mounts():
        lines += [f"umount {point}", f"mount -t cgroup -o {options} cgroup {point}"]
    if root:
        lines += [f"mount --bind {root} {root}", f"mount --rbind /sys {root}/sys", f"mount --rbind /dev {root}/dev"]
    lines += [f"mount -t proc proc {root}/proc"]
    lines += [f"mount --bind {tools} {root}{TOOLS_INSIDE}"]
    lines += [f"mount -t tmpfs -o mode=1777 tmpfs {root}{path}" for path in ("/tmp", "/run")]
    return lines


def command_of(tools, root, runtime, name):
    run = f"cd {TOOLS_INSIDE} && RUNTIME={shlex.quote(runtime)} exec ./validation/{name}/{name}.t"
    if not root:
        # The runtime may lie below /tmp or /run, which are about to be covered.
        lines = [f"exec 9<{shlex.quote(runtime)}", *set_up(tools, ""), "cp /proc/self/fd/9 /run/runtime-under-test",
                 "exec 9<&-", "chmod 755 /run/runtime-under-test",
                 run.replace(shlex.quote(runtime), "/run/runtime-under-test")]
    else:
        inside = shlex.quote("/" + os.path.relpath(runtime, root))
        # Not chroot: the kernel refuses user namespaces to a process in one.
        lines = [*set_up(tools, root), f"cp {shutil.which('busybox')} {root}/run/busybox", f"cd {root}", "pivot_root . .",
                 "/run/busybox umount -l .", "cd /",
                 run.replace(shlex.quote(runtime), inside)]
    return ["unshare", "--cgroup", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL",
            "sh", "-c", "\n".join(lines)]


def run_program(tools, root, runtime, name):
    """(exit code or None for a timeout, everything it printed)"""
    with Groups() as groups:
        with subprocess.Popen(command_of(tools, root, runtime, name), stdin=subprocess.DEVNULL, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              preexec_fn=groups.enter) as process:
            try:
                return process.communicate(timeout=DEADLINE_S)[0], process.returncode
            except subprocess.TimeoutExpired:
                process.kill()
                return process.communicate()[0], None


def score(text, code):
    """(passed, points, why not)"""
    points = len(re.findall(r"^ok\b", text, re.M))
    failed = re.findall(r"^not ok \d+ - (.*)", text, re.M)
    if code is None:
        return False, points, f"no end within {DEADLINE_S} s"
    if failed:
        return False, points, failed[0]
    if code != 0:
        return False, points, (text.strip().splitlines() or ["?"])[-1]
    return True, points, ""  # those that want a failed create say nothing when they get it


def programs(tools, only):
    names = sorted(path.parent.name for path in pathlib.Path(tools, "validation").glob("*/*.t"))
    return [name for name in names if not only or name in only]


def root_of(runtime, peer_root):
    inside = peer_root and pathlib.Path(runtime).is_relative_to(peer_root)
    return str(peer_root) if inside else ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append")
    parser.add_argument("--peer-root")
    parser.add_argument("--verbose", action="store_true", help="print what the programs print")
    parser.add_argument("runtimes", nargs="+")
    options = parser.parse_args()
    tools = os.environ.get("WHERRY_RUNTIME_TOOLS")
    if not tools or not programs(tools, options.only):
        sys.exit("WHERRY_RUNTIME_TOOLS must name a folder with built validation programs")
    passed = {}
    for given in options.runtimes:
        runtime = str(pathlib.Path(shutil.which(given) or given).absolute())
        names, total = passed.setdefault(given, set()), 0
        for name in programs(tools, options.only):
            text, code = run_program(os.path.abspath(tools), root_of(runtime, options.peer_root), runtime, name)
            good, points, why = score(text, code)
            total += points
            if good:
                names.add(name)
            if options.verbose:
                print(text)
            print(f"{'pass' if good else 'FAIL'} {points:5} {name}{': ' + why if why else ''}", flush=True)
        print(f"{given}: {len(names)} of {len(programs(tools, options.only))} programs, {total} points\n", flush=True)
    first, *others = passed.values()
    behind = sorted(set().union(*others) - first) if others else []
    if behind:
        print(f"behind: {' '.join(behind)}")
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
