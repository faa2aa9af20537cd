"""What the gauntlet works with: bundles, an OCI runtime behind the command line that all have, canaries
on the host, and the checks that nothing of them changed and nothing stayed behind.

A Lab lives in mount, network, ipc and pid namespaces of its own (enter_namespaces); the host of its
containers is that namespace, whose files it may look at afterwards.
"""
import array
import copy
import glob
import hashlib
import json
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import uuid

BUSYBOX = "/usr/bin/busybox"
HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 60
APPLETS = "sh ls cat echo sleep true false id stat wc head test mkdir touch grep pwd dd readlink kill hostname"
CAPABILITIES = ["CAP_" + name for name in (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
    "SYS_CHROOT KILL AUDIT_WRITE").split()]
DEFAULT_MASK = "00000000a80425fb"
NO_CAPABILITIES = "0" * 16
MASKED = ["/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
          "/sys/devices/virtual/powercap", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
WATCHED_SYSCTLS = ["kernel/core_pattern", "vm/swappiness", "fs/file-max", "kernel/modprobe", "kernel/hotplug"]


class Failed(Exception):
    """The attack worked, or the harmless variant did not."""


class NotApplicable(Exception):
    """The runtime or the host has nothing to attack here."""


def require(holds, what):
    if not holds:
        raise Failed(what)


def enter_namespaces(arguments):
    """Runs this program again in namespaces of its own; returns in the inner one, in a child of its
    process 1, which reaps what containers leave to it."""
    if os.getpid() != 1:
        os.execvp("unshare", ["unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child",
                              "--mount-proc", "--propagation", "private", sys.executable, *arguments])
    worker = os.fork()
    while worker:
        pid, status = os.wait()
        if pid == worker:
            os._exit(os.waitstatus_to_exitcode(status) & 0xff)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def hide_unified_hierarchy():
    """Of a hybrid host only the v1 hierarchies are left: what crun before 1.20 asks for. They are
    mounted anew, so that what is made beside them is not the host's."""
    points = []
    for line in mount_table().splitlines():
        left, right = line.split(" - ")
        if right.startswith("cgroup "):
            points.append(pathlib.Path(left.split()[4]))
    if not points:
        return
    top = tempfile.mkdtemp(prefix="wherry-gauntlet-")
    subprocess.run(["mount", "-t", "tmpfs", "cgroup", top], check=True)
    for point in points:
        os.mkdir(f"{top}/{point.name}")
        subprocess.run(["mount", "--bind", point, f"{top}/{point.name}"], check=True)
    subprocess.run(["mount", "--rbind", top, "/sys/fs/cgroup"], check=True)
    subprocess.run(["umount", "-l", top], check=True)
    os.rmdir(top)


def build_probes(directory):
    """The attackers' programs, static."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for source in sorted((HERE / "probes").glob("*.c")):
        program = directory / source.stem
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["gcc", "-O2", "-static", "-o", program, source], check=True)
    return directory


def snapshot(directory):
    """Everything of a tree that an attack could have changed: path -> facts."""
    found = {}
    for root, folders, files in os.walk(directory):
        for name in [".", *folders, *files]:
            path = os.path.join(root, name)
            status = os.lstat(path)
            content = ""
            if stat.S_ISREG(status.st_mode):
                content = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            attributes = tuple(sorted(os.listxattr(path, follow_symlinks=False)))
            found[os.path.relpath(path, directory)] = (
                status.st_ino, status.st_mode, status.st_nlink, status.st_uid, status.st_gid, status.st_size,
                status.st_rdev, status.st_mtime_ns, content, attributes)
    return found


def mount_table():
    return pathlib.Path("/proc/self/mountinfo").read_text()


def sysctls():
    return {name: path.read_text() for name in WATCHED_SYSCTLS
            if (path := pathlib.Path("/proc/sys", name)).exists()}


def device_rules():
    def allow(major, minor=None):
        rule = {"allow": True, "type": "c", "major": major, "access": "rwm"}
        return {**rule, **({} if minor is None else {"minor": minor})}
    return [{"allow": False, "access": "rwm"},
            {"allow": True, "type": "c", "access": "m"}, {"allow": True, "type": "b", "access": "m"},
            allow(1, 3), allow(1, 8), allow(1, 7), allow(5, 0), allow(1, 5), allow(1, 9), allow(136), allow(5, 2),
            allow(10, 200)]


def default_config():
    """What docker gives an OCI runtime for `docker run`, without seccomp (C05 has its own)."""
    guarded = ["nosuid", "noexec", "nodev"]
    return {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "hostname": "gauntlet",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["true"], "env": ["PATH=/bin"], "cwd": "/",
            "capabilities": {kind: list(CAPABILITIES) for kind in ("bounding", "effective", "permitted")},
            "noNewPrivileges": False},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": guarded},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*guarded, "ro"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": guarded},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": [*guarded, "mode=1777"]}],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("mount", "network", "uts", "pid", "ipc")],
            "maskedPaths": list(MASKED), "readonlyPaths": list(READ_ONLY),
            "resources": {"devices": device_rules()}}}


def without_mounts(config, *destinations):
    config["mounts"] = [one for one in config["mounts"] if one["destination"] not in destinations]
    return config


def bind(destination, source, *options):
    return {"destination": destination, "type": "bind", "source": str(source), "options": ["bind", *options]}


class Bundle:
    """A root file system of busybox and a config.json."""

    def __init__(self, directory):
        self.path = directory
        self.rootfs = directory / "rootfs"
        for name in ("bin", "etc", "tmp", "root"):
            (self.rootfs / name).mkdir(parents=True)
        (self.rootfs / "tmp").chmod(0o1777)
        shutil.copy(BUSYBOX, self.rootfs / "bin/busybox")
        for name in APPLETS.split():
            (self.rootfs / "bin" / name).symlink_to("busybox")

    def write(self, config):
        (self.path / "config.json").write_text(json.dumps(config))


class Console:
    """The socket to which a runtime sends the master of a container's terminal."""

    def __init__(self, path):
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.listener.settimeout(TIMEOUT_S)

    def output(self):
        """All that the container writes to its terminal, until it ends."""
        peer, _ = self.listener.accept()
        peer.settimeout(TIMEOUT_S)
        _, control, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(4 * 4))
        masters = array.array("i", control[0][2][:4])
        text = b""
        try:
            while data := os.read(masters[0], 4096):
                text += data
        except OSError:
            pass  # EIO: nobody holds the other end any more
        os.close(masters[0])
        peer.close()
        return text.decode(errors="replace")

    def close(self):
        self.listener.close()


