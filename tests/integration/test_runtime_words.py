"""What callers of runc and crun write and read: names, help, patterns, environment, descriptors, groups."""
import fcntl
import json
import os
import pathlib
import subprocess

import pytest

import runtime_util

pytestmark = pytest.mark.skipif(runtime_util.skip_reason() is not None, reason=str(runtime_util.skip_reason()))


@pytest.fixture
def runtime(tmp_path):
    made = runtime_util.Runtime(tmp_path)
    yield made
    made.close()
    assert made.leftovers() == []


def said(*command, **kwargs):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **kwargs)


@pytest.mark.parametrize("name,title", [("crun", "crun version "), ("runc", "runc version "),
                                        ("other", "wherry-runtime version ")])
def test_it_answers_by_the_name_that_it_was_called(runtime, name, title):
    link = runtime.directory / name
    link.symlink_to(runtime.program)
    done = said(link, "--version")
    assert done.returncode == 0 and done.stdout.startswith(title)
    assert ("(wherry-runtime)" in done.stdout) == (name != "other")


@pytest.mark.parametrize("command,words", [("start", "start CONTAINER"), ("delete", "delete CONTAINER"),
                                           ("exec", "exec CONTAINER cmd")])
def test_help_of_a_command(runtime, command, words):
    done = runtime.call(command, "--help")
    assert f"Usage: wherry-runtime [OPTION...] {words}" in done.stdout
    assert len([line for line in done.stdout.splitlines() if line.startswith("Usage:")]) == 1


@pytest.mark.parametrize("name,reason", [("a/b", 'invalid character "/"'), ("a b", 'invalid character " "'),
                                         (".", "invalid"), ("..", "invalid"), (".x", "invalid")])
def test_ids_that_are_none(runtime, name, reason):
    done = runtime.call("state", name, check=False)
    assert done.returncode == 1 and "container ID" in done.stderr and reason in done.stderr


def test_a_pattern_names_many(runtime):
    names = [runtime.sleeping() for _ in range(2)]
    other = runtime.sleeping()
    pattern = "^(" + "|".join(names) + ")$"
    runtime.call("kill", "--regex", pattern, "KILL")
    runtime.call("delete", "--force", "--regex", pattern)
    assert [runtime.call("state", name, check=False).returncode for name in names] == [1, 1]
    assert runtime.state(other)["status"] == "running"
    assert "invalid regular expression" in runtime.call("delete", "--regex", "(", check=False).stderr
    assert "too long" in runtime.call("delete", "--regex", "x" * 2000, check=False).stderr


def test_kinds_of_logs(runtime):
    log = runtime.directory / "log"
    done = runtime.call("--log", f"file:{log}", "state", "nobody", check=False)
    assert done.returncode == 1 and "nobody" in log.read_text()
    done = runtime.call("--log=elsewhere:/x", "list", check=False)
    assert done.returncode == 1 and 'unknown log type "elsewhere"' in done.stderr


def test_a_rootless_spec(runtime, tmp_path):
    folder = tmp_path / "rootless"
    folder.mkdir()
    runtime.call("spec", "--rootless", "--bundle", str(folder))
    config = json.loads((folder / "config.json").read_text())
    kinds = [one["type"] for one in config["linux"]["namespaces"]]
    assert "user" in kinds and "network" not in kinds
    assert config["linux"]["uidMappings"] == [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]


def test_without_cgroups(runtime):
    config = runtime.config("sleep", "1000")
    runtime.write(config)
    name = runtime.new_id()
    with open(os.devnull, "w") as null:
        subprocess.run([runtime.program, "--root", runtime.root, "--cgroup-manager=disabled", "run", "--detach",
                        "--bundle", runtime.bundle, name], stdin=subprocess.DEVNULL, stdout=null, stderr=null, check=True, timeout=60)
    assert runtime.state(name)["status"] == "running"
    assert runtime.leftovers() == []
    pid = runtime.state(name)["pid"]
    runtime.call("delete", "--force", name)
    stat = pathlib.Path(f"/proc/{pid}/stat")
    assert not stat.exists() or ") Z " in stat.read_text()  # not reaped yet by whoever inherits it


# --- the process ---------------------------------------------------------------------------


@pytest.mark.parametrize("uid,home", [(0, "/root"), (7, "/seven"), (4242, "/")])
def test_home_is_that_of_the_image(runtime, uid, home):
    with open(runtime.rootfs / "etc" / "passwd", "a") as passwd:
        passwd.write("seven:x:7:7::/seven:/bin/sh\n")
    assert runtime.shell("echo $HOME", user={"uid": uid, "gid": 0}).strip() == home
    name = runtime.sleeping()
    assert runtime.call("exec", "--user", str(uid), name, "sh", "-c", "echo $HOME").stdout.strip() == home
    assert runtime.shell("echo $HOME", user={"uid": uid, "gid": 0}, env=["PATH=/bin", "HOME=/set"]).strip() == "/set"


