"""containerd's ctr and podman with wherry-runtime as their OCI runtime; the same with crun, which proves the script.

WHERRY_PEER_TREE names a Debian tree in which podman, containerd and crun are installed.
"""
import os
import pathlib
import shutil
import tempfile

import pytest
from runtime_users import IMAGE, House

TREE = pathlib.Path(os.environ.get("WHERRY_PEER_TREE", "/nowhere"))
WANTED = ["usr/bin/podman", "usr/bin/ctr", "usr/bin/containerd", "usr/bin/crun"]
MEMORY = 64 << 20

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: namespaces and mounts"),
    pytest.mark.skipif(not all((TREE / path).exists() for path in WANTED),
                       reason="WHERRY_PEER_TREE names no Debian tree with podman, containerd and crun"),
    pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox-static")]


def program(name):
    if name == "crun":
        return TREE / "usr/bin/crun"
    return pathlib.Path(os.environ.get("WHERRY_BIN", "build/release/bin")).absolute() / name


@pytest.fixture(scope="module", params=["wherry-runtime", "crun"])
def house(request):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wherry-users-", dir="/var/tmp"))
    made = House(TREE, program(request.param), folder)
    yield made
    made.close()
    shutil.rmtree(folder)


class Ctr:
    """Containers are tasks of an id; `flags` of ctr run."""

    def __init__(self, house):
        self.house = house
        address = "/run/containerd-test.sock"
        house.start("containerd", "--root", "/run/containerd-root", "--state", "/run/containerd-state", "--address", address)
        self.base = ["ctr", "--address", address]
        house.wait_for(lambda: house.run(*self.base, "version").returncode == 0, "containerd")
        house.output(*self.base, "images", "import", "/run/image.tar")
        self.runtime = ["--runtime", "io.containerd.runc.v2", "--runc-binary", house.runtime]

    def call(self, *words):
        return self.house.output(*self.base, *words)

    def status(self, name):
        rows = [line.split() for line in self.call("task", "ls").splitlines()[1:]]
        return next((row[2] for row in rows if row[0] == name), "")

    def start(self, name, *words, flags=()):
        self.call("run", "--detach", *self.runtime, *flags, IMAGE, name, *words)
        self.house.wait_for(lambda: self.status(name) == "RUNNING", "running task")

    def remove(self, name):
        self.house.run(*self.base, "task", "rm", "--force", name)
        self.call("container", "rm", name)


@pytest.fixture(scope="module")
def ctr(house):
    return Ctr(house)


def limit_of(house, group):
    return house.output("sh", "-c", f"cat /sys/fs/cgroup/memory/{group}/memory.limit_in_bytes 2>/dev/null || "
                                    f"cat /sys/fs/cgroup/{group}/memory.max").strip()


def test_ctr_run_and_its_exit_code(ctr):
    assert ctr.call("run", "--rm", *ctr.runtime, IMAGE, "one", "echo", "said") == "said\n"
    assert ctr.house.run(*ctr.base, "run", "--rm", *ctr.runtime, IMAGE, "one", "sh", "-c", "exit 3").returncode == 3


def test_ctr_on_a_terminal(ctr):
    code, said = ctr.house.on_terminal(*ctr.base, "run", "--rm", "--tty", *ctr.runtime, IMAGE, "terminal", "tty")
    assert code == 0 and "/dev/pts/0" in said.split()


def test_ctr_exec(ctr):
    ctr.start("exec", "sleep", "1000")
    done = ctr.house.run(*ctr.base, "task", "exec", "--exec-id", "a", "exec", "sh", "-c", "echo inside; exit 4")
    assert (done.returncode, done.stdout) == (4, "inside\n"), done.stderr
    code, said = ctr.house.on_terminal(*ctr.base, "task", "exec", "--tty", "--exec-id", "b", "exec", "tty")
    assert code == 0 and "/dev/pts/0" in said.split()
    ctr.remove("exec")


def test_ctr_limits_and_metrics(ctr):
    ctr.start("limits", "sleep", "1000", flags=["--memory-limit", str(MEMORY)])
    assert limit_of(ctr.house, "default/limits") == str(MEMORY)
    assert "memory.limit_in_bytes" in ctr.call("task", "metrics", "limits") or "memory.usage" in ctr.call("task", "metrics", "limits")
    ctr.remove("limits")


