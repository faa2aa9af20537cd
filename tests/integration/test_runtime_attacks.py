"""Gauntlet A01-A06, B01, B02, C05, C07: the verdict comes from canaries on the host."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import threading

import pytest

import runtime_util

pytestmark = pytest.mark.skipif(bool(runtime_util.skip_reason()),
                                reason=runtime_util.skip_reason() or "")


@pytest.fixture
def runtime(tmp_path):
    made = runtime_util.Runtime(tmp_path)
    yield made
    made.close()
    assert made.leftovers() == []


@pytest.fixture
def victim(tmp_path):
    """A directory of the host; afterwards bit for bit what it was."""
    directory = tmp_path / "victim"
    directory.mkdir()
    (directory / "ptmx").write_text("canary")
    (directory / "null").write_text("canary")
    yield directory
    assert sorted(entry.name for entry in directory.iterdir()) == ["null", "ptmx"]
    for entry in directory.iterdir():
        assert entry.is_file() and not entry.is_symlink() and entry.read_text() == "canary"


def without_mount(config, destination):
    config["mounts"] = [m for m in config["mounts"]
                        if not m["destination"].startswith(destination)]
    return config


@pytest.mark.parametrize("with_tmpfs", [True, False])
def test_a01_dev_is_a_symlink_to_the_host(runtime, victim, with_tmpfs):
    (runtime.rootfs / "dev").symlink_to(victim)
    config = runtime.config("true")
    if not with_tmpfs:
        without_mount(config, "/dev")
    assert runtime.run(config).returncode != 0


def test_a01_control_dev_without_a_mount(runtime):
    config = without_mount(runtime.config("sh", "-c", "echo x > /dev/null && ls -l /dev/null"), "/dev")
    done = runtime.run(config)
    assert done.returncode == 0 and "1,   3" in done.stdout, done.stderr


@pytest.mark.parametrize("name", ["proc", "sys"])
def test_a02_proc_is_a_symlink(runtime, name):
    (runtime.rootfs / "evil").mkdir()
    (runtime.rootfs / name).symlink_to("/evil")
    done = runtime.run(runtime.config("true"))
    assert done.returncode == 1 and f'"/{name}"' in done.stderr
    assert list((runtime.rootfs / "evil").iterdir()) == []


@pytest.mark.parametrize("link", ["{victim}", "../../../../../../../..{victim}"])
def test_a03_mount_destination_through_symlinks(runtime, victim, link):
    (runtime.rootfs / "mnt").symlink_to(link.format(victim=victim))
    config = runtime.config("sh", "-c", "cat /proc/self/mounts")
    config["mounts"].append({"destination": "/mnt/new", "type": "tmpfs", "source": "tmpfs"})
    runtime.run(config)


def test_a03_control_a_symlink_inside_the_root(runtime):
    (runtime.rootfs / "real").mkdir()
    (runtime.rootfs / "mnt").symlink_to("/real")
    config = runtime.config("sh", "-c", "touch /mnt/new/x && ls /real/new")
    config["mounts"].append({"destination": "/mnt/new", "type": "tmpfs", "source": "tmpfs"})
    done = runtime.run(config)
    assert done.returncode == 0 and done.stdout == "x\n", done.stderr
    assert list((runtime.rootfs / "real" / "new").iterdir()) == []


def exchange(first, second):
    """renameat2(RENAME_EXCHANGE) through the C library."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.renameat2(-100, os.fsencode(first), -100, os.fsencode(second), 2)


@pytest.mark.parametrize("count", [int(os.environ.get("WHERRY_RACE_COUNT", "100"))])
def test_a04_symlink_exchange_race(runtime, victim, tmp_path, count):
    volume = tmp_path / "volume"
    (volume / "target").mkdir(parents=True)
    (volume / "link").symlink_to("/")
    stop = threading.Event()

    def race():
        while not stop.is_set():
            exchange(volume / "target", volume / "link")

    config = runtime.config("sh", "-c", "grep -c ' /volume/target\\| / ' /proc/self/mountinfo; ls /")
    config["mounts"] += [
        {"destination": "/volume", "type": "bind", "source": str(volume), "options": ["rbind"]},
        {"destination": "/volume/target", "type": "bind", "source": str(victim),
         "options": ["bind"]}]
    before = pathlib.Path("/proc/self/mountinfo").read_text()
    thread = threading.Thread(target=race)
    thread.start()
    try:
        for _ in range(count):
            done = runtime.run(config)
            # /work/../boot and the like are the host's; the bundle's root has none of them.
            assert "boot" not in done.stdout.split()
    finally:
        stop.set()
        thread.join()
    assert pathlib.Path("/proc/self/mountinfo").read_text() == before


def test_a05_masks_do_not_trust_the_images_null_device(runtime, tmp_path):
    dev = runtime.rootfs / "dev"
    dev.mkdir()
    (dev / "null").symlink_to("/proc/sysrq-trigger")
    config = without_mount(runtime.config("sh", "-c", "cat /proc/interrupts | wc -c"), "/dev")
    done = runtime.run(config)
    assert done.returncode != 0 or done.stdout.strip() == "0"
    assert (dev / "null").is_symlink()
    # Over a volume of the host at /dev nothing is made, and the masks are still our own.
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "null").symlink_to("/proc/sysrq-trigger")
    config["mounts"].append({"destination": "/dev", "type": "bind", "source": str(volume),
                             "options": ["bind"]})
    shutil.rmtree(dev)
    done = runtime.run(config)
    assert done.returncode == 0 and done.stdout.strip() == "0", done.stderr


