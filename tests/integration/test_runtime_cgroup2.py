"""Pure cgroup v2 as far as a hybrid host shows it: in a mount namespace without the v1
hierarchies only cgroup2 is left, with kill, freeze, namespaces and the device program."""
import ctypes
import json
import os
import pathlib
import subprocess

import pytest

import runtime_util


def v2_mount():
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line:
            return line.split()[4]
    return None


REASON = runtime_util.skip_reason() or (None if v2_mount() else "no cgroup2 mount on this host")
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "")
CLONE_NEWNS = 0x00020000


def enter_v2_only_namespace():
    """Runs in the child before exec."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(CLONE_NEWNS) == 0
    assert libc.mount(b"none", b"/", None, 0x44000, None) == 0  # MS_REC | MS_PRIVATE
    for line in reversed(pathlib.Path("/proc/self/mountinfo").read_text().splitlines()):
        if " - cgroup " in line:
            libc.umount2(line.split()[4].encode(), 2)


class V2Runtime(runtime_util.Runtime):
    def call(self, *arguments, **kwargs):
        kwargs.setdefault("preexec_fn", enter_v2_only_namespace)
        return super().call(*arguments, **kwargs)


@pytest.fixture
def runtime(tmp_path):
    made = V2Runtime(tmp_path)
    yield made
    made.close()
    assert made.leftovers() == []


def detached(runtime, *command):
    runtime.write(runtime.config(*command))
    name = runtime.new_id()
    with open(os.devnull, "w") as null:
        subprocess.run([runtime.program, "--root", str(runtime.root), "run", "--detach",
                        "--bundle", str(runtime.bundle), name], stdin=subprocess.DEVNULL,
                       stdout=null, stderr=null, preexec_fn=enter_v2_only_namespace, check=True,
                       timeout=60)
    return name


def test_the_default_has_a_cgroup_namespace(runtime):
    assert {"type": "cgroup"} in runtime.default_config["linux"]["namespaces"]
    out = runtime.shell("cat /proc/self/cgroup; grep ' /sys/fs/cgroup ' /proc/self/mountinfo; "
                        "cat /sys/fs/cgroup/cgroup.procs")
    assert "0::/\n" in out
    mount = next(line for line in out.splitlines() if "/sys/fs/cgroup" in line)
    assert " - cgroup2 " in mount and mount.split()[3] == "/" and mount.split()[5].startswith("ro,")
    assert "1" in out.split()


def test_the_device_program_guards_devices(runtime):
    out = runtime.shell("mknod /tmp/mem c 1 1 && (head -c1 /tmp/mem 2>&1; rm /tmp/mem); "
                        "head -c3 /dev/zero | wc -c; echo ok > /dev/null && echo written")
    assert "Operation not permitted" in out
    assert "3" in out.split() and "written" in out


def test_kill_pause_and_exec(runtime):
    name = detached(runtime, "sh", "-c", "sleep 1000 & sleep 1000 & wait")
    assert "0::/\n" in runtime.call("exec", name, "cat", "/proc/self/cgroup").stdout
    runtime.call("pause", name)
    assert json.loads(runtime.call("state", name).stdout)["status"] == "paused"
    assert runtime.call("exec", name, "true", check=False).returncode == 1
    runtime.call("resume", name)
    runtime.call("pause", name)
    runtime.call("delete", "--force", name)  # cgroup.kill ends frozen processes too


def test_a_limit_without_a_controller_is_a_warning(runtime):
    controllers = pathlib.Path(v2_mount(), "cgroup.controllers").read_text().split()
    if "memory" in controllers:
        pytest.skip("this host has the memory controller on v2")
    config = runtime.config("true")
    config["linux"]["resources"]["memory"] = {"limit": 1 << 26}
    done = runtime.run(config)
    assert done.returncode == 0 and "memory.limit_in_bytes is not supported here" in done.stderr
