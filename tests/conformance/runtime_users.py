"""Programs that drive an OCI runtime, in a Debian tree of their own: containerd's ctr, and podman.

A House has mount, pid, network, ipc, uts and cgroup namespaces of its own with that tree as root, without the host's v2
hierarchy. What is written in there goes to a tmpfs, nothing to the tree.
"""
import io
import json
import os
import pathlib
import pty
import shlex
import shutil
import subprocess
import tarfile
import time

from runtime_tools import Groups, set_up

TIMEOUT_S = 60
IMAGE = "docker.io/library/busybox-test:1"


def image_archive(path):
    """`docker save`'s form of an image that holds busybox."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name in ("bin", "tmp", "etc", "proc", "dev", "sys", "data"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(entry)
        tar.add(shutil.which("busybox"), "bin/busybox")
        for applet in "sh echo cat sleep true false id tty stty ls touch grep kill".split():
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
        for name, text in (("etc/passwd", b"root:x:0:0:root:/:/bin/sh\n"), ("data/file", b"of the image\n")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    from hashlib import sha256
    config = {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha256(layer.getvalue()).hexdigest()]}}
    members = {"layer.tar": layer.getvalue(), "config.json": json.dumps(config).encode(),
               "manifest.json": json.dumps([{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]).encode()}
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


class House:
    def __init__(self, tree, runtime, folder):
        """`runtime`: a program of this host, or one of the tree by its path in there."""
        self.groups = Groups()
        image_archive(folder / "image.tar")
        inside = pathlib.Path(runtime).is_relative_to(tree)
        self.runtime = "/" + os.path.relpath(runtime, tree) if inside else "/run/wherry-runtime-under-test"
        root, upper = folder / "root", folder / "upper"
        for path in (root, upper, folder / "tools"):
            path.mkdir()
        lines = [f"mount -t tmpfs tmpfs {upper}", f"mkdir {upper}/new {upper}/work",
                 f"mount -t overlay -o lowerdir={tree},upperdir={upper}/new,workdir={upper}/work overlay {root}",
                 *set_up(str(folder / "tools"), str(root)), f"cp {folder}/image.tar {root}/run/image.tar"]
        lines += [] if inside else [f"cp {shlex.quote(str(runtime))} {root}{self.runtime}"]
        lines += [f"cp {shutil.which('busybox')} {root}/run/busybox", "ip link set lo up", f"cd {root}", "pivot_root . .",
                  "/run/busybox umount -l .", "cd /", "echo ready", "exec /run/busybox sleep 100000"]
        self.groups.__enter__()
        self.holder = subprocess.Popen(
            ["unshare", "--cgroup", "--mount", "--net", "--ipc", "--uts", "--propagation", "private", "--pid", "--fork",
             "--kill-child=KILL", "sh", "-c", "\n".join(lines)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            preexec_fn=self.groups.enter)
        assert self.holder.stdout.readline() == "ready\n"
        children = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        self.pid = children[0]
        self.services = []

    def command(self, *words):
        return ["nsenter", "--target", self.pid, "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--root",
                "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin", "HOME=/root", "TMPDIR=/tmp", "PODMAN_IGNORE_CGROUPSV1_WARNING=1", *words]

    def start(self, *words):
        """A service, which ends with the house."""
        service = subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, preexec_fn=self.groups.enter)
        self.services.append(service)

    def run(self, *words, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(self.command(*words), capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S,
                              preexec_fn=self.groups.enter, **kwargs)

    def output(self, *words, **kwargs):
        done = self.run(*words, **kwargs)
        assert done.returncode == 0, f"{words}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def on_terminal(self, *words):
        """(exit code, what came out of a terminal)"""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(self.command(*words), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                                   preexec_fn=self.groups.enter)
        os.close(theirs)
        said = b""
        try:
            while chunk := os.read(ours, 65536):
                said += chunk
        except OSError:
            pass  # the other side is closed
        os.close(ours)
        return process.wait(TIMEOUT_S), said.decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, holds, what, timeout_s=TIMEOUT_S):
        end = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < end, f"no {what} within {timeout_s} s"
            time.sleep(0.05)

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        for service in self.services:
            service.wait(TIMEOUT_S)
        self.groups.__exit__()