class Lab:
    """One case's world: a runtime, bundles, canaries."""

    def __init__(self, program, probes, long_form=False):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="wherry-gauntlet-"))
        subprocess.run(["mount", "-t", "tmpfs", "gauntlet", self.directory], check=True)
        self.program = str(program)
        self.probes = pathlib.Path(probes)
        self.long_form = long_form
        self.ids, self.guards, self.attackers = [], {}, []
        self.count = 0
        self.mounts, self.parameters = mount_table(), sysctls()

    # --- things to attack ---

    def fresh(self, name):
        self.count += 1
        path = self.directory / f"{name}{self.count}"
        path.mkdir()
        return path

    def bundle(self):
        return Bundle(self.fresh("bundle"))

    def canary(self):
        """A directory of the host that must not change by a byte."""
        path = self.fresh("victim")
        (path / "ptmx").write_text("canary")
        (path / "null").write_text("canary")
        (path / "folder").mkdir()
        self.guards[path] = snapshot(path)
        return path

    def guard(self, path):
        self.guards[path] = snapshot(path)

    def add_probe(self, bundle, name):
        shutil.copy(self.probes / name, bundle.rootfs / "bin" / name)
        return "/bin/" + name

    # --- the runtime ---

    def call(self, *arguments, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("capture_output", True)
        return subprocess.run([self.program, "--root", str(self.directory / "state"), *map(str, arguments)],
                              text=True, errors="replace", timeout=TIMEOUT_S, **options)

    def new_id(self):
        self.ids.append("gauntlet-" + uuid.uuid4().hex[:12])
        return self.ids[-1]

    def config(self, *arguments, **process):
        config = default_config()
        config["process"].update({"args": list(arguments), **process})
        return config

    def placed(self, config, name):
        """The config with a cgroup whose name we know."""
        return {**config, "linux": {**config["linux"], "cgroupsPath": f"/{name}"}}

    def run(self, bundle, config, **options):
        name = self.new_id()
        bundle.write(self.placed(config, name))
        return self.call("run", "--bundle", bundle.path, name, **options)

    def sleeping(self, bundle, config, output=subprocess.DEVNULL):
        """A detached container; its id."""
        name = self.new_id()
        bundle.write(self.placed(config, name))
        log = self.directory / "detached.log"
        with open(log, "w") as errors:
            made = self.call("create", "--bundle", bundle.path, name, capture_output=False, stdout=output,
                             stderr=errors)
        require(made.returncode == 0, f"control: create: {log.read_text().strip()}")
        started = self.call("start", name)
        require(started.returncode == 0, f"control: start: {started.stderr.strip()}")
        return name

    def on_terminal(self, bundle, config):
        """(whether it was created, what it wrote to its terminal or why not)."""
        name = self.new_id()
        config = self.placed(copy.deepcopy(config), name)
        config["process"]["terminal"] = True
        bundle.write(config)
        console = Console(self.directory / f"console{self.count}-{len(self.ids)}")
        log = self.directory / "terminal.log"
        with open(log, "w") as output:
            made = self.call("create", "--console-socket", console.path, "--bundle", bundle.path, name,
                             capture_output=False, stdout=output, stderr=output)
        if made.returncode != 0:
            console.close()
            return False, log.read_text().strip()
        self.call("start", name)
        text = console.output()
        console.close()
        return True, text

    def delete(self, name):
        self.call("delete", "--force", name)

    def pid_of(self, name):
        return json.loads(self.call("state", name).stdout)["pid"]

    # --- judgement ---

    def lives(self, bundle, config, wanted=None):
        """The liveness control: without the attack the same set-up works."""
        done = self.run(bundle, config)
        require(done.returncode == 0, f"control: exit {done.returncode}: {done.stderr.strip()[-200:]}")
        if wanted is not None:
            require(wanted in done.stdout, f"control: {wanted!r} is not in {done.stdout[-200:]!r}")
        return done.stdout

    def attack(self, first, second):
        """Exchanges two names on the other core until `calm`."""
        self.attackers.append(subprocess.Popen([self.probes / "exchange", first, second],
                                               stderr=subprocess.DEVNULL))

    def calm(self):
        for process in self.attackers:
            process.kill()
            process.wait()
        self.attackers = []

    def check(self):
        """The verdict of the host: canaries, mount table, parameters."""
        for path, before in self.guards.items():
            after = snapshot(path)
            changed = sorted(set(before) ^ set(after)) or sorted(k for k in before if before[k] != after[k])
            require(not changed, f"the host's {path.name} has changed: {', '.join(changed[:6])}")
        require(mount_table() == self.mounts, "the host's mount table has changed")
        require(sysctls() == self.parameters, "a kernel parameter of the host has changed")

    def leftovers(self):
        return [path for name in self.ids for pattern in (f"/sys/fs/cgroup/{name}", f"/sys/fs/cgroup/*/{name}")
                for path in glob.glob(pattern)]

    def close(self):
        self.calm()
        for name in self.ids:
            self.delete(name)
        left = self.leftovers()
        for path in left:
            for folder, _, _ in os.walk(path, topdown=False):
                os.rmdir(folder)
        subprocess.run(["umount", "-l", self.directory], check=True)
        os.rmdir(self.directory)
        return left
