"""A busybox bundle and wherry-runtime, each test in roots and names of its own."""
import copy
import glob
import json
import os
import pathlib
import shutil
import subprocess
import uuid

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUSYBOX = "/usr/bin/busybox"
CGROUP_ROOT = "/sys/fs/cgroup"


def find_runtime():
    """The program under test: $WHERRY_BIN, else the newest build."""
    directory = os.environ.get("WHERRY_BIN")
    if directory:
        return os.path.join(directory, "wherry-runtime")
    built = glob.glob(str(REPOSITORY / "build" / "*" / "bin" / "wherry-runtime"))
    return max(built, key=os.path.getmtime) if built else None


def skip_reason():
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists(BUSYBOX):
        return "needs busybox-static"
    if not find_runtime():
        return "wherry-runtime is not built"
    return None


def make_rootfs(path):
    (path / "bin").mkdir(parents=True)
    for name in ("etc", "tmp", "root", "home"):
        (path / name).mkdir()
    (path / "tmp").chmod(0o1777)
    shutil.copy(BUSYBOX, path / "bin" / "busybox")
    names = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout
    for name in names.split():
        if name != "busybox":
            (path / "bin" / name).symlink_to("busybox")
    (path / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")


class Runtime:
    """wherry-runtime with a --root of its own and bundles below `directory`."""

    def __init__(self, directory):
        self.program = find_runtime()
        self.directory = directory
        self.root = directory / "state"
        self.rootfs = directory / "bundle" / "rootfs"
        make_rootfs(self.rootfs)
        self.bundle = directory / "bundle"
        self.ids = []
        self.flags = []  # before the command
        self.call("spec", "--bundle", str(self.bundle))
        self.default_config = json.loads((self.bundle / "config.json").read_text())
        self.default_config["process"]["terminal"] = False

    def config(self, *args, **process):
        """The default config with a command."""
        config = copy.deepcopy(self.default_config)
        config["process"]["args"] = list(args)
        config["process"].update(process)
        return config

    def call(self, *arguments, check=True, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([self.program, "--root", str(self.root), *self.flags, *arguments],
                              capture_output=True, text=True, timeout=60, **kwargs)
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.returncode}: {done.stderr}")
        return done

    def new_id(self):
        name = "wherry-test-" + uuid.uuid4().hex[:12]
        self.ids.append(name)
        return name

    def write(self, config):
        (self.bundle / "config.json").write_text(json.dumps(config))

    def run(self, config, *flags, check=False, **kwargs):
        self.write(config)
        return self.call("run", *flags, "--bundle", str(self.bundle), self.new_id(), check=check,
                         **kwargs)

    def shell(self, script, **process):
        """Runs a script with the default config; its stdout."""
        done = self.run(self.config("sh", "-c", script, **process))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, config, *flags, check=True):
        """A container with /dev/null for streams, so that nobody waits for its pipes."""
        self.write(config)
        name = self.new_id()
        with open(self.directory / "out", "w+") as out:
            done = subprocess.run([self.program, "--root", str(self.root), *self.flags, "create", *flags,
                                   "--bundle", str(self.bundle), name],
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60)
        if check:
            assert done.returncode == 0, (self.directory / "out").read_text()
        return name

    def start(self, config, *flags):
        name = self.create(config, *flags)
        self.call("start", name)
        return name

    def sleeping(self, config=None):
        return self.start(config or self.config("sleep", "1000"))

    def state(self, name):
        return json.loads(self.call("state", name).stdout)

    def leftovers(self):
        """What the containers of this object left on the host."""
        found = []
        for name in self.ids:
            for pattern in (f"{CGROUP_ROOT}/{name}", f"{CGROUP_ROOT}/*/{name}"):
                found += glob.glob(pattern)
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        found += [line for line in mounts.splitlines() if str(self.directory) in line]
        return found

    def close(self):
        for name in self.ids:
            self.call("delete", "--force", name, check=False)


def fields(status_text):
    """"/proc/self/status" as a dictionary."""
    return dict(line.split(":\t", 1) for line in status_text.splitlines() if ":\t" in line)
