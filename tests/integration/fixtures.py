"""Fixtures of the integration tests: an engine of its own per test module, in namespaces of its
own, and a leak check after it.

WHERRY_BIN names the folder of the programs under test (default build/release/bin).
"""
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("WHERRY_BIN", ROOT / "build/release/bin")).resolve()
IMAGES = ROOT / "build/test-images"
TIMEOUT_S = 60
CLONE_NEWNET = 0x40000000


def require_root():
    if os.geteuid() != 0:
        pytest.skip("needs root: starts an engine in namespaces of its own")


def wait_until(condition, timeout_s=10, what="condition"):
    """Waits for something that has no event to wait for (another process' state)."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"timed out after {timeout_s} s: {what}")


def children_of(pids):
    """Every living descendant of the processes `pids`, themselves included."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(entry.name)] = int(fields[1])
    found = {pid for pid in pids if pid in parents}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found


class Sandbox:
    """A mount and network namespace in which an engine, a registry and peers live."""

    def __init__(self):
        # The holder keeps the namespaces alive and dies with its stdin.
        self.holder = subprocess.Popen(
            ["unshare", "-m", "-n", "--propagation", "private", "sh", "-c",
             "ip link set lo up && echo ready && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"ready\n"

    def command(self, *arguments):
        return ["nsenter", "-t", str(self.holder.pid), "-m", "-n", *map(str, arguments)]

    def popen(self, *arguments, **options):
        return subprocess.Popen(self.command(*arguments), **options)

    def run(self, *arguments, **options):
        options.setdefault("timeout", TIMEOUT_S)
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, **options)

    def listen(self, address):
        """A socket of this process that listens on (host, port) inside the sandbox."""
        made = []

        def enter_and_listen():  # setns(2) moves the calling thread alone
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/proc/{self.holder.pid}/ns/net") as namespace:
                if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    return
            made.append(socket.create_server(address, backlog=128))

        thread = threading.Thread(target=enter_and_listen)
        thread.start()
        thread.join()
        assert made, f"cannot listen on {address} in the sandbox"
        return made[0]

    def own_etc(self, directory):
        """/etc of the sandbox becomes a copy below `directory`, which tests may write to."""
        copy = pathlib.Path(directory) / "etc"
        done = self.run("sh", "-c", f"mkdir {copy} && cp -a /etc/. {copy} && mount --bind {copy} /etc")
        assert done.returncode == 0, done.stderr
        return copy

    def close(self):
        self.holder.stdin.close()
        self.holder.wait(10)


class Engine:
    """A wherryd with roots and socket of its own inside a Sandbox."""

    def __init__(self, sandbox, directory, *arguments, environment=None):
        self.sandbox = sandbox
        self.directory = pathlib.Path(directory)
        self.arguments = arguments
        self.environment = {**os.environ, **(environment or {})}
        self.socket = self.directory / "e.sock"
        self.data = self.directory / "data"
        self.run_root = self.directory / "run"
        self.log = self.directory / "wherryd.log"
        self.process = None
        self.programs = BIN
        self.wrapper = []  # a program that runs wherryd, and its arguments

    def start(self):
        configuration = self.directory / "daemon.json"
        if not configuration.exists():
            configuration.write_text("{}")
        ready_read, ready_write = os.pipe()
        with open(self.log, "ab") as log:
            self.process = self.sandbox.popen(
                *self.wrapper, self.programs / "wherryd", "-H", f"unix://{self.socket}", "--data-root", self.data,
                "--exec-root", self.run_root, "--pidfile", self.directory / "pid",
                "--config-file", self.directory / "daemon.json",
                "--ready-fd", str(ready_write), *self.arguments,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[ready_write],
                env=self.environment)
        os.close(ready_write)
        with os.fdopen(ready_read, "rb") as ready:
            assert ready.read(1), f"wherryd did not become ready:\n{self.log_text()}"
        return self

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self, timeout_s=20):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout_s)

    def kill(self):
        """kill -9 of the engine alone; the keeper and the containers stay."""
        self.process.kill()
        self.process.wait(10)

    def client_environment(self):
        return {**self.environment, "DOCKER_HOST": f"unix://{self.socket}",
                "DOCKER_CONFIG": str(self.directory / "config")}

    def cli(self, *arguments, program=None, check=None, **options):
        """Runs `wherry ARGUMENTS`; check: the expected exit code."""
        options.setdefault("timeout", TIMEOUT_S)
        done = subprocess.run([str(program or BIN / "wherry"), *map(str, arguments)],
                              capture_output=True, text=True, env=self.client_environment(),
                              **options)
        if check is not None:
            assert done.returncode == check, (
                f"{arguments}: exit {done.returncode}, not {check}\n{done.stdout}{done.stderr}"
                f"\n--- wherryd\n{self.log_text()[-3000:]}")
        return done

    def docker(self, *arguments, **options):
        docker = shutil.which("docker")
        if docker is None:
            pytest.skip("needs the docker client")
        return self.cli(*arguments, program=docker, **options)

    def api(self, method, path, body=None, headers=None):
        """One raw HTTP request: (status, headers, body bytes)."""
        import http.client

        class UnixConnection(http.client.HTTPConnection):
            def connect(connection):  # noqa: N805
                connection.sock = socket.socket(socket.AF_UNIX)
                connection.sock.settimeout(TIMEOUT_S)
                connection.sock.connect(str(self.socket))

        connection = UnixConnection("localhost")
        content = None if body is None else json.dumps(body)
        sent = dict(headers or {})
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        connection.request(method, path, content, sent)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, dict(response.getheaders()), data

    def inspect(self, name):
        return json.loads(self.cli("inspect", name, check=0).stdout)[0]

    def load(self, *tars):
        for tar in tars:
            self.cli("load", "-i", tar, check=0)

    def remove_containers(self):
        ids = self.cli("ps", "-aq", "--no-trunc", check=0).stdout.split()
        if ids:
            self.cli("rm", "-f", *ids, check=0)

    def processes(self):
        """Every living process of this engine: whoever has its roots on the command line."""
        found = set()
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            program = command[0].rsplit(b"/", 1)[-1]
            if program.startswith(b"wherry") and any(bytes(self.directory) in part
                                                     for part in command):
                found.add(int(entry.name))
        return found

    def leaks(self):
        """What is left once no container exists: a list of lines, empty if clean."""
        left = []
        for hierarchy in pathlib.Path("/sys/fs/cgroup").glob("*"):
            for path, _, _ in os.walk(hierarchy):
                name = pathlib.Path(path).name
                if len(name) == 64 and (self.data / "containers" / name).exists():
                    left.append(f"cgroup {path}")
        links = self.sandbox.run("ip", "-o", "link").stdout
        for line in links.splitlines():
            if "master wherry" in line:
                left.append(f"link {line}")
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                mounts = (entry / "mountinfo").read_text()
            except OSError:
                continue
            for line in mounts.splitlines():
                if str(self.data) in line:
                    left.append(f"mount in {entry.name}: {line}")
        return left

    def close(self):
        self.stop()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: not self.processes(), what=f"end of {self.processes()}")


