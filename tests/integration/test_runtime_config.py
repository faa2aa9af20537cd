"""A wrong config.json is refused before anything is made. Every field in turn is check_test.cc's."""
import copy
import json
import pathlib
import subprocess

import pytest

import runtime_util

pytestmark = pytest.mark.skipif(runtime_util.skip_reason() is not None, reason=str(runtime_util.skip_reason()))


@pytest.fixture
def runtime(tmp_path):
    one = runtime_util.Runtime(tmp_path)
    yield one
    one.close()
    assert one.leftovers() == []


def changed(config, path, value):
    config = copy.deepcopy(config)
    inner = config
    for key in path[:-1]:
        inner = inner.setdefault(key, {}) if isinstance(inner, dict) else inner[key]
    inner[path[-1]] = value
    return config


def children():
    pid = pathlib.Path("/proc/self").readlink().name
    return pathlib.Path(f"/proc/self/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("verb", ["create", "run"])
@pytest.mark.parametrize("path,value,named", [
    (["linux", "resources", "memory", "limit"], "64m", "linux.resources.memory.limit: "),
    (["linux", "resources", "memory", "limit"], -2, "linux.resources.memory.limit: "),
    (["linux", "namespaces", 0, "type"], "net", "linux.namespaces[0].type: "),
    (["linux", "uidMappings"], [{"containerID": 0, "hostID": 1, "size": 1}], "linux.uidMappings: "),
    (["linux", "rootfsPropagation"], "some", "linux.rootfsPropagation: "),
    (["linux", "seccomp", "defaultAction"], "SCMP_ACT_MAYBE", "linux.seccomp.defaultAction: "),
    (["process", "cwd"], "a\0b", "process.cwd: "),
    (["process", "user", "uid"], 2 ** 32 - 1, "process.user.uid: "),
    (["mounts", 1, "destination"], 5, "mounts[1].destination: "),
    (["hooks"], {"poststop": [{"path": "x"}]}, "hooks.poststop[0].path: "),
    (["root", "path"], "nowhere", "root.path: "),
    (["linux", "intelRdt"], {"closID": "x"}, "linux.intelRdt: "),
])
def test_a_wrong_field_leaves_nothing(runtime, verb, path, value, named):
    runtime.write(changed(runtime.config("true"), path, value))
    before = children()
    done = runtime.call(verb, "--bundle", str(runtime.bundle), runtime.new_id(), check=False)
    assert done.returncode == 1 and f"config.json: {named}" in done.stderr, done.stderr
    assert not runtime.root.exists()  # a container's claim would have made it
    assert runtime.leftovers() == [] and children() == before


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}", "{\"root\":", "\0", "{" * 5000])
def test_what_is_no_config_is_refused(runtime, text):
    (runtime.bundle / "config.json").write_text(text)
    done = runtime.call("create", "--bundle", str(runtime.bundle), runtime.new_id(), check=False)
    assert done.returncode == 1 and "config.json: " in done.stderr
    assert not runtime.root.exists()


def test_a_config_that_is_too_large_is_refused(runtime):
    runtime.write(changed(runtime.config("true"), ["annotations"], {"a": "x" * (5 << 20)}))
    done = runtime.call("create", "--bundle", str(runtime.bundle), runtime.new_id(), check=False)
    assert done.returncode == 1 and not runtime.root.exists()


def test_a_process_file_is_checked(runtime, tmp_path):
    name = runtime.sleeping()
    file = tmp_path / "process.json"
    file.write_text(json.dumps({"args": ["true"], "cwd": "/", "user": {"uid": "root"}}))
    done = runtime.call("exec", "--process", str(file), name, check=False)
    assert done.returncode != 0 and "process.json: user.uid: " in done.stderr


def test_a_group_of_somebody_else_is_left_alone(runtime):
    group = f"/{runtime.new_id()}"
    folders = [pathlib.Path(line.split()[4] + group) for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
               if " - cgroup" in line and pathlib.Path(line.split()[4], "cgroup.procs").exists()]
    with subprocess.Popen(["sleep", "1000"]) as other:
        try:
            for folder in folders:
                folder.mkdir()
                for name in ("cpuset.cpus", "cpuset.mems"):
                    if (folder / name).exists():
                        (folder / name).write_text((folder.parent / name).read_text())
                (folder / "cgroup.procs").write_text(str(other.pid))
            runtime.write(changed(runtime.config("true"), ["linux", "cgroupsPath"], group))
            name = runtime.new_id()
            done = runtime.call("create", "--bundle", str(runtime.bundle), name, check=False)
            assert done.returncode == 1 and "in use by process" in done.stderr
            assert runtime.call("state", name, check=False).returncode == 1
            assert other.poll() is None
        finally:
            other.kill()
            other.wait()
            for folder in folders:
                folder.rmdir()


@pytest.mark.parametrize("change", [
    {"cgroupPath": "/"}, {"cgroupPath": "/a/../.."}, {"cgroupPath": "a"}, {"pid": -1}, {"id": "other"}, {"format": 2},
    {"pid": "1"}, {"annotations": []}])
def test_a_wrong_state_is_not_acted_on(runtime, change):
    name = runtime.sleeping()
    file = runtime.root / name / "state.json"
    good = file.read_text()
    file.write_text(json.dumps({**json.loads(good), **change}))
    for verb in (["state"], ["kill"], ["delete", "--force"]):
        done = runtime.call(*verb, name, check=False)
        assert done.returncode == 1 and "state.json" in done.stderr, (verb, done.stderr)
    file.write_text(good)
    assert runtime.state(name)["status"] == "running"
