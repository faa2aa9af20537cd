"""The verbs of wherry-runtime: create, start, exec, kill, delete, pause, limits, terminals."""
import array
import fcntl
import glob
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import termios
import time

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


def wait_for_end(pid):
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return  # ended and reaped already
    assert select.select([pidfd], [], [], 10)[0]
    os.close(pidfd)


def test_create_start_state_kill_delete(runtime):
    name = runtime.create(runtime.config("sh", "-c", "echo started > /tmp/mark; exec sleep 1000"))
    mark = runtime.rootfs / "tmp" / "mark"
    state = runtime.state(name)
    assert state["status"] == "created" and state["bundle"] == str(runtime.bundle)
    assert not mark.exists()
    runtime.call("start", name)
    assert runtime.state(name)["status"] == "running"
    assert runtime.call("start", name, check=False).returncode == 1
    refused = runtime.call("delete", name, check=False)
    assert refused.returncode == 1 and "that is not stopped: running" in refused.stderr
    pid = runtime.state(name)["pid"]
    runtime.call("kill", name, "KILL")
    wait_for_end(state["pid"])
    assert runtime.state(name)["status"] == "stopped"
    assert "not running" in runtime.call("kill", name, check=False).stderr
    runtime.call("delete", name)
    gone = runtime.call("state", name, check=False)
    assert gone.returncode == 1 and f'container "{name}" does not exist' in gone.stderr
    mark.unlink()


def test_a_created_container_can_be_deleted(runtime):
    name = runtime.create(runtime.config("true"))
    pid = runtime.state(name)["pid"]
    runtime.call("delete", name)
    assert not pathlib.Path(f"/proc/{pid}").exists() or \
        "Z" in pathlib.Path(f"/proc/{pid}/stat").read_text().split(")")[1][:4]


def test_an_id_is_taken_once(runtime):
    name = runtime.sleeping()
    again = runtime.call("create", "--bundle", str(runtime.bundle), name, check=False)
    assert again.returncode == 1 and "container with given ID already exists" in again.stderr
    assert runtime.state(name)["status"] == "running"
    runtime.call("delete", "--force", name)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "a b"])
def test_odd_ids_are_refused(runtime, name):
    done = runtime.call("create", "--bundle", str(runtime.bundle), name, check=False)
    assert done.returncode == 1 and "invalid container ID" in done.stderr


def test_failed_programs_speak_docker(runtime):
    cases = {"xyz": 'exec: "xyz": executable file not found in $PATH',
             "/etc/nothing": 'exec: "/etc/nothing": stat /etc/nothing: no such file or directory',
             "/etc/passwd": 'exec: "/etc/passwd": permission denied',
             "/etc": 'exec: "/etc": is a directory'}
    for program, words in cases.items():
        done = runtime.run(runtime.config(program))
        assert done.returncode == 1 and words in done.stderr
        assert runtime.call("list", "-q").stdout == ""


def test_exec(runtime):
    name = runtime.sleeping()
    done = runtime.call("exec", "--env", "MARK=here", "--cwd", "/tmp", name, "sh", "-c",
                        "pwd; echo $MARK; cat /proc/1/comm; ls /proc/self/fd; "
                        "cat /proc/self/status; cat /proc/self/cgroup")
    assert done.stdout.startswith("/tmp\nhere\nsleep\n0\n1\n2\n3\n")
    status = runtime_util.fields(done.stdout)
    assert status["CapEff"] == "00000000a80425fb" and status["CapInh"] == "0000000000000000"
    assert status["Seccomp"] == "2"
    # On v2 the cgroup namespace shows the container's own group as the root.
    assert f":memory:/{name}" in done.stdout or "\n0::/\n" in done.stdout
    assert runtime.call("exec", name, "sh", "-c", "exit 7", check=False).returncode == 7
    user = runtime.call("exec", "--user", "1000:1000", name, "sh", "-c", "id -u; id -g")
    assert user.stdout.split() == ["1000", "1000"]
    missing = runtime.call("exec", name, "xyz", check=False)
    assert 'exec: "xyz": executable file not found in $PATH' in missing.stderr
    runtime.call("delete", "--force", name)


