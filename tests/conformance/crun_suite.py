#!/usr/bin/env python3
"""crun's own Python tests against one or more OCI runtimes.

usage: WHERRY_CRUN_SUITE=FOLDER crun_suite.py [--only NAME]... [--peer-root DIR] RUNTIME...

FOLDER is a source tree of crun whose `tests/init` is built, a static program; nothing is written to it. A RUNTIME below
--peer-root (a Debian tree) runs with that tree's loader and libraries. Every file of tests has mount, pid, network, uts, ipc
and cgroup namespaces of its own, /run and /tmp included; the host's v2 hierarchy is taken away in there, because crun refuses
a hybrid host. Prints a line per failed test and a score per runtime: passed, failed, skipped. Exit 1 if the first runtime
fails a test that another one passes.
"""
import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

from runtime_tools import TOOLS_INSIDE, Groups, set_up

DEADLINE_S = 150
RUNTIME_INSIDE = "/run/crun"  # some tests look for that name in what it says
LINE = re.compile(r"^(ok|not ok) \d+ - (.*?) #(.*)$", re.M)


def wrapper(runtime, root):
    """The script that starts a program of another Debian tree with that tree's libraries."""
    loader = next(pathlib.Path(root, "usr").glob("lib*/**/ld-linux*.so.*"))
    return f'#!/bin/sh\nexec {loader} --library-path {loader.parent} --argv0 {pathlib.Path(runtime).name} {runtime} "$@"\n'


def provide(runtime, peer_root):
    """Shell lines that put the runtime where the tests call it: it may lie where /tmp or /run are about to be covered."""
    if peer_root and pathlib.Path(runtime).is_relative_to(peer_root):
        return [], [f"printf %s {shlex.quote(wrapper(runtime, peer_root))} > {RUNTIME_INSIDE}"]
    return [f"exec 9<{shlex.quote(runtime)}"], [f"cp /proc/self/fd/9 {RUNTIME_INSIDE}", "exec 9<&-"]


def command_of(tree, runtime, peer_root, name):
    before, after = provide(runtime, peer_root)
    lines = [*before, *set_up(tree, ""), *after, f"chmod 755 {RUNTIME_INSIDE}", "ip link set lo up", "mkdir /run/suite", "cd /run/suite",
             f"export OCI_RUNTIME={RUNTIME_INSIDE} INIT={TOOLS_INSIDE}/tests/init PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1",
             f"exec {sys.executable} {TOOLS_INSIDE}/tests/{name}.py"]
    return ["unshare", "--cgroup", "--mount", "--net", "--uts", "--ipc", "--propagation", "private", "--pid", "--fork",
            "--kill-child=KILL", "sh", "-c", "\n".join(lines)]


def run_file(tree, runtime, peer_root, name):
    """Everything that one file of tests printed."""
    with Groups() as groups:
        with subprocess.Popen(command_of(tree, runtime, peer_root, name), stdin=subprocess.DEVNULL, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              preexec_fn=groups.enter) as process:
            try:
                return process.communicate(timeout=DEADLINE_S)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                return process.communicate()[0] + f"\nno end within {DEADLINE_S} s\n"


def results_of(text):
    """Test -> "passed", "failed" or "skipped"; what a file announced and never reported has failed by number."""
    results = {}
    for word, name, rest in LINE.findall(text):
        results[name] = "failed" if word != "ok" else "skipped" if rest.startswith("SKIP") else "passed"
    announced = re.search(r"^1\.\.(\d+)", text, re.M)
    for number in range(len(results), int(announced.group(1)) if announced else 1):
        results[f"number-{number + 1}"] = "failed"
    return results


def files_of(tree, only):
    names = sorted(path.stem for path in pathlib.Path(tree, "tests").glob("test_*.py"))
    return [name for name in names if not only or name in only]


def run_suite(tree, runtime, options):
    program = str(pathlib.Path(shutil.which(runtime) or runtime).absolute())
    found = {}
    for name in files_of(tree, options.only):
        text = run_file(tree, program, options.peer_root, name)
        if options.verbose:
            print(text)
        for test, result in results_of(text).items():
            found[f"{name}: {test}"] = result
            if result == "failed":
                print(f"FAIL {name}: {test}", flush=True)
    counts = [sum(1 for result in found.values() if result == kind) for kind in ("passed", "failed", "skipped")]
    print("{}: {} passed, {} failed, {} skipped\n".format(runtime, *counts), flush=True)
    return {test for test, result in found.items() if result == "passed"}, {t for t, r in found.items() if r == "failed"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", help="a file of tests, as test_mounts")
    parser.add_argument("--peer-root")
    parser.add_argument("--verbose", action="store_true", help="print what the tests print")
    parser.add_argument("runtimes", nargs="+")
    options = parser.parse_args()
    tree = os.environ.get("WHERRY_CRUN_SUITE")
    if not tree or not files_of(tree, options.only) or not os.access(pathlib.Path(tree, "tests", "init"), os.X_OK):
        sys.exit("WHERRY_CRUN_SUITE must name a folder with crun's tests and a built tests/init")
    (_, failed), *others = [run_suite(os.path.abspath(tree), runtime, options) for runtime in options.runtimes]
    behind = sorted(failed & set().union(*(passed for passed, _ in others)))
    if behind:
        print("behind:", *behind, sep="\n  ")
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