def test_a_variable_of_exec_replaces_the_containers(runtime):
    name = runtime.start(runtime.config("sleep", "1000", env=["PATH=/bin", "A=old", "AB=kept"]))
    done = runtime.call("exec", "--env", "A=new", "-e", "C=more", name, "env")
    lines = done.stdout.splitlines()
    assert sorted(line for line in lines if line[0] in "AC") == ["A=new", "AB=kept", "C=more"]


def test_sockets_of_systemd(runtime):
    reader, writer = os.pipe()
    moved = fcntl.fcntl(writer, fcntl.F_DUPFD, 50)
    runtime.write(runtime.config("sh", "-c", "echo $LISTEN_FDS $LISTEN_PID; echo through >&3"))
    shell = (f"LISTEN_FDS=1 LISTEN_PID=$$ exec {runtime.program} --root {runtime.root} run "
             f"--bundle {runtime.bundle} {runtime.new_id()} 3>&{moved} {moved}>&-")
    try:
        done = said("bash", "-c", shell, pass_fds=[moved])
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["1", "1"] and os.read(reader, 100) == b"through\n"
    finally:
        for number in (reader, writer, moved):
            os.close(number)


def test_descriptors_behind_the_last_open_one_are_none_and_a_gap_is_refused(runtime):
    """Nor do descriptors of the runtime itself pass for the caller's."""
    config = runtime.config("sh", "-c", "ls /proc/self/fd")
    assert runtime.run(config, "--preserve-fds", "20").stdout.split() == ["0", "1", "2", "3"]
    name = runtime.sleeping()
    assert runtime.call("exec", "--preserve-fds", "20", name, "ls", "/proc/self/fd").stdout.split() == ["0", "1", "2", "3"]
    gap = os.open("/dev/null", os.O_RDONLY)
    moved = fcntl.fcntl(gap, fcntl.F_DUPFD, 40)
    try:
        done = runtime.run(config, "--preserve-fds", "50", pass_fds=[moved])
        assert done.returncode == 1 and "is not open" in done.stderr
    finally:
        os.close(gap)
        os.close(moved)


def test_groups_of_the_caller_where_an_annotation_asks_for_them(runtime):
    before = os.getgroups()
    config = runtime.config("sh", "-c", "grep ^Groups: /proc/self/status")
    os.setgroups([41, 42])
    try:
        assert "42" not in runtime.run(config).stdout.split()
        config["annotations"] = {"run.oci.keep_original_groups": "1"}
        assert runtime.run(config).stdout.split() == ["Groups:", "41", "42"]
    finally:
        os.setgroups(before)


def test_inheritable_capabilities_without_permitted_ones(runtime):
    config = runtime.config("sh", "-c", "grep ^Cap /proc/self/status", user={"uid": 1000, "gid": 1000})
    config["process"]["capabilities"] = {"bounding": ["CAP_SYS_ADMIN"], "inheritable": ["CAP_SYS_ADMIN"]}
    found = runtime_util.fields(runtime.run(config).stdout)
    assert found["CapInh"] == "0000000000200000" and found["CapPrm"] == "0" * 16 and found["CapEff"] == "0" * 16
    config["process"]["capabilities"]["bounding"] = []
    assert runtime_util.fields(runtime.run(config).stdout)["CapInh"] == "0" * 16


def test_a_system_call_that_nobody_knows(runtime):
    config = runtime.config("true")
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                                  "syscalls": [{"names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"}]}
    assert runtime.run(config).returncode == 0
    config["annotations"] = {"run.oci.seccomp_fail_unknown_syscall": "1"}
    done = runtime.run(config)
    assert done.returncode == 1 and "no_such_call" in done.stderr


def test_loopback_of_a_new_network_namespace_is_up(runtime):
    config = runtime.config("sh", "-c", "cat /sys/class/net/lo/flags; ping -c1 -w5 127.0.0.1 | grep -c ' 0% packet loss'")
    config["process"]["capabilities"]["effective"].append("CAP_NET_RAW")
    config["linux"]["namespaces"] = [one for one in config["linux"]["namespaces"] if one["type"] != "network"] + [{"type": "network"}]
    assert runtime.run(config).stdout.split() == ["0x9", "1"]


def test_a_device_path_with_a_slash_behind_it(runtime):
    config = runtime.config("sh", "-c", "stat -c %F /mnt/x /dev/y")
    config["linux"]["devices"] = [{"path": path, "type": "c", "major": 1, "minor": 3} for path in ("/mnt/x/", "/dev/y/")]
    assert runtime.run(config).stdout.splitlines() == ["character special file"] * 2


@pytest.mark.parametrize("values,reason", [
    ({"deadline": 20000000}, "requires `runtime`"), ({"runtime": 20000000}, "requires `deadline`"),
    ({"runtime": 0, "deadline": 20000000}, "must be greater than 0"),
    ({"runtime": 30000000, "deadline": 20000000}, "must be <= deadline"),
    ({"runtime": 10000000, "deadline": 30000000, "period": 20000000}, "must be <= period"),
    ({"runtime": 1023, "deadline": 20000000}, "must be between")])