def test_exec_leaves_no_process_to_pid_1(runtime):
    """The exec'd process is our child, not the container's: it is reaped at once."""
    name = runtime.sleeping()
    for _ in range(5):
        runtime.call("exec", name, "true")
    listing = runtime.call("exec", name, "ps").stdout
    assert "true" not in listing
    runtime.call("delete", "--force", name)


def test_pause_and_resume(runtime):
    name = runtime.sleeping()
    runtime.call("pause", name)
    assert runtime.state(name)["status"] == "paused"
    refused = runtime.call("exec", name, "true", check=False)
    assert refused.returncode == 1 and "paused" in refused.stderr
    runtime.call("resume", name)
    assert runtime.state(name)["status"] == "running"
    runtime.call("pause", name)
    runtime.call("delete", "--force", name)  # a frozen container can be killed


def test_kill_all_reaches_every_process(runtime):
    name = runtime.start(runtime.config("sh", "-c", "sleep 1000 & sleep 1000 & wait"))
    deadline = time.monotonic() + 10
    while len(runtime.call("ps", "-f", "json", name).stdout.split(",")) < 3:
        assert time.monotonic() < deadline
    pids = json.loads(runtime.call("ps", "-f", "json", name).stdout)
    runtime.call("kill", "--all", name, "KILL")
    for pid in pids:
        if pathlib.Path(f"/proc/{pid}").exists():
            wait_for_end(pid)
    runtime.call("delete", name)


def cgroup_value(name, *candidates):
    for path in candidates:
        full = pathlib.Path("/sys/fs/cgroup") / path.format(name)
        if full.exists():
            return full.read_text().strip()
    pytest.skip(f"no cgroup file of {candidates} here")


def test_limits_reach_the_kernel(runtime):
    config = runtime.config("sleep", "1000")
    config["linux"]["resources"].update({
        "memory": {"limit": 67108864}, "pids": {"limit": 20},
        "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0"}})
    name = runtime.start(config)
    assert cgroup_value(name, "memory/{}/memory.limit_in_bytes", "{}/memory.max") == "67108864"
    assert cgroup_value(name, "pids/{}/pids.max", "{}/pids.max") == "20"
    assert cgroup_value(name, "cpu/{}/cpu.shares", "{}/cpu.weight") in ("512", "59")
    assert cgroup_value(name, "cpu/{}/cpu.cfs_quota_us", "{}/cpu.max") in ("50000", "50000 100000")
    assert cgroup_value(name, "cpuset/{}/cpuset.cpus", "{}/cpuset.cpus") == "0"
    runtime.call("delete", "--force", name)


def test_the_pids_limit_holds(runtime):
    config = runtime.config("sh", "-c", "for i in 1 2 3 4 5 6; do sleep 5 & done; echo done")
    config["linux"]["resources"]["pids"] = {"limit": 3}
    done = runtime.run(config)
    assert "can't fork" in done.stderr


def test_a_bad_limit_leaves_nothing(runtime):
    config = runtime.config("true")
    config["linux"]["resources"]["cpu"] = {"cpus": "4000"}
    done = runtime.run(config)
    assert done.returncode == 1 and "cpuset.cpus" in done.stderr
    assert runtime.leftovers() == []


@pytest.mark.parametrize("path,value", [
    (("linux", "timeOffsets"), {"boottime": {"secs": 1}}),
    (("linux", "intelRdt"), {"closID": "x"}),
    (("linux", "netDevices"), {"eth0": {"name": "eth1"}}),
])
def test_what_is_not_done_is_refused_by_name(runtime, path, value):
    config = runtime.config("true")
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    done = runtime.run(config)
    assert done.returncode == 1
    word = ".".join(path) + ("[1]" if path[-1] == "namespaces" else "")
    assert word in done.stderr


@pytest.mark.parametrize("arguments", [
    ["checkpoint", "x"], ["run", "--no-pivot", "x"], ["exec", "--ignore-paused", "x", "true"],
    ["nothing"], ["run", "--nothing", "x"]])
