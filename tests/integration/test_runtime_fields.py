"""Fields of process and linux that shape how the program runs: clocks, processors, memory, personality."""
import json
import os
import pathlib

import pytest

import runtime_util

pytestmark = pytest.mark.skipif(runtime_util.skip_reason() is not None, reason=str(runtime_util.skip_reason()))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    made = runtime_util.Runtime(tmp_path_factory.mktemp("fields"))
    yield made
    made.close()
    assert made.leftovers() == []


def with_linux(runtime, script, **fields):
    config = runtime.config("sh", "-c", script)
    config["linux"].update(fields)
    return config


def output(runtime, config):
    done = runtime.run(config)
    assert done.returncode == 0, done.stderr
    return done.stdout


def status_field(text, number):
    return text[text.rindex(")") + 2:].split()[number - 3]


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/time"), reason="kernel without time namespaces")
def test_offsets_of_clocks(runtime):
    config = with_linux(runtime, "cat /proc/self/timens_offsets /proc/uptime; readlink /proc/self/ns/time",
                        timeOffsets={"boottime": {"secs": 864000, "nanosecs": 5}, "monotonic": {"secs": 77}})
    config["linux"]["namespaces"].append({"type": "time"})
    lines = output(runtime, config).splitlines()
    assert lines[0].split() == ["monotonic", "77", "0"] and lines[1].split() == ["boottime", "864000", "5"]
    assert float(lines[2].split()[0]) > 864000
    assert lines[3] != os.readlink("/proc/self/ns/time")


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/time"), reason="kernel without time namespaces")
def test_an_exec_and_another_container_have_its_clocks(runtime):
    config = with_linux(runtime, "exec sleep 1000", timeOffsets={"monotonic": {"secs": 500}})
    config["linux"]["namespaces"].append({"type": "time"})
    name = runtime.start(config)
    own = os.readlink(f"/proc/{runtime.state(name)['pid']}/ns/time")
    assert runtime.call("exec", name, "readlink", "/proc/self/ns/time").stdout.strip() == own
    joining = with_linux(runtime, "readlink /proc/self/ns/time")
    joining["linux"]["namespaces"].append({"type": "time", "path": f"/proc/{runtime.state(name)['pid']}/ns/time"})
    assert output(runtime, joining).strip() == own
    runtime.call("delete", "--force", name)


@pytest.mark.parametrize("scheduler,policy,nice", [
    ({"policy": "SCHED_OTHER", "nice": 7}, "0", "7"), ({"policy": "SCHED_BATCH", "nice": 3}, "3", "3"),
    ({"policy": "SCHED_IDLE"}, "5", None), ({"policy": "SCHED_OTHER", "nice": -5}, "0", "-5")])
def test_the_scheduler(runtime, scheduler, policy, nice):
    config = runtime.config("cat", "/proc/self/stat", scheduler=scheduler)
    text = output(runtime, config)
    assert status_field(text, 41) == policy
    assert nice is None or status_field(text, 19) == nice


def test_a_child_does_not_inherit_a_nice_value_that_is_reset(runtime):
    scheduler = {"policy": "SCHED_BATCH", "nice": -3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    text = output(runtime, runtime.config("sh", "-c", "(cat /proc/self/stat); true", scheduler=scheduler))
    assert status_field(text, 19) == "0"


def test_io_priority(runtime):
    done = runtime.run(runtime.config("ionice", "-p", "1", ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 6}))
    assert done.returncode == 0 and "best-effort: prio 6" in done.stdout, done.stdout + done.stderr


def test_a_personality(runtime):
    machine = output(runtime, with_linux(runtime, "uname -m", personality={"domain": "LINUX32"})).strip()
    assert machine == {"x86_64": "i686", "aarch64": "armv8l"}.get(os.uname().machine, machine)
    assert output(runtime, with_linux(runtime, "uname -m", personality={"domain": "LINUX"})).strip() == os.uname().machine