def test_deadlines_that_the_kernel_would_refuse(runtime, values, reason):
    done = runtime.run(runtime.config("true", scheduler={"policy": "SCHED_DEADLINE", **values}))
    assert done.returncode == 1 and reason in done.stderr and "process.scheduler." in done.stderr


# --- states, namespaces, devices -----------------------------------------------------------


def test_a_container_that_was_held_up_is_created_in_the_end(runtime):
    """A hook holds the creation up."""
    gate = runtime.directory / "gate"
    os.mkfifo(gate)
    config = runtime.config("sleep", "1000")
    config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", f"cat {gate}"], "env": ["PATH=/bin:/usr/bin"]}]}
    runtime.write(config)
    name = runtime.new_id()
    with open(os.devnull, "w") as null:
        making = subprocess.Popen([runtime.program, "--root", runtime.root, "create", "--bundle", runtime.bundle, name],
                                  stdin=subprocess.DEVNULL, stdout=null, stderr=null)
    with open(gate, "w"):
        pass  # opens when the hook runs
    assert making.wait(60) == 0
    assert runtime.state(name)["status"] == "created"


def test_state_of_a_locked_claim_comes_when_the_lock_goes(runtime):
    name = runtime.new_id()
    folder = runtime.root / name
    folder.mkdir(parents=True)
    holder = os.open(folder, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    asking = subprocess.Popen([runtime.program, "--root", runtime.root, "state", name], stdout=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        asking.wait(0.3)
    os.close(holder)
    out, _ = asking.communicate(timeout=60)
    assert json.loads(out)["status"] == "creating"


def test_the_domain_name_is_one(runtime):
    config = runtime.config("cat", "/proc/sys/kernel/domainname")
    config["domainname"] = "one"
    config["linux"]["sysctl"] = {"kernel.domainname": "one"}
    assert runtime.run(config).stdout == "one\n"
    config["linux"]["sysctl"] = {"kernel.domainname": "two"}
    done = runtime.run(config)
    assert done.returncode == 1 and "linux.sysctl.kernel.domainname" in done.stderr


def in_user_namespace(config, first=0, size=4294967295):
    mapping = [{"containerID": 0, "hostID": first, "size": size}]
    config["linux"].update(uidMappings=mapping, gidMappings=mapping, sysctl={})
    config["linux"]["namespaces"].append({"type": "user"})
    return config


def test_devices_of_a_user_namespace_have_the_mode_and_owner_of_the_config(runtime):
    config = in_user_namespace(runtime.config("sh", "-c", "stat -c '%a %u %g %t:%T %F' /dev/one /dev/sub/two; echo x > /dev/one && echo wrote; "
                                                         "grep ' /dev/one ' /proc/self/mountinfo | cut -d' ' -f6"))
    config["linux"]["devices"] = [
        {"path": "/dev/one", "type": "c", "major": 1, "minor": 3, "uid": 10, "gid": 11, "fileMode": 0o626},
        {"path": "/dev/sub/two", "type": "b", "major": 1, "minor": 5}]
    done = runtime.run(config)
    lines = done.stdout.splitlines()
    assert lines[:3] == ["626 10 11 1:3 character special file", "666 0 0 1:5 block special file", "wrote"], done.stderr
    assert {"nosuid", "noexec"} <= set(lines[3].split(","))


def test_an_owner_of_a_device_that_is_not_mapped_is_refused(runtime):
    config = in_user_namespace(runtime.config("true"), size=100)
    config["linux"]["devices"] = [{"path": "/dev/one", "type": "c", "major": 1, "minor": 3, "uid": 100}]
    done = runtime.run(config)
    assert done.returncode == 1 and "/dev/one" in done.stderr and "not mapped" in done.stderr


def test_without_a_network_of_its_own_a_user_namespace_sees_the_hosts_sysfs(runtime):
    config = in_user_namespace(runtime.config("sh", "-c", "ls /sys/class/net; ls -A /sys/fs/cgroup | wc -l; touch /sys/x 2>&1 | grep -c Read-only"))
    config["linux"]["namespaces"] = [one for one in config["linux"]["namespaces"] if one["type"] != "network"]
    config["mounts"] = [one for one in config["mounts"] if not one["destination"].startswith("/sys")]
    config["mounts"].append({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]})
    done = runtime.run(config)
    *names, entries, refused = done.stdout.split()
    assert sorted(names) == sorted(os.listdir("/sys/class/net")) and (entries, refused) == ("0", "1"), done.stderr


@pytest.mark.skipif(not os.path.isdir("/sys/fs/cgroup/freezer"), reason="needs the freezer of cgroup v1")
def test_delete_thaws_what_somebody_else_has_frozen(runtime):
    name = runtime.sleeping()
    group = pathlib.Path("/sys/fs/cgroup/freezer") / f"{name}-elsewhere"
    group.mkdir()
    try:
        (group / "tasks").write_text(str(runtime.state(name)["pid"]))
        (group / "freezer.state").write_text("FROZEN")
        runtime.call("delete", "--force", name)
        assert (group / "tasks").read_text() == ""
    finally:
        (group / "freezer.state").write_text("THAWED")
        group.rmdir()