def test_flags_that_are_not_there(runtime, arguments):
    done = runtime.call(*arguments, check=False)
    assert done.returncode == 1
    assert "not available" in done.stderr or "unknown" in done.stderr \
        or "not defined" in done.stderr


def test_log_file_in_json(runtime, tmp_path):
    log = tmp_path / "log.json"
    runtime.call("--log", str(log), "--log-format", "json", "state", "absent", check=False)
    line = json.loads(log.read_text().splitlines()[-1])
    assert line["level"] == "error" and "does not exist" in line["msg"]


def receive_terminal(listener):
    connection, _ = listener.accept()
    data, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
    connection.close()
    assert data
    fds = array.array("i")
    fds.frombytes(ancillary[0][2][:4])
    return fds[0]


def read_until(fd, wanted, timeout_s=10):
    text = b""
    deadline = time.monotonic() + timeout_s
    while wanted not in text and time.monotonic() < deadline:
        if select.select([fd], [], [], 0.5)[0]:
            try:
                text += os.read(fd, 4096)
            except OSError:
                break
    return text


@pytest.fixture
def console(tmp_path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(tmp_path / "console"))
    listener.listen()
    listener.settimeout(20)
    yield listener, str(tmp_path / "console")
    listener.close()


def test_terminal_through_a_console_socket(runtime, console):
    listener, path = console
    config = runtime.config("sh", "-c", "tty; stty size; ls -l /dev/console; read x; echo got $x")
    config["process"].update(terminal=True, consoleSize={"height": 33, "width": 77})
    runtime.write(config)
    name = runtime.new_id()
    runtime.call("create", "--console-socket", path, "--bundle", str(runtime.bundle), name)
    master = receive_terminal(listener)
    runtime.call("start", name)
    text = read_until(master, b"/dev/console")
    assert b"/dev/pts/0" in text and b"33 77" in text
    assert b"136,   0" in text
    os.write(master, b"word\n")
    assert b"got word" in read_until(master, b"got word")
    os.close(master)
    runtime.call("delete", "--force", name)


def test_run_on_our_own_terminal(runtime):
    """Without a console socket `run` copies between its terminal and the container's."""
    config = runtime.config("sh", "-c", "tty; read x; echo got $x; exit 5", terminal=True)
    runtime.write(config)
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    client = subprocess.Popen([runtime.program, "--root", str(runtime.root), "run", "--bundle",
                               str(runtime.bundle), runtime.new_id()],
                              stdin=slave, stdout=slave, stderr=slave)
    assert b"/dev/pts/0" in read_until(master, b"/dev/pts/0")
    os.write(master, b"word\n")
    assert b"got word" in read_until(master, b"got word")
    assert client.wait(timeout=20) == 5
    assert termios.tcgetattr(slave) == before
    os.close(slave)
    os.close(master)


def test_exec_with_a_terminal(runtime, console):
    listener, path = console
    name = runtime.sleeping()
    client = subprocess.Popen([runtime.program, "--root", str(runtime.root), "exec", "--tty",
                               "--console-socket", path, name, "sh", "-c", "tty; exit 3"],
                              stdin=subprocess.DEVNULL)
    master = receive_terminal(listener)
    assert b"/dev/pts/0" in read_until(master, b"/dev/pts/0")
    assert client.wait(timeout=20) == 3
    os.close(master)
    runtime.call("delete", "--force", name)


def test_a_terminal_without_a_socket_is_refused(runtime):
    config = runtime.config("true")
    config["process"]["terminal"] = True
    runtime.write(config)
    done = runtime.call("create", "--bundle", str(runtime.bundle), runtime.new_id(), check=False)
    assert done.returncode == 1 and "cannot allocate tty" in done.stderr


