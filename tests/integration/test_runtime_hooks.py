"""Hooks of a bundle: when each kind runs, where, with which state, and what its failure does."""
import glob
import json
import os
import pathlib
import select

import pytest

import runtime_util

pytestmark = pytest.mark.skipif(bool(runtime_util.skip_reason()), reason=runtime_util.skip_reason() or "")
HOST_KINDS = ["prestart", "createRuntime", "poststart", "poststop"]
KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    made = runtime_util.Runtime(tmp_path_factory.mktemp("hooks"))
    made.shell("true")  # makes the mount points, which a user namespace's root may not
    yield made
    made.close()
    assert made.leftovers() == []


@pytest.fixture
def notes(runtime):
    """A folder that hooks of the host and of the container reach by the same path."""
    folder = runtime.rootfs / "tmp"
    yield folder
    for path in folder.iterdir():
        path.unlink()


def hook(script, **more):
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"], **more}


def note(notes, kind):
    """A hook that keeps its state and says which host name it sees."""
    inside = kind == "startContainer"
    folder = "/tmp" if inside else str(notes)
    return hook(f"cat > {folder}/{kind}; uname -n >> {folder}/order; echo {kind} >> {folder}/order")


def with_hooks(runtime, hooks, *command):
    config = runtime.config(*(command or ("true",)))
    config["annotations"] = {"org.example.key": "value"}
    config["hooks"] = hooks
    return config


def wait_for_end(pid):
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([pidfd], [], [], 10)[0]
    os.close(pidfd)


def test_each_kind_runs_in_its_turn_with_the_state(runtime, notes):
    name = runtime.create(with_hooks(runtime, {kind: [note(notes, kind)] for kind in KINDS}, "sleep", "1000"))
    pid = runtime.state(name)["pid"]
    order = (notes / "order").read_text().split()
    assert order[1::2] == KINDS[:3]
    own, its = os.uname().nodename, runtime.default_config["hostname"]
    assert own != its and order[::2] == [own, own, its]
    runtime.call("start", name)
    order = (notes / "order").read_text().split()
    assert order[1::2] == KINDS[:5] and order[6] == its and order[8] == own
    runtime.call("kill", name, "KILL")
    wait_for_end(pid)
    runtime.call("delete", name)
    assert (notes / "order").read_text().split()[1::2] == KINDS
    status = {"prestart": "created", "createRuntime": "creating", "createContainer": "creating",
              "startContainer": "created", "poststart": "running", "poststop": "stopped"}
    for kind in KINDS:
        state = json.loads((notes / kind).read_text())
        assert state["id"] == name and state["bundle"] == str(runtime.bundle)
        assert state["annotations"] == {"org.example.key": "value"}
        assert state["status"] == status[kind]
        wanted = None if kind == "poststop" else 1 if kind.endswith("Container") else pid
        assert state.get("pid") == wanted, kind


def test_a_container_hook_finds_the_hosts_program_before_the_root_changes(runtime, notes):
    outside = runtime.directory / "only-on-the-host"
    outside.write_text(f"#!/bin/sh\nls / > {notes}/top\n")
    outside.chmod(0o755)
    hooks = {"createContainer": [{"path": str(outside), "env": ["PATH=/bin:/usr/bin"]}]}
    assert runtime.run(with_hooks(runtime, hooks)).returncode == 0
    assert "boot" in (notes / "top").read_text().split()


def test_arguments_environment_and_directory(runtime, notes):
    script = f'echo "$0 $1 $KEY $HOME" > {notes}/words; pwd >> {notes}/words'
    hooks = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", script, "zero", "one"],
                                "env": ["KEY=val", "PATH=/bin"]}]}
    assert runtime.run(with_hooks(runtime, hooks)).returncode == 0
    words = (notes / "words").read_text().splitlines()
    assert words == ["zero one val ", str(runtime.bundle)]


@pytest.mark.parametrize("kind", KINDS[:4])
def test_a_failed_hook_ends_the_container(runtime, notes, kind):
    hooks = {kind: [hook("exit 3"), hook("echo no > /tmp/second")], "poststop": [note(notes, "poststop")]}
    done = runtime.run(with_hooks(runtime, hooks, "sh", "-c", "echo ran > /tmp/ran"))
    assert done.returncode == 1 and "hook" in done.stderr and "/bin/sh" in done.stderr, done.stderr
    assert not (notes / "ran").exists() and not (notes / "second").exists()
    assert (notes / "poststop").exists()
    assert runtime.call("state", runtime.ids[-1], check=False).returncode == 1


def test_a_failed_start_hook_of_a_created_container(runtime):
    name = runtime.create(with_hooks(runtime, {"startContainer": [hook("exit 1")]}, "sleep", "1000"))
    pid = runtime.state(name)["pid"]
    done = runtime.call("start", name, check=False)
    assert done.returncode == 1 and "startContainer hook" in done.stderr
    wait_for_end(pid)
    assert runtime.state(name)["status"] == "stopped"
    runtime.call("delete", name)


