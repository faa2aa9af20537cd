"""What a container sees of docker's defaults (gauntlet C01, C04, C05, C06, C08; B04)."""
import pytest

import runtime_util

pytestmark = pytest.mark.skipif(bool(runtime_util.skip_reason()),
                                reason=runtime_util.skip_reason() or "")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    made = runtime_util.Runtime(tmp_path_factory.mktemp("runtime"))
    yield made
    made.close()
    assert made.leftovers() == []


def test_capabilities_of_root(runtime):
    status = runtime_util.fields(runtime.shell("cat /proc/1/status"))
    for name in ("CapBnd", "CapPrm", "CapEff"):
        assert status[name] == "00000000a80425fb"
    assert status["CapInh"] == status["CapAmb"] == "0000000000000000"
    assert status["Seccomp"] == "2"


def test_capabilities_of_a_user(runtime):
    user = {"uid": 1000, "gid": 1000, "additionalGids": [1000, 2000]}
    out = runtime.shell("cat /proc/1/status; id -G", user=user)
    status = runtime_util.fields(out)
    assert status["CapBnd"] == "00000000a80425fb"
    for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        assert status[name] == "0000000000000000"
    assert status["Uid"].split() == ["1000"] * 4
    assert status["Groups"].split() == ["1000", "2000"]


def test_mounts(runtime):
    lines = runtime.shell("cat /proc/self/mounts").splitlines()
    mounts = {line.split()[1]: line.split() for line in lines}
    assert mounts["/proc"][2:4] == ["proc", "rw,nosuid,nodev,noexec,relatime"]
    assert mounts["/dev"][2] == "tmpfs" and "mode=755" in mounts["/dev"][3]
    assert mounts["/dev/pts"][2] == "devpts" and "ptmxmode=666" in mounts["/dev/pts"][3]
    assert mounts["/sys"][2:4] == ["sysfs", "ro,nosuid,nodev,noexec,relatime"]
    assert mounts["/dev/mqueue"][2] == "mqueue"
    assert mounts["/dev/shm"][2] == "tmpfs" and "size=65536k" in mounts["/dev/shm"][3]
    assert mounts["/sys/fs/cgroup"][3].startswith("ro,")


def test_nothing_of_the_host_lies_on_the_root(runtime):
    """The old root is gone: neither listed nor to be reached by the ".." of the root."""
    out = runtime.shell("cat /proc/self/mountinfo; ls -id / /..")
    roots = [line for line in out.splitlines() if " / / " in line or " / rw" in line]
    mounted_on_root = [line for line in out.splitlines() if " - " in line and line.split()[4] == "/"]
    assert len(mounted_on_root) == 1, roots
    inodes = [line.split()[0] for line in out.splitlines()[-2:]]
    assert inodes[0] == inodes[1]


def test_namespaces_are_the_containers_own(runtime):
    out = runtime.shell("cat /proc/1/comm; ls /sys/class/net; ls -A /dev/mqueue; hostname; ps | wc -l")
    lines = out.split()
    assert lines[:3] == ["sh", "lo", "wherry"]
    assert int(lines[3]) < 6


MASKED = ["/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
          "/sys/devices/virtual/powercap", "/sys/firmware"]


def test_masked_paths_are_empty_and_unwritable(runtime):
    script = "; ".join(
        f'if [ -d {p} ]; then ls -A {p}; touch {p}/x 2>/dev/null && echo wrote {p}; '
        f'elif [ -e {p} ]; then cat {p}; fi' for p in MASKED)
    assert runtime.shell(script + "; true") == ""
    seen = runtime.shell("cat /proc/self/mounts")
    assert "/proc/interrupts" in seen  # the control: there was something to mask


@pytest.mark.parametrize("path", ["/proc/sys/kernel/hostname", "/proc/irq/default_smp_affinity",
                                  "/proc/sysrq-trigger"])
def test_read_only_paths(runtime, path):
    done = runtime.run(runtime.config("sh", "-c", f"[ -e {path} ] || exit 7; echo x > {path}"))
    if done.returncode == 7:
        pytest.skip(f"this kernel has no {path}")
    assert done.returncode != 0 and "Read-only file system" in done.stderr