def test_run_in_the_foreground_passes_signals(runtime):
    runtime.write(runtime.config("sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"))
    client = subprocess.Popen([runtime.program, "--root", str(runtime.root), "run", "--bundle",
                               str(runtime.bundle), runtime.new_id()],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert client.stdout.readline() == b"ready\n"
    client.send_signal(signal.SIGTERM)
    assert client.wait(timeout=20) == 9
    client.stdout.close()


def test_pid_file_and_list(runtime, tmp_path):
    config = runtime.config("sleep", "1000")
    name = runtime.create(config, "--pid-file", str(tmp_path / "pid"))
    pid = int((tmp_path / "pid").read_text())
    assert pid == runtime.state(name)["pid"]
    rows = json.loads(runtime.call("list", "--format", "json").stdout)
    assert [row["id"] for row in rows if row["pid"] == pid] == [name]
    runtime.call("delete", "--force", name)


def test_preserved_descriptors(runtime):
    reader, writer = os.pipe()
    try:
        moved = fcntl.fcntl(writer, fcntl.F_DUPFD, 50)
        config = runtime.config("sh", "-c", "echo through >&3; ls /proc/self/fd")
        runtime.write(config)
        shell = f'exec {runtime.program} --root {runtime.root} run --preserve-fds 1 ' \
                f'--bundle {runtime.bundle} {runtime.new_id()} 3>&{moved} {moved}>&-'
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True,
                              pass_fds=[moved], timeout=60)
        assert done.returncode == 0, done.stderr
        assert os.read(reader, 100) == b"through\n"
        assert done.stdout.split() == ["0", "1", "2", "3", "4"]
    finally:
        os.close(reader)
        os.close(writer)
        os.close(moved)


def test_a_crash_between_claim_and_state_can_be_deleted(runtime):
    name = runtime.new_id()
    (runtime.root / name).mkdir(parents=True)
    assert runtime.state(name)["status"] == "creating"
    runtime.call("delete", "--force", name)
    assert not (runtime.root / name).exists()


def limits_of(name):
    return [cgroup_value(name, *files) for files in [
        ("memory/{}/memory.limit_in_bytes", "{}/memory.max"), ("pids/{}/pids.max", "{}/pids.max"),
        ("cpu/{}/cpu.shares", "{}/cpu.weight"), ("cpuset/{}/cpuset.cpus", "{}/cpuset.cpus")]]


def test_update_changes_the_limits_of_a_running_container(runtime):
    config = runtime.config("sleep", "1000")
    config["linux"]["resources"]["memory"] = {"limit": 64 << 20, "swap": 64 << 20}
    name = runtime.sleeping(config)
    runtime.call("update", "--memory", str(128 << 20), "--memory-swap", str(256 << 20), "--pids-limit", "77",
                 "--cpu-share", "512", "--cpuset-cpus", "0", name)
    memory, pids, weight, cpus = limits_of(name)
    assert (memory, pids, cpus) == (str(128 << 20), "77", "0") and weight in ("512", "20", "59")
    # Down again: now the limit of memory alone must go first.
    resources = {"memory": {"limit": 32 << 20, "swap": 32 << 20}, "pids": {"limit": 55}}
    runtime.call("update", "--resources", "-", name, stdin=None, input=json.dumps(resources))
    assert limits_of(name)[:2] == [str(32 << 20), "55"]
    file = runtime.directory / "resources.json"
    file.write_text(json.dumps(resources))
    runtime.call("update", name, "--resources", str(file), "--pids-limit", "66")
    assert limits_of(name)[1] == "66", "a flag wins over the file"
    runtime.call("delete", "--force", name)


def test_update_keeps_what_it_does_not_name(runtime):
    config = runtime.config("sleep", "1000")
    config["linux"]["resources"]["cpu"] = {"quota": 50000, "period": 200000}
    config["linux"]["resources"]["memory"] = {"limit": 64 << 20, "swap": 64 << 20}
    name = runtime.sleeping(config)

    def cpu_limit():
        quota = cgroup_value(name, "cpu/{}/cpu.cfs_quota_us", "{}/cpu.max").split()
        return quota if len(quota) == 2 else quota + [cgroup_value(name, "cpu/{}/cpu.cfs_period_us", "{}/cpu.max")]
    runtime.call("update", "--cpu-quota", "60000", name)
    assert cpu_limit() == ["60000", "200000"]
    runtime.call("update", "--cpu-period", "100000", name)
    assert cpu_limit() == ["60000", "100000"]
    runtime.call("update", "--memory-swap", str(96 << 20), name)  # v2 counts swap alone
    swap = cgroup_value(name, "memory/{}/memory.memsw.limit_in_bytes", "{}/memory.swap.max")
    assert swap in (str(96 << 20), str(32 << 20)) and limits_of(name)[0] == str(64 << 20)
    runtime.call("delete", "--force", name)