def test_a_failure_after_the_end_is_a_warning(runtime, notes):
    done = runtime.run(with_hooks(runtime, {"poststop": [hook("exit 1"), note(notes, "poststop")]}))
    assert done.returncode == 0 and "poststop hook failed with exit code 1" in done.stderr
    assert (notes / "poststop").exists()


@pytest.mark.parametrize("verb", ["run", "start"])
def test_a_failed_poststart_hook_ends_the_container(runtime, notes, verb):
    hooks = {"poststart": [hook("exit 1"), note(notes, "second")], "poststop": [note(notes, "poststop")]}
    config = with_hooks(runtime, hooks, "sleep", "1000")
    if verb == "run":
        done = runtime.run(config)
    else:
        done = runtime.call("start", runtime.create(config), check=False)
    assert done.returncode == 1 and "poststart hook" in done.stderr
    assert not (notes / "second").exists() and (notes / "poststop").exists()
    assert runtime.call("state", runtime.ids[-1], check=False).returncode == 1


def test_without_an_environment_of_its_own_a_hook_has_the_runtimes(runtime, notes):
    def hooks(**more):
        return {kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo $MARK > {notes}/{kind}"], **more}]
                for kind in ("createRuntime", "createContainer")}
    marked = {**os.environ, "MARK": "given"}
    assert runtime.run(with_hooks(runtime, hooks()), env=marked).returncode == 0
    assert [(notes / kind).read_text() for kind in ("createRuntime", "createContainer")] == ["given\n"] * 2
    assert runtime.run(with_hooks(runtime, hooks(env=[])), env=marked).returncode == 0
    assert [(notes / kind).read_text() for kind in ("createRuntime", "createContainer")] == ["\n"] * 2


def test_a_hook_of_the_container_may_ask_for_the_state(runtime, notes):
    """In a creation that waits for the hook: the state must not wait for the creation."""
    name = runtime.new_id()
    runtime.write(with_hooks(runtime, {"createContainer": [
        hook(f"{runtime.program} --root {runtime.root} state {name} > {notes}/state")]}))
    assert runtime.call("run", "--bundle", str(runtime.bundle), name).returncode == 0
    assert json.loads((notes / "state").read_text())["status"] == "creating"


def test_hooks_before_the_root_changes_find_the_mounts_below_the_bundle(runtime, notes):
    script = f"pwd > {notes}/where; cat rootfs/proc/self/comm > {notes}/comm; [ -e rootfs/dev/null ] && echo dev >> {notes}/comm"
    assert runtime.run(with_hooks(runtime, {"createContainer": [hook(script)]})).returncode == 0
    assert (notes / "where").read_text().strip() == str(runtime.bundle)
    assert (notes / "comm").read_text().split() == ["cat", "dev"]