@pytest.mark.skipif(not os.path.exists("/proc/self/numa_maps"), reason="kernel without NUMA")
def test_a_memory_policy(runtime):
    text = output(runtime, with_linux(runtime, "cat /proc/self/numa_maps",
                                      memoryPolicy={"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}))
    assert "bind=static:0" in text.split("\n", 1)[0]


def test_processors_of_an_exec(runtime, tmp_path):
    name = runtime.sleeping()
    file = tmp_path / "process.json"
    process = runtime.config("grep", "Cpus_allowed_list", "/proc/self/status")["process"]
    for affinity, wanted in [({"final": "0"}, "0"), ({"initial": "0"}, "0")]:
        file.write_text(json.dumps({**process, "execCPUAffinity": affinity}))
        assert runtime.call("exec", "--process", str(file), name).stdout.split() == ["Cpus_allowed_list:", wanted]
    file.write_text(json.dumps({**process, "execCPUAffinity": {"final": "1000"}}))
    done = runtime.call("exec", "--process", str(file), name, check=False)
    assert done.returncode != 0 and "set processors" in done.stderr
    runtime.call("delete", "--force", name)


def test_limits_without_a_controller_are_warnings(runtime):
    config = runtime.config("true")
    config["linux"]["resources"].update(network={"classID": 1048577, "priorities": [{"name": "lo", "priority": 3}]},
                                        rdma={"mlx5_0": {"hcaHandles": 3}})
    done = runtime.run(config)
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    assert done.returncode == 0, done.stderr
    for word, controller in [("net_cls.classid", "net_cls"), ("net_prio.ifpriomap", "net_prio")]:
        assert controller in mounts or f"{word} is not supported here" in done.stderr


def test_features_name_the_time_namespace(runtime):
    assert "time" in json.loads(runtime.call("features").stdout)["linux"]["namespaces"]


def bound(runtime, folder, options, **fields):
    config = runtime.config("sh", "-c", "stat -c %u:%g /m/f /m; echo x > /m/made && stat -c %u:%g /m/made")
    config["mounts"].append({"destination": "/m", "type": "bind", "source": str(folder), "options": options, **fields})
    return config


def id_mapping(on_disk, seen):
    return [{"containerID": on_disk, "hostID": seen, "size": 1000}]


@pytest.fixture
def mapped_folder(runtime, tmp_path):
    folder = tmp_path / "mapped"
    folder.mkdir()
    (folder / "f").write_text("f")
    for path in (folder, folder / "f"):
        os.chown(path, 5000, 6000)
    probe = runtime.run(bound(runtime, folder, ["bind"], uidMappings=id_mapping(5000, 0), gidMappings=id_mapping(6000, 0)))
    if "idmapped mounts" in probe.stderr:
        pytest.skip("the file system below the temporary folder has no idmapped mounts")
    yield folder


@pytest.mark.parametrize("options", [["bind"], ["rbind", "idmap"], ["rbind", "ridmap"]])
def test_ids_of_a_bind(runtime, mapped_folder, options):
    (mapped_folder / "made").unlink(missing_ok=True)
    config = bound(runtime, mapped_folder, options, uidMappings=id_mapping(5000, 0), gidMappings=id_mapping(6000, 0))
    assert output(runtime, config).split() == ["0:0"] * 3
    made = (mapped_folder / "made").stat()
    assert (made.st_uid, made.st_gid) == (5000, 6000)


def test_ids_of_a_bind_as_the_user_namespace_has_them(runtime, mapped_folder):
    for path in (mapped_folder, mapped_folder / "f"):
        os.chown(path, 0, 0)
    (mapped_folder / "made").unlink(missing_ok=True)
    config = bound(runtime, mapped_folder, ["bind", "idmap"])
    del config["linux"]["sysctl"]["net.ipv4.ping_group_range"]
    config["linux"]["namespaces"].append({"type": "user"})
    config["linux"]["uidMappings"] = config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    assert output(runtime, config).split() == ["0:0"] * 3
    made = (mapped_folder / "made").stat()
    assert (made.st_uid, made.st_gid) == (0, 0)
