"""--systemd-cgroup: scopes asked of a manager that keeps what it was told, and of the host's systemd where
there is one (scripts/v2-host)."""
import os
import pathlib
import signal
import struct
import subprocess
import time

import pytest

import fake_systemd
import runtime_util


def unified_mount():
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return next((line.split()[4] for line in lines if " - cgroup2 " in line), None)


REASON = runtime_util.skip_reason() or (None if unified_mount() else "no cgroup2 mount on this host")
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "")
SLICE = "wherrytest.slice"


@pytest.fixture
def manager(tmp_path, monkeypatch):
    made = fake_systemd.Systemd(tmp_path, unified_mount())
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={made.path}")
    yield made
    made.close()
    for group in pathlib.Path("/sys/fs/cgroup").glob(f"**/{SLICE}"):
        group.rmdir()  # fails where a scope is left


@pytest.fixture
def runtime(tmp_path, manager):
    made = runtime_util.Runtime(tmp_path)
    made.flags = ["--systemd-cgroup"]
    yield made
    made.close()
    assert made.leftovers() == []
    left = [str(one) for one in pathlib.Path("/sys/fs/cgroup").glob("**/*wherry-test-*.scope")]
    assert left == [] and not list(made.root.glob("*"))


def config_of(runtime, *command, name="one", **linux):
    config = runtime.config(*command)
    config["linux"]["cgroupsPath"] = f"{SLICE}:test:{name}"
    config["linux"].update(linux)
    return config


def properties(manager, at=-1):
    return dict(manager.asked("StartTransientUnit")[at][2])


def groups_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return {line.split(":", 2)[2] for line in lines}


def test_a_container_runs_in_a_scope(runtime, manager):
    done = runtime.run(config_of(runtime, "sh", "-c", "echo out; exit 3"))
    assert (done.returncode, done.stdout) == (3, "out\n"), done.stderr
    unit, mode, asked, further = manager.asked("StartTransientUnit")[0]
    assert (unit, mode, further) == ("test-one.scope", "fail", [])
    asked = dict(asked)
    assert asked.pop("PIDs") and asked.pop("Description") == f"wherry container {runtime.ids[0]}"
    assert asked == {"Slice": SLICE, "Delegate": True, "DefaultDependencies": False, "CPUAccounting": True,
                     "MemoryAccounting": True, "TasksAccounting": True}
    assert [name for name, _ in manager.calls[:4]] == ["Hello", "AddMatch", "Subscribe", "StartTransientUnit"]
    assert manager.asked("StopUnit") == [["test-one.scope", "replace"]]


def test_every_hierarchy_has_the_scope_s_path(runtime, manager):
    name = runtime.sleeping(config_of(runtime, "sleep", "1000"))
    state = runtime.state(name)
    wherever = groups_of(state["pid"])
    assert f"/{SLICE}/test-one.scope" in wherever
    (holder,) = properties(manager)["PIDs"]
    assert holder != state["pid"] and not os.path.exists(f"/proc/{holder}")
    runtime.call("pause", name)
    assert runtime.state(name)["status"] == "paused"
    runtime.call("resume", name)
    runtime.call("exec", name, "true")
    runtime.call("delete", "--force", name)
    assert manager.asked("StopUnit") and manager.asked("ResetFailedUnit")


def test_without_a_path_the_id_is_the_name(runtime, manager):
    runtime.run(runtime.config("true"), check=True)
    assert manager.asked("StartTransientUnit")[0][0] == f"wherry-{runtime.ids[0]}.scope"
    assert properties(manager)["Slice"] == "system.slice"


@pytest.mark.parametrize("spelling", [["--cgroup-manager", "systemd"], ["--cgroup-manager=systemd"]])
def test_crun_s_spelling(runtime, manager, spelling):
    runtime.flags = spelling
    runtime.run(config_of(runtime, "true"), check=True)
    assert manager.asked("StartTransientUnit")