@pytest.mark.parametrize("resources, message", [
    ({"memory": {"limit": "much"}}, "resources: memory.limit"), ({"pids": {"limit": -5}}, "resources: pids.limit"),
    ({"blockIO": {"throttleReadBpsDevice": [{"minor": 1}]}}, "blockIO.throttleReadBpsDevice[0].major"), ("x", "resources: ")])
def test_update_refuses_what_create_refuses(runtime, resources, message):
    name = runtime.sleeping()
    before = limits_of(name)
    done = runtime.call("update", "-r", "-", name, check=False, stdin=None, input=json.dumps(resources))
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert limits_of(name) == before
    pid = runtime.state(name)["pid"]
    runtime.call("kill", name, "KILL")
    wait_for_end(pid)
    done = runtime.call("update", "--pids-limit", "5", name, check=False)
    assert done.returncode == 1 and "stopped container" in done.stderr
    runtime.call("delete", "--force", name)
    done = runtime.call("update", "--pids-limit", "5", name, check=False)
    assert done.returncode == 1 and "does not exist" in done.stderr, done.stderr


@pytest.mark.parametrize("flag", ["--memory=lots", "--cpu-share=-1", "--blkio-weight=70000", "--pids-limit=9.5"])
def test_update_refuses_flags_that_are_no_numbers(runtime, flag):
    name = runtime.sleeping()
    done = runtime.call("update", flag, name, check=False)
    assert done.returncode == 1 and flag.split("=")[0] in done.stderr
    runtime.call("delete", "--force", name)


@pytest.mark.parametrize("verb,word", [("create", b"standard"), ("exec", b"setns")])
def test_a_pidfd_goes_to_who_asked(runtime, console, verb, word):
    listener, path = console
    if verb == "create":
        name = runtime.create(runtime.config("sleep", "1000"), "--pidfd-socket", path)
    else:
        name = runtime.sleeping()
        runtime.call("exec", "--pidfd-socket", path, name, "true")
    peer, _ = listener.accept()
    with peer:
        said, (descriptor,), _, _ = socket.recv_fds(peer, 64, 1)
    with os.fdopen(descriptor) as pidfd:
        assert said == word
        if verb == "create":
            signal.pidfd_send_signal(pidfd.fileno(), signal.SIGKILL)
            assert select.select([pidfd], [], [], 60)[0]
    assert runtime.call("exec", "--pidfd-socket", path + ".none", name, "true", check=False).returncode != 0


def test_exec_into_a_group_below_the_container_s(runtime):
    name = runtime.sleeping()
    groups = glob.glob(f"/sys/fs/cgroup/**/{name}", recursive=True)
    for group in groups:
        os.mkdir(f"{group}/inner")
        for file in ("cpuset.cpus", "cpuset.mems"):
            if os.path.exists(f"{group}/inner/{file}"):
                value = open(f"{group}/{file}").read()
                if value.strip():
                    open(f"{group}/inner/{file}", "w").write(value)
    done = runtime.call("exec", "--cgroup", "inner", name, "cat", "/proc/self/cgroup")
    assert all(line.endswith("/inner") for line in done.stdout.splitlines() if f"/{name}" in line or "inner" in line)
    assert done.stdout.count("/inner") >= 1
    for wrong in ("absent", "../..", "memory:inner"):
        refused = runtime.call("exec", "--cgroup", wrong, name, "true", check=False)
        assert refused.returncode != 0 and "--cgroup" in refused.stderr
