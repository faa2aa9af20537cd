"""The engines that bench/run compares, each with roots and namespaces of its own."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))

import fixtures  # noqa: E402


def version_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except OSError:
        return ""


PEER_SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


def enter_peer_root(sandbox, root, directory):
    """Mounts what a program inside `root` needs, in the sandbox; the command that enters it."""
    mounts = " && ".join([
        f"mount --bind {root} {root}", f"mount -t proc proc {root}/proc",
        f"mount --rbind /sys {root}/sys", f"mount --rbind /dev {root}/dev",
        f"mount -t tmpfs tmpfs {root}/run",
        f"mkdir -p {root}{directory}", f"mount --bind {directory} {root}{directory}"])
    done = sandbox.run("sh", "-c", mounts)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    # Not chroot: `exec` joins a mount namespace at its root, which would still be the host's.
    return ["unshare", "-m", "--propagation", "private", "sh", "-c",
            'cd "$0" && pivot_root . mnt && exec "$@"', root]


class Wherry:
    name = "wherry"

    def __init__(self, directory):
        self.sandbox = fixtures.Sandbox()
        # As /run is on users' hosts: the records of starts are not for a disk.
        run = pathlib.Path(directory) / "run"
        run.mkdir(parents=True, exist_ok=True)
        self.sandbox.run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", run, check=True)
        self.engine = fixtures.Engine(self.sandbox, directory).start()
        self.client = [str(fixtures.BIN / "wherry")]
        self.environment = self.engine.client_environment()
        self.version = version_of(*self.client, "--version")

    def pids(self):
        return self.engine.processes()

    def close(self):
        self.engine.remove_containers()
        self.engine.close()
        self.sandbox.close()


class Docker:
    """dockerd, started by hand in a sandbox: the one in WHERRY_PEER_ROOT (a root file system with
    docker.io, as scripts/peer-root makes it), else Debian's docker.io unpacked."""
    name = "docker"

    def __init__(self, directory):
        self.sandbox = fixtures.Sandbox()
        self.directory = pathlib.Path(directory)
        root = os.environ.get("WHERRY_PEER_ROOT")
        search, enter = self.peer_root(root) if root else self.unpacked()
        self.environment = {**os.environ, "PATH": search,
                            "DOCKER_HOST": f"unix://{self.directory}/docker.sock"}
        self.log = open(self.directory / "dockerd.log", "wb")
        self.process = self.sandbox.popen(
            *enter, "dockerd", "-H", f"unix://{self.directory}/docker.sock",
            "--data-root", self.directory / "data", "--exec-root", self.directory / "exec",
            "--pidfile", self.directory / "pid",
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment)
        self.client = [shutil.which("docker") or shutil.which("docker", path=search)]
        end = time.monotonic() + 60
        while subprocess.run([*self.client, "info"], env=self.environment,
                             capture_output=True).returncode != 0:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("dockerd did not start: " +
                                   (self.directory / "dockerd.log").read_text()[-500:])
            time.sleep(0.2)
        self.version = "docker " + version_of(
            "env", f"DOCKER_HOST={self.environment['DOCKER_HOST']}", *self.client, "version",
            "--format", "{{.Server.Version}}")

    def peer_root(self, root):
        return PEER_SEARCH, enter_peer_root(self.sandbox, root, self.directory)

    @staticmethod
    def unpacked():
        paths = []
        for package in ("docker.io", "containerd", "runc", "tini", "iptables"):
            done = subprocess.run([str(ROOT / "scripts/peers"), package], capture_output=True,
                                  text=True)
            if done.returncode != 0:
                raise RuntimeError(done.stderr.strip())
            paths += [f"{done.stdout.strip()}/usr/bin", f"{done.stdout.strip()}/usr/sbin"]
        return ":".join([*paths, os.environ["PATH"], "/usr/sbin"]), []

    def pids(self):
        return fixtures.children_of({self.process.pid})

    def close(self):
        ids = subprocess.run([*self.client, "ps", "-aq"], env=self.environment, capture_output=True,
                             text=True).stdout.split()
        if ids:
            subprocess.run([*self.client, "rm", "-f", *ids], env=self.environment,
                           capture_output=True)
        self.process.terminate()
        self.process.wait(60)
        self.sandbox.close()


class Podman:
    """podman of WHERRY_PEER_ROOT, else as installed on the host, with storage of its own. crun
    refuses a hybrid host, so the v2 mount is taken away in the sandbox."""
    name = "podman"

    def __init__(self, directory):
        root = os.environ.get("WHERRY_PEER_ROOT")
        if root and not pathlib.Path(root, "usr/bin/podman").exists():
            root = None
        if root is None and shutil.which("podman") is None:
            raise RuntimeError("podman is neither in WHERRY_PEER_ROOT nor installed")
        self.sandbox = fixtures.Sandbox()
        self.sandbox.run("umount", "/sys/fs/cgroup/unified")
        enter = enter_peer_root(self.sandbox, root, directory) if root else []
        self.environment = {**os.environ, "PATH": PEER_SEARCH} if root else dict(os.environ)
        self.client = self.sandbox.command(
            *enter, "podman", "--root", f"{directory}/root", "--runroot", f"{directory}/run",
            "--cgroup-manager", "cgroupfs", "--runtime", "crun")
        self.version = "podman " + version_of(*self.client, "version", "--format", "{{.Client.Version}}")
        # As docker's short names.
        self.registries = pathlib.Path(directory) / "registries.conf"
        self.registries.write_text('unqualified-search-registries = ["docker.io"]\n[[registry]]\n'
                                   'location = "127.0.0.1"\ninsecure = true\n')
        self.environment["PODMAN_IGNORE_CGROUPSV1_WARNING"] = "1"
        self.environment["CONTAINERS_REGISTRIES_CONF"] = str(self.registries)

    def pids(self):
        return set()

    def close(self):
        subprocess.run([*self.client, "rm", "-fa"], env=self.environment, capture_output=True)
        self.sandbox.close()