def test_limits_are_told_and_written(runtime, manager):
    limits = {"memory": {"limit": 64 << 20}, "cpu": {"shares": 2048, "quota": 25000, "period": 50000, "cpus": "0"},
              "pids": {"limit": 20}}
    name = runtime.sleeping(config_of(runtime, "sleep", "1000", resources=limits))
    asked = properties(manager)
    assert asked.get("MemoryMax", asked.get("MemoryLimit")) == 64 << 20
    assert asked.get("CPUWeight", 170) in range(150, 200) and asked.get("CPUShares", 2048) == 2048
    assert (asked["CPUQuotaPerSecUSec"], asked["CPUQuotaPeriodUSec"]) == (500000, 50000)
    assert asked["AllowedCPUs"] == [1]
    assert "TasksMax" not in asked
    assert manager.asked("SetUnitProperties") == [["test-one.scope", True, [("TasksMax", 20)]]]
    read = [path.read_text().strip() for path in pathlib.Path("/sys/fs/cgroup").glob(f"**/{SLICE}/test-one.scope/pids.max")]
    assert read == ["20"]
    runtime.call("update", "--memory", str(32 << 20), name)
    (_, at_once, changed) = manager.asked("SetUnitProperties")[-1]
    changed = dict(changed)
    assert at_once is True and changed.get("MemoryMax", changed.get("MemoryLimit")) == 32 << 20


def test_a_limit_of_one_process(runtime, manager):
    name = runtime.sleeping(config_of(runtime, "sleep", "1000", resources={"pids": {"limit": 1}}))
    assert runtime.state(name)["status"] == "running"


def test_annotations_are_properties(runtime, manager):
    config = config_of(runtime, "true")
    config["annotations"] = {"org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode": "'inactive-or-failed'",
                             "org.systemd.property.Before": "['a.service', 'b.service']", "other": "x"}
    runtime.run(config, check=True)
    asked = properties(manager)
    assert asked["TimeoutStopUSec"] == 7000000 and asked["CollectMode"] == "inactive-or-failed"
    assert asked["Before"] == ["a.service", "b.service"]
    config["annotations"] = {"org.systemd.property.Before": "nonsense"}
    refused = runtime.run(config)
    assert refused.returncode == 1 and "org.systemd.property.Before" in refused.stderr


@pytest.mark.parametrize("path,reason", [("/plain", "slice:prefix:name"), ("a:b", "slice:prefix:name"), ("a/b.slice:x:y", "is not a slice"),
                                         ("x.service:x:y", "is not a slice"), (f"{SLICE}:x:", "no name"),
                                         (f"{SLICE}:x:{'y' * 300}", "is not a name for a scope")])
def test_paths_that_systemd_cannot_have(runtime, manager, path, reason):
    refused = runtime.run(config_of(runtime, "true", cgroupsPath=path))
    assert refused.returncode == 1 and reason in refused.stderr and not manager.calls


def test_a_path_of_systemd_s_form_without_systemd(runtime):
    runtime.flags = []
    refused = runtime.run(config_of(runtime, "true"))
    assert refused.returncode == 1 and "--systemd-cgroup" in refused.stderr


def test_a_job_that_fails(runtime, manager):
    manager.outcome = "failed"
    refused = runtime.run(config_of(runtime, "true"))
    assert refused.returncode == 1 and 'could not start test-one.scope: "failed"' in refused.stderr
    manager.outcome = "done"


def test_a_unit_that_is_there_is_not_ours(runtime, manager):
    words = fake_systemd.text("Unit test-one.scope was already loaded.")
    manager.answers["StartTransientUnit"] = None
    # The serial of the fourth call of a connection.
    manager.answers["StartTransientUnit"] = fake_systemd.message(3, words, "s", 4, error="org.freedesktop.systemd1.UnitExists") \
        + fake_systemd.message(3, words, "s", 6, error="org.freedesktop.systemd1.UnitExists")
    refused = runtime.run(config_of(runtime, "true"))
    assert refused.returncode == 1 and "UnitExists: Unit test-one.scope was already loaded." in refused.stderr
    assert manager.asked("ResetFailedUnit") == [["test-one.scope"]] and not manager.asked("StopUnit")


HEAD = struct.pack("<cBBBIII", b"l", 2, 0, 1, 4, 1, 8)
@pytest.mark.parametrize("answer", [None, b"l", b"B" + HEAD[1:] + b"\0" * 12, HEAD[:3] + b"\2" + HEAD[4:] + b"\0" * 12,
                                    struct.pack("<cBBBIII", b"l", 2, 0, 1, 1 << 30, 1, 0),
                                    struct.pack("<cBBBIII", b"l", 2, 0, 1, 0, 1, 0xffffffff),
                                    HEAD + b"\x05\x01u\0" + struct.pack("<I", 4) + b"\xff\xff\xff\xff",
                                    HEAD + b"\x06\x01s\0\xff\0\0\0" + b"\0" * 4, HEAD + b"\x06\x02vv\0v\0v" + b"\0" * 4,
                                    os.urandom(64)],
                         ids=["hangs up", "ends", "big endian", "version", "huge", "huge fields", "bad path", "short text", "variants", "noise"])