def test_ctr_pause_kill_and_the_code(ctr):
    ctr.start("killed", "sleep", "1000")
    ctr.call("task", "pause", "killed")
    assert ctr.status("killed") == "PAUSED"
    ctr.call("task", "resume", "killed")
    ctr.call("task", "kill", "--signal", "SIGKILL", "killed")
    ctr.house.wait_for(lambda: ctr.status("killed") == "STOPPED", "end")
    done = ctr.house.run(*ctr.base, "task", "rm", "killed")
    assert "137" in done.stdout + done.stderr
    ctr.call("container", "rm", "killed")


def test_ctr_log(ctr):
    ctr.start("logged", "sh", "-c", "echo a line; exec sleep 1000", flags=["--log-uri", "file:///run/ctr.log"])
    ctr.house.wait_for(lambda: "a line" in ctr.house.run("cat", "/run/ctr.log").stdout, "log")
    ctr.remove("logged")


class Podman:
    def __init__(self, house):
        self.house = house
        self.base = ["podman", "--runtime", house.runtime, "--cgroup-manager", "cgroupfs", "--events-backend", "file",
                     "--storage-driver", "vfs", "--root", "/run/podman-root", "--runroot", "/run/podman-run"]
        self.call("load", "--input", "/run/image.tar")

    def call(self, *words):
        return self.house.output(*self.base, *words)

    def run(self, *words):
        return self.house.run(*self.base, "run", "--network", "none", *words)


@pytest.fixture(scope="module")
def podman(house):
    return Podman(house)


def test_podman_run_and_its_exit_code(podman):
    assert podman.run("--rm", IMAGE, "echo", "said").stdout == "said\n"
    assert podman.run("--rm", IMAGE, "sh", "-c", "exit 3").returncode == 3
    assert podman.run("--rm", IMAGE, "nothing-of-this-name").returncode == 127


def test_podman_on_a_terminal(podman):
    code, said = podman.house.on_terminal(*podman.base, "run", "--rm", "-it", "--network", "none", IMAGE, "tty")
    assert code == 0 and "/dev/pts/0" in said.split()


def test_podman_exec_limits_pause_logs_and_stop(podman):
    started = podman.run("--detach", "--name", "lived", "--memory", str(MEMORY), IMAGE, "sh", "-c",
                         "echo a line; trap 'exit 7' TERM; sleep 1000 & wait")
    assert started.returncode == 0, started.stderr
    done = podman.house.run(*podman.base, "exec", "lived", "sh", "-c", "echo inside; exit 4")
    assert (done.returncode, done.stdout) == (4, "inside\n"), done.stderr
    code, said = podman.house.on_terminal(*podman.base, "exec", "-it", "lived", "tty")
    assert code == 0 and "/dev/pts/0" in said.split()
    assert limit_of(podman.house, f"libpod_parent/libpod-{started.stdout.strip()}") == str(MEMORY)
    podman.call("pause", "lived")
    assert podman.call("inspect", "--format", "{{.State.Status}}", "lived").strip() == "paused"
    podman.call("unpause", "lived")
    podman.house.wait_for(lambda: podman.call("logs", "lived") == "a line\n", "log")
    podman.call("stop", "--time", "30", "lived")
    assert podman.call("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "lived").split() == ["exited", "7"]
    podman.call("rm", "lived")


def test_podman_kill(podman):
    assert podman.run("--detach", "--name", "killed", IMAGE, "sleep", "1000").returncode == 0
    podman.call("kill", "killed")
    assert podman.call("wait", "killed").strip() == "137"
    podman.call("rm", "killed")


def test_podman_read_only_with_a_tmpfs_that_begins_as_the_image(podman):
    done = podman.run("--rm", "--read-only", "--tmpfs", "/data", IMAGE, "sh", "-c", "cat /data/file; echo x > /data/y && ls /data; touch /etc/x")
    assert done.stdout.split() == ["of", "the", "image", "file", "y"] and "Read-only" in done.stderr
