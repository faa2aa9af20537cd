"""User namespaces of wherry-runtime: new ones and those that the config names by path."""
import json
import os
import pathlib
import subprocess

import pytest
import runtime_util
from fixtures import wait_until

pytestmark = pytest.mark.skipif(runtime_util.skip_reason() is not None, reason=str(runtime_util.skip_reason()))
FIRST = 300000


@pytest.fixture
def runtime(tmp_path):
    for folder in [tmp_path, *tmp_path.parents]:
        if folder == pathlib.Path("/tmp"):
            break
        folder.chmod(0o755)
    made = runtime_util.Runtime(tmp_path)
    made.shell("true")  # makes the mount points, which a user namespace's root may not
    yield made
    made.close()
    assert made.leftovers() == []


@pytest.fixture
def holder():
    """A process in a user namespace of its own, whose ids begin at FIRST."""
    process = subprocess.Popen(["unshare", "--user", "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    for name in ("uid_map", "gid_map"):
        pathlib.Path(f"/proc/{process.pid}/{name}").write_text(f"0 {FIRST} 65536\n")
    yield process
    process.stdin.close()
    process.wait(30)


def joining(config, holder, **settings):
    """The config in the holder's user namespace; the default's groups for ping are not all mapped."""
    del config["linux"]["sysctl"]["net.ipv4.ping_group_range"]
    config["linux"]["namespaces"].append({"type": "user", "path": f"/proc/{holder.pid}/ns/user"})
    config["linux"].update(settings)
    return config


def namespace(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{kind}")


MAPPING = [{"containerID": 0, "hostID": FIRST, "size": 65536}]
SCRIPT = ("cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g; cat /proc/self/oom_score_adj; echo $$; "
          "echo x > /dev/null; echo y > /dev/shm/z && stat -c '%u %g' /dev/shm/z; ls /proc | grep -c '^[0-9]'")


@pytest.mark.parametrize("settings", [{}, {"uidMappings": MAPPING, "gidMappings": MAPPING}])
def test_a_user_namespace_by_path(runtime, holder, settings):
    done = runtime.run(joining(runtime.config("sh", "-c", SCRIPT, oomScoreAdj=321), holder, **settings))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", str(FIRST), "65536"] * 2 + ["0", "0", "321", "1", "0", "0", done.stdout.split()[-1]]


def test_it_is_that_namespace_and_the_others_belong_to_it(runtime, holder):
    name = runtime.start(joining(runtime.config("sleep", "1000"), holder))
    pid = runtime.state(name)["pid"]
    assert namespace(pid, "user") == namespace(holder.pid, "user")
    for kind in ("mnt", "pid", "net", "uts", "ipc"):
        assert namespace(pid, kind) not in (namespace("self", kind), namespace(holder.pid, kind))
    status = runtime_util.fields(pathlib.Path(f"/proc/{pid}/status").read_text())
    assert status["Uid"].split() == [str(FIRST)] * 4 and status["NSpid"].split()[-1] == "1"
    assert status["PPid"] != str(holder.pid)
    inside = runtime.call("exec", name, "sh", "-c", "cat /proc/self/uid_map; id -u")
    assert inside.stdout.split() == ["0", str(FIRST), "65536", "0"]
    runtime.call("kill", name, "KILL")
    wait_until(lambda: runtime.state(name)["status"] == "stopped", 30)
    runtime.call("delete", name)


def test_two_containers_of_one_user_namespace_share_more(runtime, holder):
    """As of a pod: network and pid namespace of the first are joined by the second."""
    first = runtime.start(joining(runtime.config("sleep", "1000"), holder))
    pid = runtime.state(first)["pid"]
    config = joining(runtime.config("sh", "-c", "readlink /proc/self/ns/net; grep -l sleep /proc/1/comm; echo $$; hostname new"),
                     holder)
    for one in config["linux"]["namespaces"]:
        if one["type"] in ("network", "pid", "uts", "ipc"):
            one["path"] = f"/proc/{pid}/ns/" + {"network": "net"}.get(one["type"], one["type"])
    del config["hostname"]
    config["linux"].update(sysctl={}, seccomp=None)
    for kind in ("bounding", "effective", "permitted"):
        config["process"]["capabilities"][kind].append("CAP_SYS_ADMIN")
    done = runtime.run(config)
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert words[0] == namespace(pid, "net") and words[1] == "/proc/1/comm" and int(words[2]) > 1
    assert runtime.call("exec", first, "hostname").stdout == "new\n"
    runtime.call("delete", "--force", first)


@pytest.mark.parametrize("user", [0, 7])
@pytest.mark.parametrize("kind", ["path", "new", "exec", "plain exec"])
def test_stdout_can_be_opened_again(runtime, holder, kind, user):
    """Pipes of the host's root were handed to nobody: echo > /dev/stdout failed in an exec."""
    command = ["sh", "-c", "echo one > /dev/stdout; echo two > /dev/stderr; stat -L -c %u /proc/self/fd/1"]
    config = runtime.config(*command)
    if kind == "new":
        del config["linux"]["sysctl"]["net.ipv4.ping_group_range"]
        config["linux"]["namespaces"].append({"type": "user"})
        config["linux"].update(uidMappings=MAPPING, gidMappings=MAPPING)
    elif kind != "plain exec":
        joining(config, holder)
    if kind in ("path", "new"):
        config["process"]["user"] = {"uid": user, "gid": user}
        done = runtime.run(config)
    else:
        config["process"]["args"] = ["sleep", "1000"]
        name = runtime.start(config)
        done = runtime.call("exec", "--user", f"{user}:{user}", name, *command, check=False)
        runtime.call("delete", "--force", name)
    assert (done.stdout.split(), done.stderr) == (["one", str(user)], "two\n")


def test_a_file_of_the_caller_stays_the_callers(runtime, holder):
    with open(runtime.directory / "out", "w") as out:
        runtime.write(joining(runtime.config("echo", "text"), holder))
        subprocess.run([runtime.program, "--root", str(runtime.root), "run", "--bundle", str(runtime.bundle),
                        runtime.new_id()], stdout=out, check=True, timeout=60)
    assert (runtime.directory / "out").stat().st_uid == 0
    assert (runtime.directory / "out").read_text() == "text\n"


@pytest.mark.parametrize("by_path", [True, False])
def test_clocks_of_a_user_namespace(runtime, holder, by_path):
    config = runtime.config("sh", "-c", "cut -d. -f1 /proc/uptime; readlink /proc/self/ns/time")
    if by_path:
        joining(config, holder)
    else:
        joining(config, holder, uidMappings=MAPPING, gidMappings=MAPPING)
        del config["linux"]["namespaces"][-1]["path"]
    config["linux"]["namespaces"].append({"type": "time"})
    config["linux"]["timeOffsets"] = {"boottime": {"secs": 500000000, "nanosecs": 0}}
    if not os.path.exists("/proc/self/ns/time"):
        pytest.skip("this kernel has no time namespaces")
    done = runtime.run(config)
    assert done.returncode == 0, done.stderr
    uptime, name = done.stdout.split()
    assert int(uptime) > 500000000 and name != namespace("self", "time")


def test_hooks_see_the_process_that_stays(runtime, holder):
    seen = runtime.directory / "seen"
    seen.mkdir()
    config = joining(runtime.config("sh", "-c", "echo program"), holder)
    hook = lambda name: {"path": "/bin/sh", "args": ["sh", "-c", f"cat > {seen}/{name}"]}
    config["hooks"] = {kind: [hook(kind)] for kind in ("prestart", "createRuntime", "poststart", "poststop")}
    done = runtime.run(config)
    assert done.returncode == 0 and done.stdout == "program\n", done.stderr
    states = {name: json.loads((seen / name).read_text()) for name in config["hooks"]}
    pids = {states[name]["pid"] for name in ("prestart", "createRuntime", "poststart")}
    assert len(pids) == 1 and pids != {0}


def test_a_terminal_in_a_user_namespace_by_path(runtime, holder):
    import pty
    name = runtime.start(joining(runtime.config("sleep", "1000"), holder))
    master, slave = pty.openpty()
    done = subprocess.run([runtime.program, "--root", str(runtime.root), "exec", "--tty", name, "sh", "-c",
                           "tty; echo again > $(tty)"], stdin=slave, stdout=slave, stderr=slave, timeout=60)
    os.close(slave)
    assert done.returncode == 0
    text = os.read(master, 4096).decode()
    assert "/dev/pts/0" in text and "again" in text
    os.close(master)
    config = joining(runtime.config("sh", "-c", "tty; echo $$; echo again > /dev/console"), holder)
    config["process"]["terminal"] = True
    runtime.write(config)
    master, slave = pty.openpty()
    done = subprocess.run([runtime.program, "--root", str(runtime.root), "run", "--bundle", str(runtime.bundle),
                           runtime.new_id()], stdin=slave, stdout=slave, stderr=slave, timeout=60)
    os.close(slave)
    assert done.returncode == 0
    assert os.read(master, 4096).decode().split() == ["/dev/pts/0", "1", "again"]
    os.close(master)
    runtime.call("delete", "--force", name)


def test_create_leaves_no_second_process(runtime, holder):
    """The one that made the pid namespace is reaped by the time that `create` ends."""
    name = runtime.create(joining(runtime.config("sleep", "1000"), holder))
    pid = runtime.state(name)["pid"]
    status = runtime_util.fields(pathlib.Path(f"/proc/{pid}/status").read_text())
    parent = runtime_util.fields(pathlib.Path(f"/proc/{status['PPid'].strip()}/status").read_text())
    assert "wherry-runtime" not in parent["Name"]
    runtime.call("start", name)
    assert runtime.state(name)["status"] == "running"
    runtime.call("delete", "--force", name)


@pytest.mark.parametrize("path,words", [
    ("/proc/self/ns/user", "user namespace"), ("/proc/self/ns/net", "user namespace"), ("/dev/null", "user namespace"),
    ("/nowhere", "no such file"), ("relative", "linux.namespaces"), ("/etc/passwd", "user namespace")])
def test_what_cannot_be_joined_is_refused(runtime, holder, path, words):
    config = joining(runtime.config("true"), holder)
    config["linux"]["namespaces"][-1]["path"] = path
    done = runtime.run(config)
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert runtime.leftovers() == []


def test_the_pid_namespace_of_the_host_is_refused(runtime, holder):
    config = joining(runtime.config("true"), holder)
    config["linux"]["namespaces"] = [one for one in config["linux"]["namespaces"] if one["type"] != "pid"]
    done = runtime.run(config)
    assert done.returncode == 1 and "pid namespace" in done.stderr


def test_nobody_inside_is_root_of_the_host(runtime, holder):
    """CAP_SYS_PTRACE, CAP_SYS_ADMIN and the rest are rights over what belongs to the namespace."""
    secret = runtime.rootfs / "secret"
    secret.write_text("host")
    secret.chmod(0o600)
    config = joining(runtime.config("sh", "-c", "cat /secret; chown 0 /secret; echo 0 > /proc/sys/kernel/panic; "
                                    "mknod /dev/shm/sda b 8 0; hostname allowed && hostname; "
                                    "echo 1 > /proc/sys/vm/drop_caches; true"), holder)
    everything = [f"CAP_{name}" for name in ("SYS_ADMIN", "SYS_PTRACE", "DAC_OVERRIDE", "CHOWN", "MKNOD", "SYS_TIME",
                                             "DAC_READ_SEARCH", "FOWNER")]
    for kind in ("bounding", "effective", "permitted"):
        config["process"]["capabilities"][kind] = everything
    config["linux"].update(maskedPaths=[], readonlyPaths=[], seccomp=None)
    done = runtime.run(config)
    assert done.stdout == "allowed\n", done.stdout
    assert done.stderr.count("denied") + done.stderr.count("not permitted") == 5, done.stderr
