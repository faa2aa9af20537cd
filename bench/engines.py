"""The engines that bench/run compares, each with roots and namespaces of its own."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))

import conftest  # noqa: E402


def version_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except OSError:
        return ""


class Wherry:
    name = "wherry"

    def __init__(self, directory):
        self.sandbox = conftest.Sandbox()
        self.engine = conftest.Engine(self.sandbox, directory).start()
        self.client = [str(conftest.BIN / "wherry")]
        self.environment = self.engine.client_environment()
        self.version = version_of(*self.client, "--version")

    def pids(self):
        return self.engine.processes()

    def close(self):
        self.engine.remove_containers()
        self.engine.close()
        self.sandbox.close()


class Docker:
    """dockerd of Debian's docker.io, or of WHERRY_BENCH_DOCKER (a folder with dockerd, containerd,
    containerd-shim-runc-v2, runc, docker-proxy, docker-init), started by hand."""
    name = "docker"

    def __init__(self, directory):
        self.sandbox = conftest.Sandbox()
        directory = pathlib.Path(directory)
        folder = os.environ.get("WHERRY_BENCH_DOCKER")
        if folder:
            paths = [folder]
        else:
            paths = []
            for package in ("docker.io", "containerd", "runc", "tini", "iptables"):
                done = subprocess.run([str(ROOT / "scripts/peers"), package], capture_output=True,
                                      text=True)
                if done.returncode != 0:
                    raise RuntimeError(done.stderr.strip())
                paths += [f"{done.stdout.strip()}/usr/bin", f"{done.stdout.strip()}/usr/sbin"]
        self.environment = {**os.environ, "PATH": ":".join(paths + [os.environ["PATH"], "/usr/sbin"]),
                            "DOCKER_HOST": f"unix://{directory}/docker.sock"}
        program = shutil.which("dockerd", path=self.environment["PATH"])
        if program is None:
            raise RuntimeError("no dockerd")
        self.log = open(directory / "dockerd.log", "wb")
        self.process = self.sandbox.popen(
            program, "-H", f"unix://{directory}/docker.sock", "--data-root", directory / "data",
            "--exec-root", directory / "exec", "--pidfile", directory / "pid",
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment)
        self.client = [shutil.which("docker", path=os.environ["PATH"]) or
                       shutil.which("docker", path=self.environment["PATH"])]
        end = time.monotonic() + 60
        while subprocess.run([*self.client, "info"], env=self.environment,
                             capture_output=True).returncode != 0:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"dockerd did not start: {directory}/dockerd.log")
            time.sleep(0.2)
        self.version = "docker " + version_of(
            "env", f"DOCKER_HOST={self.environment['DOCKER_HOST']}", *self.client, "version",
            "--format", "{{.Server.Version}}")

    def pids(self):
        return conftest.children_of({self.process.pid})

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
    """podman as installed on the host, with storage of its own."""
    name = "podman"

    def __init__(self, directory):
        program = shutil.which("podman")
        if program is None:
            raise RuntimeError("podman is not installed")
        self.sandbox = conftest.Sandbox()
        self.client = self.sandbox.command(program, "--root", f"{directory}/root", "--runroot",
                                           f"{directory}/run", "--cgroup-manager", "cgroupfs")
        self.environment = dict(os.environ)
        self.version = version_of(program, "--version")

    def pids(self):
        return set()

    def close(self):
        subprocess.run([*self.client, "rm", "-fa"], env=self.environment, capture_output=True)
        self.sandbox.close()
