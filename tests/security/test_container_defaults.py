"""Gauntlet B01, B04 and C01 to C08 through the engine: what `wherry run` and `exec` give a container."""
import io
import pathlib
import shutil
import tarfile

import pytest
import seccomp_table
from cases_process import ARGUMENTS, GARBAGE, fields
from cases_rootfs import IS_MASKED, unmasked
from fake_registry import Image
from lab import (APPLETS, CAPABILITIES, DEFAULT_MASK, MASKED, NO_CAPABILITIES, READ_ONLY, build_probes,
                 sysctls)
from test_image_store import docker_archive

pytestmark = [
    pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc for the attackers' programs"),
    pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox-static"),
]
PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1000:\nred:x:2001:app\ngreen:x:2002:app\nblue:x:2003:app\n"


def layer(probes):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        def add(name, data, mode=0o755):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
        add("bin/busybox", pathlib.Path("/usr/bin/busybox").read_bytes())
        for name in [*APPLETS.split(), "mknod", "ps"]:
            info = tarfile.TarInfo(f"bin/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
        for name in ("syscalls", "devices", "identity"):
            add(f"bin/{name}", (probes / name).read_bytes(), 0o4755 if name == "identity" else 0o755)
        add("etc/passwd", PASSWD.encode(), 0o644)
        add("etc/group", GROUP.encode(), 0o644)
        info = tarfile.TarInfo("tmp")
        info.type, info.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(info)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def with_probes(module_engine, tmp_path_factory):
    image = Image([layer(build_probes(tmp_path_factory.mktemp("probes")))])
    archive = tmp_path_factory.mktemp("image") / "probes.tar"
    archive.write_bytes(docker_archive(image, "probes:latest"))
    module_engine.load(archive)


@pytest.fixture
def box(engine, with_probes):
    """run(*flags, command=...) of the image of attackers' programs: its standard output."""
    def run(*flags, command):
        return engine.cli("run", "--rm", *flags, "probes", *command, check=0).stdout
    run.engine = engine
    return run


def status_of(box, *flags):
    return fields(box(*flags, command=["cat", "/proc/1/status"]))


def test_c01_capabilities_of_root(box):
    status = status_of(box)
    assert [status[name] for name in ("CapBnd", "CapPrm", "CapEff")] == [DEFAULT_MASK] * 3
    assert status["CapInh"] == status["CapAmb"] == NO_CAPABILITIES
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "0"


@pytest.mark.parametrize("user", ["1000", "app", "1000:1000"])
def test_c01_a_user_has_none(box, user):
    status = status_of(box, "-u", user)
    assert status["CapBnd"] == DEFAULT_MASK
    assert {status[name] for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {NO_CAPABILITIES}


@pytest.mark.parametrize("flags, effective", [
    (["--cap-drop", "ALL", "--cap-add", "SYS_PTRACE"], 1 << 19), (["--cap-add", "NET_ADMIN"], None),
    (["--cap-drop", "ALL"], 0), (["--privileged"], None)])
def test_c02_nothing_is_inheritable(box, flags, effective):
    status = status_of(box, *flags)
    assert status["CapInh"] == NO_CAPABILITIES
    if effective is not None:
        assert {int(status[name], 16) for name in ("CapBnd", "CapPrm", "CapEff")} == {effective}


def test_c02_nothing_is_inheritable_in_an_exec(box):
    engine = box.engine
    engine.cli("run", "-d", "--name", "c02", "probes", "sleep", "1000", check=0)
    for flags in ([], ["--privileged"], ["-u", "1000"], ["--privileged", "-u", "1000"]):
        status = fields(engine.cli("exec", *flags, "c02", "cat", "/proc/self/status", check=0).stdout)
        assert status["CapInh"] == NO_CAPABILITIES, flags
    assert status["CapEff"] == NO_CAPABILITIES


@pytest.mark.parametrize("flags, wanted", [
    (["-u", "1000:1000"], "1000"), (["-u", "1000"], "1000 2001 2002 2003"), (["-u", "app"], "1000 2001 2002 2003"),
    (["-u", "1000:1000", "--group-add", "44", "--group-add", "red"], "44 1000 2001"),
    (["-u", "4321:8765"], "8765"), (["-u", "app:2002"], "2002"), ([], "0")])
def test_c03_groups(box, flags, wanted):
    """The primary group is in the list (setgroups), and none of the host is."""
    listed = fields(box(*flags, command=["cat", "/proc/self/status"]))["Groups"].split()
    assert sorted(map(int, listed)) == sorted(map(int, wanted.split()))


def test_c04_masked_paths_are_empty_null_devices_or_folders(box):
    shown = box(command=["sh", "-c", IS_MASKED])
    assert "/proc/interrupts 1:3 0" in shown and not unmasked(shown)
    script = "; ".join(f"[ -d {p} ] && ls -A {p} && mkdir {p}/x 2>/dev/null && echo wrote {p}" for p in MASKED)
    assert box(command=["sh", "-c", script + "; true"]) == ""


def test_c04_read_only_paths_answer_erofs(box):
    script = "; ".join(f"[ -e {p} ] && ! grep -q ' {p} ro[ ,]' /proc/self/mountinfo && echo {p}" for p in READ_ONLY)
    assert box(command=["sh", "-c", script + "; true"]) == ""
    said = box(command=["sh", "-c", "(: > /proc/sys/kernel/hostname) 2>&1; "
                                    "(: > /proc/irq/default_smp_affinity) 2>&1; true"])
    assert said.count("Read-only file system") == 2


def test_c04_a_privileged_container_has_them(box):
    shown = box("--privileged", command=["sh", "-c", "wc -c < /proc/interrupts; "
                                         "grep -c ' /proc/sys ro' /proc/self/mountinfo; true"])
    assert int(shown.split()[0]) > 0 and shown.split()[1] == "0"


@pytest.mark.parametrize("added", [[], ["CAP_SYS_ADMIN"], ["CAP_SYS_PTRACE", "CAP_SYS_NICE", "CAP_SYSLOG"]])
def test_c05_every_system_call(box, added):
    flags = [word for name in added for word in ("--cap-add", name)]
    command = ["syscalls", "all", "470"]
    control = box(*flags, "--security-opt", "seccomp=unconfined", command=command).splitlines()
    lines = box(*flags, command=command).splitlines()
    wrong, judged = seccomp_table.judge(lines, seccomp_table.Oracle(CAPABILITIES + added), control)
    assert not wrong and judged > 900, (judged, wrong[:10])


def test_c05_argument_rules_with_garbage_above_bit_31(box):
    oracle, number = seccomp_table.Oracle(CAPABILITIES), seccomp_table.numbers("64")
    calls = [(name, (arguments[0] | garbage, *arguments[1:])) for name, arguments in ARGUMENTS
             for garbage in (0, GARBAGE, 1 << 32)]
    script = "\n".join(f"syscalls one 64 {number[name]} {' '.join(map(str, arguments))}" for name, arguments in calls)
    lines = box(command=["sh", "-c", script]).splitlines()
    for (name, arguments), line in zip(calls, lines, strict=True):
        wanted = oracle.answer("64", number[name], arguments)
        assert (line.split()[2] == "1") == (wanted == 1), f"{name}({arguments[0]:#x}): {line}"


def test_c05_what_no_filter_can_do(box):
    """socketcall has its arguments in memory: here, as with docker, a 32-bit program gets its socket."""
    said = box(command=["syscalls", "socketcall", "1"]).strip()
    if said == "38":
        pytest.skip("this kernel runs no 32-bit programs")
    assert said == "0"
    assert box(command=["syscalls", "socketcall", "40"]).strip() != "1"


def test_c06_devices(box):
    lines = box(command=["sh", "-c", "cd /tmp && devices"]).splitlines()
    assert int(lines[0].split()[3]) > 1000
    assert set(lines[1:]) - {"c 0:0", "b 0:0"} <= {
        "c 1:3", "c 1:5", "c 1:7", "c 1:8", "c 1:9", "c 5:0", "c 5:1", "c 5:2", "c 10:200", "c 136:0"}


@pytest.mark.parametrize("flags", [
    ["--sysctl", "kernel.core_pattern=|/bin/x"], ["--sysctl", "kernel/../kernel/core_pattern=x"],
    ["--sysctl", "vm.swappiness=1"], ["--sysctl", "fs.file-max=5"], ["--sysctl", "kernel.modprobe=/x"],
    ["--network", "host", "--sysctl", "net.ipv4.ip_forward=1"], ["--ipc", "host", "--sysctl", "kernel.shmmax=1"],
    ["--sysctl", "net.ipv4.ip_forward=1\n2"], ["--sysctl", "net.ipv4.+x=1"]], ids=" ".join)
def test_c07_parameters_of_the_host(box, flags):
    before = sysctls()
    done = box.engine.cli("run", "--rm", *flags, "probes", "true")
    assert done.returncode == 125 and "sysctl" in done.stderr, done.stderr
    assert sysctls() == before


def test_c07_control_a_parameter_of_its_own(box):
    shown = box("--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.shmmni=1234",
                command=["cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/shmmni"])
    assert shown.split() == ["1", "1234"]


def test_c08_no_new_privileges(box):
    assert box("-u", "1000", command=["identity"]).split()[:3] == ["1000", "0", "0"]  # the control
    flags = ["--security-opt", "no-new-privileges", "-u", "1000"]
    shown = box(*flags, command=["identity"]).split()
    assert shown[:3] == ["1000"] * 3 and shown[5] == "1"
    box.engine.cli("run", "-d", "--name", "c08", *flags, "probes", "sleep", "1000", check=0)
    for more in ([], ["-u", "app"]):
        shown = box.engine.cli("exec", *more, "c08", "identity", check=0).stdout.split()
        assert shown[:3] == ["1000"] * 3 and shown[5] == "1", more


def test_b01_working_directory_on_a_descriptor(box):
    engine = box.engine
    engine.cli("run", "-d", "--name", "b01", "probes", "sleep", "1000", check=0)
    assert engine.cli("exec", "-w", "/tmp", "b01", "pwd", check=0).stdout == "/tmp\n"  # the control
    for number in range(3, 65):
        done = engine.cli("exec", "-w", f"/proc/self/fd/{number}", "b01", "pwd")
        assert done.returncode != 0, (number, done.stdout)
        if number % 4 == 3:
            done = engine.cli("run", "--rm", "-w", f"/proc/self/fd/{number}", "probes", "pwd")
            assert done.returncode != 0, (number, done.stdout)


def test_b04_three_descriptors(box):
    # No pipeline: the shell, which is pid 1 here, would hold ends of it.
    listing = ["sh", "-c", "ls /proc/self/fd; ls /proc/1/fd; true"]
    assert box(command=listing).split() == ["0", "1", "2", "3"] + ["0", "1", "2"]
    assert box("--init", command=["ls", "/proc/self/fd"]).split() == ["0", "1", "2", "3"]
    engine = box.engine
    for i in range(10):
        engine.cli("run", "-d", "--name", f"b04-{i}", "-p", f"{18000 + i}:80", "probes", "sleep", "1000", check=0)
    shown = engine.cli("exec", "b04-0", "ls", "/proc/self/fd", check=0).stdout
    assert shown.split() == ["0", "1", "2", "3"]