def make_images():
    """busybox, alpine stand-in and hello-world as docker-archive files, made once."""
    if (IMAGES / ".complete").exists():
        return IMAGES
    if shutil.which("busybox") is None:
        pytest.skip("needs Debian's busybox-static")
    IMAGES.mkdir(parents=True, exist_ok=True)
    script = f"""
    set -e
    . {ROOT}/scripts/lib/images.sh
    cd {IMAGES} && rm -rf *.tree *.oci
    busybox_tree busybox.tree
    oci_image busybox.tree busybox.oci '["sh"]'
    archive_image busybox.oci busybox:latest busybox.tar
    alpine_tree alpine.tree
    oci_image alpine.tree alpine.oci '["/bin/sh"]'
    archive_image alpine.oci alpine:latest alpine.tar
    hello_tree hello.tree {ROOT}/scripts/images/hello.c
    oci_image hello.tree hello.oci '["/hello"]'
    archive_image hello.oci hello-world:latest hello.tar
    rm -rf *.tree
    touch .complete
    """
    subprocess.run(["sh", "-c", script], check=True, capture_output=True)
    return IMAGES


@pytest.fixture(scope="session")
def images():
    return make_images()


@pytest.fixture(scope="module")
def sandbox():
    require_root()
    box = Sandbox()
    yield box
    box.close()


@pytest.fixture(scope="module")
def scratch():
    """A short path, because socket paths are short; removed afterwards."""
    directory = tempfile.mkdtemp(prefix="wherry-it-")
    yield pathlib.Path(directory)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def bare_engine(sandbox, scratch):
    """A running engine without images."""
    if not (BIN / "wherryd").exists():
        pytest.fail(f"no wherryd in {BIN}: build first")
    engine = Engine(sandbox, scratch).start()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def module_engine(bare_engine, images):
    bare_engine.load(images / "busybox.tar", images / "alpine.tar")
    return bare_engine


@pytest.fixture
def engine(module_engine):
    """The module's engine with busybox and alpine loaded; no container before and after, and
    nothing left of those that the test made."""
    yield module_engine
    if module_engine.process.poll() is not None:
        module_engine.start()
    module_engine.remove_containers()
    wait_until(lambda: not module_engine.leaks(), what=f"clean-up, left: {module_engine.leaks()}")


@pytest.fixture(scope="module")
def registry(sandbox, scratch):
    """Debian's docker-registry on a free loopback port inside the sandbox: its address."""
    unpacked = subprocess.run([str(ROOT / "scripts/peers"), "docker-registry"],
                              capture_output=True, text=True)
    if unpacked.returncode != 0:
        pytest.skip("needs Debian's docker-registry package")
    program = pathlib.Path(unpacked.stdout.strip()) / "usr/bin/docker-registry"
    config = scratch / "registry.yml"
    storage = scratch / "registry"
    address = "127.0.0.1:5000"  # free: the network namespace is ours alone
    config.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {storage}\n"
                      f"  delete:\n    enabled: true\nhttp:\n  addr: {address}\n"
                      "log:\n  level: error\n")
    process = sandbox.popen(program, "serve", config, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: sandbox.run("curl", "-fsS", f"http://{address}/v2/").returncode == 0,
               what="registry")
    yield address
    process.terminate()
    process.wait(10)
