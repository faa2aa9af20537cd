"""The OCI runtimes alone: create + start + delete of one busybox bundle, full default config."""
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile

import fixtures

ROOT = pathlib.Path(__file__).resolve().parents[1]


def find_peer(name):
    root = os.environ.get("WHERRY_PEER_ROOT")
    for folder in ("usr/bin", "usr/sbin"):
        if root and pathlib.Path(root, folder, name).exists():
            return str(pathlib.Path(root, folder, name))
    found = shutil.which(name)
    if found:
        return found
    done = subprocess.run([str(ROOT / "scripts/peers"), name], capture_output=True, text=True)
    if done.returncode != 0:
        return None
    folder = pathlib.Path(done.stdout.strip())
    return next((str(p) for p in folder.glob(f"usr/*bin/{name}")), None)


def make_bundle(directory):
    """Docker's default config.json, as our own `spec` prints it, over a busybox tree."""
    root = directory / "rootfs"
    subprocess.run(["sh", "-c", f". {ROOT}/scripts/lib/images.sh; busybox_tree {root}"], check=True)
    subprocess.run([fixtures.BIN / "wherry-runtime", "spec"], cwd=directory, check=True)
    config = json.loads((directory / "config.json").read_text())
    config["process"]["terminal"] = False
    config["process"]["args"] = ["/bin/true"]
    (directory / "config.json").write_text(json.dumps(config))


def row(table, runs, peers):
    figures = {}
    with tempfile.TemporaryDirectory(prefix="wherry-bundle-") as name:
        directory = pathlib.Path(name)
        make_bundle(directory)
        candidates = {"wherry": str(fixtures.BIN / "wherry-runtime")}
        for peer in ("crun", "runc"):
            if peer in peers or peer == "runc":
                candidates[peer] = find_peer(peer)
        for label, program in candidates.items():
            if not program:
                continue
            figures[label] = measure(directory, label, program, runs)
    crun = figures.get("crun")
    table.add("runtime run of a busybox bundle, full defaults", "ms", figures,
              round(crun, 2) if crun else None, 5)


def measure(directory, label, program, runs):
    out = directory / f"{label}.json"
    script = f"cd {directory} && exec hyperfine -N --warmup 5 --runs {runs} --style none " \
             f"--export-json {out} '{program} --root {directory}/state-{label} run bench-{label}'"
    if label == "crun":
        script = f"umount /sys/fs/cgroup/unified 2>/dev/null; {script}"
    command = ["sh", "-c", script]
    root = os.environ.get("WHERRY_PEER_ROOT")
    if root and program.startswith(root):
        command = ["sh", "-c", in_peer_root(root, directory, script.replace(program, program[len(root):]))]
    done = subprocess.run(["unshare", "-m", "--propagation", "private", *command],
                          capture_output=True, text=True, env=os.environ)
    if done.returncode != 0:
        print(f"  {label}: {done.stderr.strip()[-300:]}")
        return None
    return json.loads(out.read_text())["results"][0]["median"] * 1000


def in_peer_root(root, directory, script):
    """The script, run inside `root`, with hyperfine and the bundle brought along."""
    # The hybrid host's v2 mount goes first: crun refuses it.
    return (f"umount /sys/fs/cgroup/unified 2>/dev/null; mount --bind {root} {root}; mount -t proc proc {root}/proc; "
            f"mount --rbind /sys {root}/sys; mount --rbind /dev {root}/dev; mkdir -p {root}{directory}; "
            f"mount --bind {directory} {root}{directory}; "
            f"touch {root}/usr/bin/hyperfine; mount --bind {shutil.which('hyperfine')} {root}/usr/bin/hyperfine; "
            f"exec chroot {root} sh -c {shlex.quote(script)}")
