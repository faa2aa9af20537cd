#!/usr/bin/python3
"""Attacks of images, volumes and containers on an OCI runtime, as shared/security/gauntlet.tsv names them.

usage: gauntlet.py --runtime PROGRAM [--case ID]... [--long] [--probes FOLDER]

Works with any program that has runc's command line. Each case has a canary on the host, which must be
the same afterwards to the byte and inode, and a liveness control: the same set-up without the attack
works, so that a refusal for another reason does not count. Runs in namespaces of its own and leaves
nothing. Prints a line per case: id, PASS, FAIL or N/A, and why; exit code 1 after any FAIL.
--long runs the races as often as the table says (ten minutes); otherwise they take seconds.
Needs root, gcc, busybox-static.
"""
import argparse
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import cases_process  # noqa: E402,F401
from cases_rootfs import CASES  # noqa: E402
from lab import (Failed, Lab, NotApplicable, build_probes, enter_namespaces,  # noqa: E402
                 hide_unified_hierarchy)


def attempt(function, lab):
    """(PASS, FAIL or N/A; why)."""
    try:
        remark = function(lab)
        lab.calm()
        lab.check()
        return "PASS", remark or ""
    except NotApplicable as reason:
        return "N/A", str(reason)
    except Failed as reason:
        return "FAIL", str(reason)
    except subprocess.TimeoutExpired as expired:
        return "FAIL", f"no end after {expired.timeout:.0f} s"
    except (OSError, ValueError, KeyError, IndexError, subprocess.SubprocessError) as error:
        return "FAIL", f"{type(error).__name__}: {error}"


def run_case(options, function):
    lab = Lab(options.runtime, options.probes, options.long)
    try:
        verdict, why = attempt(function, lab)
    finally:
        left = lab.close()
    if left and verdict == "PASS":
        return "FAIL", f"left behind: {left[0]}"
    return verdict, why


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runtime", required=True, type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--case", action="append", choices=[identity for identity, _, _ in CASES])
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--probes", type=pathlib.Path, help="where the attackers' programs are or will be built")
    return parser.parse_args()


def main():
    options = parse()
    if os.geteuid() != 0:
        sys.exit("gauntlet.py needs root")
    options.probes = options.probes or pathlib.Path("/tmp/wherry-gauntlet-probes")
    if os.getpid() != 1:
        build_probes(options.probes)
    enter_namespaces([__file__, *sys.argv[1:]])
    if options.runtime.name.startswith("crun"):
        hide_unified_hierarchy()
    failed = False
    for identity, title, function in CASES:
        if options.case and identity not in options.case:
            continue
        verdict, why = run_case(options, function)
        failed = failed or verdict == "FAIL"
        print(f"{identity} {verdict} {title}{': ' + why if why else ''}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