def test_devices(runtime):
    out = runtime.shell("ls -l /dev | grep ^c | awk '{print $1, $5, $6, $10}'; ls /dev; "
                        "mknod /tmp/vda b 254 0 && (head -c1 /tmp/vda 2>&1; rm /tmp/vda); "
                        "mknod /tmp/mem c 1 1 && (head -c1 /tmp/mem 2>&1; rm /tmp/mem); "
                        "echo works > /dev/null; head -c4 /dev/zero | wc -c")
    for node in ("crw-rw-rw- 1, 3 null", "crw-rw-rw- 1, 5 zero", "crw-rw-rw- 1, 7 full",
                 "crw-rw-rw- 1, 8 random", "crw-rw-rw- 1, 9 urandom", "crw-rw-rw- 5, 0 tty"):
        assert node in out
    assert out.count("Operation not permitted") == 2  # the device cgroup
    assert out.strip().endswith("4")


def test_descriptors(runtime):
    """ls sees 0, 1, 2 and its own directory: nothing of ours is left (B04)."""
    out = runtime.shell("ls /proc/self/fd")
    assert out.split() == ["0", "1", "2", "3"]


def test_no_new_privileges(runtime):
    out = runtime.shell("grep NoNewPrivs /proc/1/status", noNewPrivileges=True)
    assert out.split() == ["NoNewPrivs:", "1"]
    assert runtime.shell("grep NoNewPrivs /proc/1/status").split() == ["NoNewPrivs:", "0"]


def test_seccomp_answers(runtime):
    """unshare is EPERM, mount is EPERM even for what the capabilities would allow."""
    done = runtime.run(runtime.config("unshare", "-U", "true"))
    assert done.returncode != 0 and "Operation not permitted" in done.stderr
    config = runtime.config("unshare", "-U", "true")
    del config["linux"]["seccomp"]
    assert "seccomp" not in config["linux"]
    control = runtime.run(config)
    assert control.returncode == 0, control.stderr


def test_rlimits_and_oom_score(runtime):
    limits = [{"type": "RLIMIT_NOFILE", "soft": 123, "hard": 456}]
    out = runtime.shell("ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj", rlimits=limits,
                        oomScoreAdj=77)
    assert out.split() == ["123", "456", "77"]


def test_a_limit_above_ours_is_cut_with_a_warning(runtime):
    limits = [{"type": "RLIMIT_NOFILE", "soft": 999999999, "hard": 999999999}]
    done = runtime.run(runtime.config("sh", "-c", "ulimit -Hn", rlimits=limits))
    assert done.returncode == 0
    if done.stdout.strip() != "999999999":
        assert "RLIMIT_NOFILE cannot be raised" in done.stderr


def test_environment_umask_and_working_directory(runtime):
    config = runtime.config("sh", "-c", "pwd; umask; echo $MARK", cwd="/made/by/runtime",
                            env=["PATH=/bin", "MARK=here"])
    done = runtime.run(config)
    assert done.stdout.split() == ["/made/by/runtime", "0022", "here"]


def test_sysctl(runtime):
    config = runtime.config("cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/shmmni")
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "1234"}
    assert runtime.run(config).stdout.split() == ["1", "1234"]


def test_read_only_root(runtime):
    config = runtime.config("touch", "/x")
    config["root"]["readonly"] = True
    done = runtime.run(config)
    assert done.returncode != 0 and "Read-only file system" in done.stderr
    config["process"]["args"] = ["touch", "/dev/shm/x"]
    assert runtime.run(config).returncode == 0


def test_exit_codes(runtime):
    assert runtime.run(runtime.config("sh", "-c", "exit 42")).returncode == 42
    assert runtime.run(runtime.config("sh", "-c", "kill -9 $$")).returncode == 0
    assert runtime.run(runtime.config("sh", "-c", "sh -c 'kill -9 $$'; exit $?")).returncode == 137