def test_a_manager_that_talks_nonsense(runtime, manager, answer):
    if answer == b"l":  # and then nothing more
        manager.answers["Subscribe"] = None
    manager.answers["StartTransientUnit"] = answer
    done = subprocess.run([runtime.program, "--root", str(runtime.root), "--systemd-cgroup", "run", "--bundle", str(runtime.bundle), runtime.new_id()],
                          capture_output=True, text=True, timeout=120) if runtime.write(config_of(runtime, "true")) is None else None
    assert done.returncode == 1 and ("D-Bus" in done.stderr or "test-one.scope" in done.stderr), done.stderr
    manager.failures.clear()  # we may have hung up on it


def test_nobody_answers(runtime, manager, monkeypatch, tmp_path):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nothing")
    refused = runtime.run(config_of(runtime, "true"))
    assert refused.returncode == 1 and "nothing" in refused.stderr


def test_killed_while_systemd_thinks(runtime, manager):
    manager.answers["StartTransientUnit"] = b"l"  # the rest never comes
    runtime.write(config_of(runtime, "true"))
    name = runtime.new_id()
    process = subprocess.Popen([runtime.program, "--root", str(runtime.root), "--systemd-cgroup", "create", "--bundle", str(runtime.bundle), name],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not manager.asked("StartTransientUnit"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (holder,) = properties(manager)["PIDs"]
    assert os.path.exists(f"/proc/{holder}")
    process.send_signal(signal.SIGKILL)
    process.wait()
    while os.path.exists(f"/proc/{holder}"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    manager.answers.clear()
    runtime.call("delete", "--force", name)
    assert manager.asked("StopUnit") == [["test-one.scope", "replace"]]


needs_systemd = pytest.mark.skipif(not os.path.exists("/run/systemd/private"), reason="this host's init is not systemd")


@pytest.fixture
def real(tmp_path):
    made = runtime_util.Runtime(tmp_path)
    made.flags = ["--systemd-cgroup"]
    yield made
    made.close()
    assert made.leftovers() == []
    units = subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", "test-real*"], capture_output=True, text=True)
    assert units.stdout == ""


def show(*names):
    done = subprocess.run(["systemctl", "show", "test-real.scope", *[f"-p{name}" for name in names]], capture_output=True, text=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@needs_systemd
@pytest.mark.parametrize("bus", ["direct", "bus"])
def test_the_host_s_systemd(real, monkeypatch, bus):
    if bus == "bus":
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket")
    config = config_of(real, "sleep", "1000", name="real", resources={"memory": {"limit": 64 << 20}, "pids": {"limit": 20},
                                                                      "cpu": {"quota": 50000, "period": 100000}})
    name = real.sleeping(config)
    pid = real.state(name)["pid"]
    assert groups_of(pid) == {f"/{SLICE}/test-real.scope"}
    assert show("MemoryMax", "TasksMax", "CPUQuotaPerSecUSec", "Delegate", "ActiveState") == {
        "MemoryMax": str(64 << 20), "TasksMax": "20", "CPUQuotaPerSecUSec": "500ms", "Delegate": "yes", "ActiveState": "active"}
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    group = pathlib.Path(f"/sys/fs/cgroup/{SLICE}/test-real.scope")
    assert (group / "memory.max").read_text().strip() == str(64 << 20)
    real.call("update", "--memory", str(32 << 20), name)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert (group / "memory.max").read_text().strip() == str(32 << 20)
    assert real.call("exec", name, "cat", "/proc/self/cgroup").stdout.strip() == "0::/"
    real.call("delete", "--force", name)
    assert not group.exists() and show("ActiveState")["ActiveState"] == "inactive"


@needs_systemd
def test_systemd_stops_the_scope(real):
    name = real.sleeping(config_of(real, "sleep", "1000", name="real"))
    subprocess.run(["systemctl", "stop", "test-real.scope"], check=True)
    deadline = time.monotonic() + 60
    while real.state(name)["status"] != "stopped":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    real.call("delete", name)


@needs_systemd
def test_a_name_can_be_used_again_after_an_oom_kill(real):
    hungry = config_of(real, "sh", "-c", "a=x; while true; do a=$a$a; done", name="real", resources={"memory": {"limit": 8 << 20, "swap": 8 << 20}})
    for _ in range(2):
        assert real.run(hungry).returncode == 137