@pytest.mark.parametrize("kind", ["prestart", "createContainer", "startContainer"])
def test_a_hook_that_takes_too_long_is_killed(runtime, kind):
    hooks = {kind: [{"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}]}
    done = runtime.run(with_hooks(runtime, hooks))
    assert done.returncode == 1 and "hook" in done.stderr
    assert runtime.leftovers() == []


@pytest.mark.parametrize("bad,path", [
    ({"path": "true"}, "hooks.prestart[1].path"),
    ({"path": "/bin/true", "timeout": 0}, "hooks.prestart[1].timeout"),
    ({"path": "/bin/true", "timeout": -1}, "hooks.prestart[1].timeout"),
    ({"path": "/bin/true", "timeout": "1"}, "hooks.prestart[1].timeout"),
    ({"path": "/bin/true", "args": "x"}, "hooks.prestart[1].args"),
    ({"path": "/bin/true", "env": [1]}, "hooks.prestart[1].env[0]"),
])
def test_a_wrong_hook_is_refused_before_any_runs(runtime, notes, bad, path):
    done = runtime.run(with_hooks(runtime, {"prestart": [note(notes, "prestart"), bad]}))
    assert done.returncode == 1 and path in done.stderr, done.stderr
    assert not (notes / "prestart").exists() and runtime.leftovers() == []


def test_mounts_have_ids_in_the_order_of_the_config(runtime):
    out = runtime.shell("cat /proc/self/mountinfo")
    rows = {line.split()[4]: int(line.split()[0]) for line in out.splitlines()}
    wanted = [mount["destination"] for mount in runtime.default_config["mounts"]
              if mount["destination"] in rows and mount["type"] != "cgroup"]
    ids = [rows[path] for path in wanted]
    assert len(ids) > 4 and ids == sorted(ids)


def test_a_container_without_process_can_be_created_not_started(runtime):
    config = runtime.config("true")
    del config["process"]
    name = runtime.create(config)
    state = runtime.state(name)
    assert state["status"] == "created"
    done = runtime.call("start", name, check=False)
    assert done.returncode == 1 and "process" in done.stderr
    wait_for_end(state["pid"])
    runtime.call("delete", name)


def test_default_devices_stay_allowed(runtime):
    config = runtime.config("sh", "-c", "echo x > /dev/null && head -c2 /dev/zero | wc -c")
    config["linux"]["resources"]["devices"] = [{"allow": False, "access": "rwm"}]
    done = runtime.run(config)
    assert done.stdout.strip() == "2", done.stderr


@pytest.mark.skipif(pathlib.Path("/sys/fs/selinux/enforce").exists(), reason="this host has SELinux")
def test_labels_without_their_lsm_are_warnings(runtime):
    config = runtime.config("true", selinuxLabel="a:b:c:d")
    config["linux"]["mountLabel"] = "a:b:c:d"
    done = runtime.run(config)
    assert done.returncode == 0 and "selinuxLabel has no effect" in done.stderr and "mountLabel" in done.stderr


def mapped(config, uid, gid):
    """The config with a user namespace; the default's groups for ping are not all mapped."""
    del config["linux"]["sysctl"]["net.ipv4.ping_group_range"]
    config["linux"]["namespaces"].append({"type": "user"})
    config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": uid, "size": 65536}]
    config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": gid, "size": 65536}]
    return config


def test_a_user_namespace(runtime):
    config = runtime.config("sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map; id -u; "
                            "echo x > /dev/null && echo y > /dev/shm/z && stat -c '%u %g' /dev/shm/z; "
                            "cat /proc/self/oom_score_adj; mknod /dev/shm/m c 1 1 || echo refused", oomScoreAdj=321)
    done = runtime.run(mapped(config, 100000, 200000))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "100000", "65536", "0", "200000", "65536", "0", "0", "0", "321", "refused"]


def test_a_user_namespaces_process_is_nobody_on_the_host(runtime):
    name = runtime.start(mapped(runtime.config("sleep", "1000"), 100000, 100000))
    status = runtime_util.fields(pathlib.Path(f"/proc/{runtime.state(name)['pid']}/status").read_text())
    assert status["Uid"].split() == ["100000"] * 4 and status["Gid"].split() == ["100000"] * 4
    runtime.call("delete", "--force", name)


def test_an_exec_is_in_the_user_namespace_too(runtime):
    """It was not: uid 0 of the host, beside the container's root."""
    name = runtime.start(mapped(runtime.config("sleep", "1000", oomScoreAdj=321), 100000, 200000))
    done = runtime.call("exec", name, "sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map /proc/self/oom_score_adj; "
                        "readlink /proc/self/ns/user; readlink /proc/1/ns/user; id -u; id -G; touch /tmp/of-exec && stat -c %u /tmp/of-exec")
    words = done.stdout.split()
    assert words[:7] == ["0", "100000", "65536", "0", "200000", "65536", "321"], done.stdout + done.stderr
    assert words[7] == words[8] and words[9:] == ["0", "0", "0"]
    user = runtime.call("exec", "--user", "5:6", name, "sh", "-c", "id -u; id -g; grep CapEff /proc/self/status")
    assert user.stdout.split()[:2] == ["5", "6"] and user.stdout.split()[-1].strip("0") == ""
    other = runtime.call("exec", "--user", "70000", name, "true", check=False)
    assert other.returncode != 0
    runtime.call("exec", name, "sh", "-c", "sleep 999 > /dev/null 2>&1 &")
    group = (pathlib.Path(path) for path in glob.glob(f"/sys/fs/cgroup/pids/{name}/cgroup.procs") + glob.glob(f"/sys/fs/cgroup/{name}/cgroup.procs"))
    pids = next(group).read_text().split()
    owners = {runtime_util.fields(pathlib.Path(f"/proc/{pid}/status").read_text())["Uid"].split()[0] for pid in pids}
    assert len(pids) == 2 and owners == {"100000"}
    runtime.call("delete", "--force", name)


@pytest.mark.parametrize("mappings,word", [
    ([], "uidMappings"), ([{"containerID": 0, "hostID": 1, "size": 0}], "size"),
    ([{"containerID": 1, "hostID": 1, "size": 1}], "container id 0"),
    ([{"containerID": 0, "hostID": 4294967295, "size": 2}], "uidMappings"),
    ([{"containerID": 0, "hostID": -1, "size": 2}], "linux.uidMappings[0].hostID"),
])
def test_wrong_mappings_are_refused(runtime, mappings, word):
    config = runtime.config("true")
    config["linux"]["namespaces"].append({"type": "user"})
    config["linux"]["uidMappings"] = mappings
    config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 1, "size": 1}]
    done = runtime.run(config)
    assert done.returncode == 1 and word in done.stderr, done.stderr
    assert runtime.leftovers() == []