def test_a06_console_is_a_symlink(runtime, victim, tmp_path):
    dev = runtime.rootfs / "dev"
    (dev / "pts").mkdir(parents=True)
    (dev / "console").symlink_to(victim / "x")
    config = runtime.config("true")
    config["mounts"] = [m for m in config["mounts"] if m["destination"] != "/dev"]
    config["process"]["terminal"] = True
    done = runtime.run(config)
    assert done.returncode == 1 and "console" in done.stderr


def test_b01_working_directory_on_a_descriptor(runtime):
    (runtime.rootfs / "link").symlink_to("/proc/self/fd/7")
    for number in list(range(3, 65)):
        done = runtime.run(runtime.config("true", cwd=f"/proc/self/fd/{number}"))
        assert done.returncode == 1, number
    assert runtime.run(runtime.config("true", cwd="/link")).returncode == 1
    assert runtime.run(runtime.config("true", cwd="/tmp")).returncode == 0


def test_b01_exec_on_a_descriptor(runtime):
    name = runtime.sleeping()
    for number in range(3, 30):
        done = runtime.call("exec", "--cwd", f"/proc/self/fd/{number}", name, "true", check=False)
        assert done.returncode == 1, number
    program = runtime.call("exec", name, "/proc/self/fd/5/../../bin/sh", "-c", "true", check=False)
    assert program.returncode == 1


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def test_b02_the_program_cannot_be_overwritten(runtime, tmp_path):
    copy = tmp_path / "wherry-runtime"
    shutil.copy(runtime.program, copy)
    runtime.program = str(copy)
    before = digest(copy)
    script = runtime.rootfs / "evil"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    runtime.run(runtime.config("/evil"))
    # While our process waits in the container, pid 1 of another view writes to its program.
    name = runtime.create(runtime.config("true"))
    pid = runtime.state(name)["pid"]
    with pytest.raises(OSError):
        os.close(os.open(f"/proc/{pid}/exe", os.O_WRONLY))
    runtime.call("delete", "--force", name)
    assert digest(copy) == before


def test_b02_children_are_not_dumpable(runtime):
    """Files of a non-dumpable process belong to root even when it runs as another user."""
    name = runtime.create(runtime.config("true", user={"uid": 1000, "gid": 1000}))
    pid = runtime.state(name)["pid"]
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0
    runtime.call("delete", "--force", name)


@pytest.mark.parametrize("key,value", [
    ("kernel.core_pattern", "|/bin/x"), ("kernel/../kernel/core_pattern", "x"),
    ("net.ipv4.ip_forward", "1\n2"), ("vm.swappiness", "1"), ("net.ipv4.+x", "1"),
    ("fs.file-max", "5")])
def test_c07_sysctls_of_the_host(runtime, key, value):
    watched = ["kernel/core_pattern", "vm/swappiness", "fs/file-max"]
    before = [pathlib.Path("/proc/sys", name).read_text() for name in watched]
    config = runtime.config("true")
    config["linux"]["sysctl"] = {key: value}
    done = runtime.run(config)
    assert done.returncode == 1 and "sysctl" in done.stderr
    assert before == [pathlib.Path("/proc/sys", name).read_text() for name in watched]


def test_c07_net_sysctl_needs_a_network_namespace(runtime):
    config = runtime.config("true")
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"]
                                     if n["type"] != "network"]
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    done = runtime.run(config)
    assert done.returncode == 1 and "is not in a separate kernel namespace" in done.stderr


PROBE = r"""
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static int answer(long nr, unsigned long a, unsigned long b, unsigned long c) {
  errno = 0;
  long r = syscall(nr, a, b, c, 0, 0, 0);
  return r < 0 ? errno : 0;
}
int main() {
  printf("vsock %d\n", answer(41, 40, 1, 0));
  printf("vsock-high %d\n", answer(41, 0x100000028UL, 1, 0));
  printf("alg %d\n", answer(41, 38, 5, 0));
  printf("unix %d\n", answer(41, 1, 1, 0));
  printf("unix-high %d\n", answer(41, 0x100000001UL, 1, 0));
  printf("userns %d\n", answer(56, 0x10000000, 0, 0));
  printf("clone3 %d\n", answer(435, 0, 0, 0));
  printf("io_uring %d\n", answer(425, 1, 0, 0));
  printf("keyctl %d\n", answer(250, 0, 0, 0));
  printf("userfaultfd %d\n", answer(323, 0, 0, 0));
  printf("x32 %d\n", answer(0x40000000 | 39, 0, 0, 0));
  printf("future %d\n", answer(2000, 0, 0, 0));
  printf("personality-high %d\n", answer(135, 0x1ffffffffUL, 0, 0));
  printf("personality-bad %d\n", answer(135, 0x40000, 0, 0));
  return 0;
}
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86-64")
def test_c05_seccomp_answers(runtime, tmp_path):
    (tmp_path / "probe.c").write_text(PROBE)
    subprocess.run(["gcc", "-static", "-o", str(runtime.rootfs / "probe"),
                    str(tmp_path / "probe.c")], check=True)
    done = runtime.run(runtime.config("/probe"))
    answers = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    eperm, enosys = "1", "38"
    assert answers == {"vsock": eperm, "vsock-high": eperm, "alg": eperm, "unix": "0",
                       "unix-high": "0", "userns": eperm, "clone3": enosys, "io_uring": eperm,
                       "keyctl": eperm, "userfaultfd": eperm, "x32": eperm, "future": enosys,
                       "personality-high": "0", "personality-bad": eperm}
