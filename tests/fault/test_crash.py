"""kill -9 of any of our processes, at a moment that hurts: every container is alive or cleanly
gone, nothing is left, and `run --rm busybox true` works directly afterwards."""
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.parse

import pytest
from fixtures import BIN, children_of, wait_until

pytestmark = pytest.mark.usefixtures("still_works")


def process_of(engine, role):
    """The pid of the engine's keeper or pump: both are wherry-keeper, the pump with --pump."""
    def find():
        for pid in children_of(engine.processes()):
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"--pump" in command if role == "pump" else (
                    b"wherry-keeper" in command[0] and b"--pump" not in command):
                return pid
        return None
    return wait_until(find, what=f"the {role}")


def start(engine, name, *command):
    engine.cli("run", "-d", "--name", name, "busybox", *(command or ("sleep", "900")), check=0)
    return engine.inspect(name)["State"]["Pid"]


def background(engine, *arguments, **options):
    return engine.sandbox.popen(BIN / "wherry", *arguments, env=engine.client_environment(),
                                stdin=options.pop("stdin", subprocess.DEVNULL),
                                stdout=options.pop("stdout", subprocess.DEVNULL),
                                stderr=subprocess.DEVNULL, **options)


@pytest.mark.parametrize("verb", [["create", "--name", "x", "busybox"],
                                  ["run", "-d", "--name", "x", "busybox", "sleep", "900"],
                                  ["stop", "-t", "0", "victim"], ["rm", "-f", "victim"],
                                  ["restart", "-t", "0", "victim"]])
@pytest.mark.parametrize("delay_ms", [0, 2, 5, 10, 20])
def test_engine_killed_during(engine, verb, delay_ms):
    witness = start(engine, "witness")
    start(engine, "victim")
    client = background(engine, *verb)
    time.sleep(delay_ms / 1000)
    engine.kill()
    client.wait(30)
    engine.start()
    states = dict(line.split() for line in engine.cli(
        "ps", "-a", "--format", "{{.Names}} {{.State}}", check=0).stdout.splitlines())
    assert states["witness"] == "running"
    assert engine.inspect("witness")["State"]["Pid"] == witness
    assert set(states.values()) <= {"created", "running", "exited"}
    for name in states:
        engine.cli("rm", "-f", name, check=0)


def test_exit_codes_of_containers_that_end_while_the_engine_is_down(engine):
    for code in range(5):
        start(engine, f"c{code}", "sh", "-c", f"while [ ! -e /go ]; do sleep 0.05; done; exit {code}")
    roots = {code: engine.inspect(f"c{code}")["State"]["Pid"] for code in range(5)}
    engine.kill()
    for pid in roots.values():
        pathlib.Path(f"/proc/{pid}/root/go").touch()
    wait_until(lambda: not any(os.path.exists(f"/proc/{p}") for p in roots.values()),
               what="end of the containers")
    engine.start()
    for code in range(5):
        state = engine.inspect(f"c{code}")["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", code)
        assert not state["FinishedAt"].startswith("0001")


def test_pump_killed(engine):
    start(engine, "talker", "sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done")
    os.kill(process_of(engine, "pump"), signal.SIGKILL)
    before = engine.cli("logs", "talker", check=0).stdout.count("\n")
    wait_until(lambda: engine.cli("logs", "talker", check=0).stdout.count("\n") > before + 5,
               what="the log to go on")
    assert engine.inspect("talker")["State"]["Running"]
    numbers = [int(line.split()[1]) for line in engine.cli("logs", "talker").stdout.splitlines()]
    assert numbers == sorted(set(numbers))


def test_keeper_killed_with_20_execs_open(engine):
    pids = [start(engine, f"k{i}") for i in range(4)]
    execs = [background(engine, "exec", f"k{i % 4}", "sleep", "900") for i in range(20)]
    wait_until(lambda: all("sleep" in engine.cli("top", f"k{i}").stdout for i in range(4)))
    os.kill(process_of(engine, "keeper"), signal.SIGKILL)
    for pid in pids:
        assert os.path.exists(f"/proc/{pid}")
    began = time.monotonic()
    engine.cli("rm", "-f", "k0", "k1", "k2", "k3", check=0)
    assert time.monotonic() - began < 12
    for client in execs:
        client.wait(20)


def test_keeper_killed_the_exit_code_is_known_or_said_to_be_unknown(engine):
    pid = start(engine, "keeps", "sh", "-c", "while [ ! -e /go ]; do sleep 0.05; done; exit 7")
    os.kill(process_of(engine, "keeper"), signal.SIGKILL)
    pathlib.Path(f"/proc/{pid}/root/go").touch()
    state = wait_until(lambda: (s := engine.inspect("keeps")["State"])["Status"] == "exited" and s,
                       what="the exit to be seen")
    assert state["ExitCode"] == 7 or (state["ExitCode"] == 255 and "unknown" in state["Error"])


def test_engine_and_keeper_killed_together(engine):
    pid = start(engine, "quiet")
    os.kill(process_of(engine, "keeper"), signal.SIGKILL)
    engine.kill()
    engine.start()
    assert os.path.exists(f"/proc/{pid}")
    assert engine.inspect("quiet")["State"]["Running"]
    engine.cli("exec", "quiet", "true", check=0)
    engine.cli("rm", "-f", "quiet", check=0)
    assert not os.path.exists(f"/proc/{pid}")


def test_client_gone_mid_stream(engine):
    start(engine, "talker", "sh", "-c", "while :; do echo some text; done")
    for arguments in (["logs", "-f", "talker"], ["attach", "--no-stdin", "talker"],
                      ["exec", "talker", "sh", "-c", "while :; do echo x; done"]):
        client = background(engine, *arguments, stdout=subprocess.PIPE)
        assert client.stdout.read(100)
        client.kill()
        client.wait(10)
        client.stdout.close()
    assert engine.inspect("talker")["State"]["Running"]
    engine.cli("rm", "-f", "talker", check=0)


def test_restart_policy_goes_on_after_a_kill_of_the_engine(engine):
    pid = start(engine, "plain")
    engine.cli("run", "-d", "--restart", "always", "--name", "always", "busybox", "sleep", "900",
               check=0)
    always = engine.inspect("always")["State"]["Pid"]
    engine.kill()
    os.kill(always, signal.SIGKILL)
    engine.start()
    wait_until(lambda: engine.inspect("always")["State"]["Running"], what="the restart")
    assert engine.inspect("always")["State"]["Pid"] != always
    assert engine.inspect("plain")["State"]["Pid"] == pid


def test_stale_files_of_a_killed_engine_do_not_stop_the_next(engine):
    engine.kill()
    assert engine.socket.exists()
    (engine.directory / "pid").write_text("1")
    engine.start()
    engine.cli("ps", check=0)


def was_signalled(engine, container):
    filters = urllib.parse.quote(json.dumps({"container": [container], "event": ["kill"]}))
    return engine.api("GET", f"/v1.51/events?since=1&until={time.time():.6f}&filters={filters}")[2]


def test_nothing_starts_a_container_that_is_being_removed(engine):
    for round_ in range(8):
        start(engine, "wanted")
        container = engine.inspect("wanted")["Id"]
        # Waits for an end that its signal does not bring: `sleep` is process 1.
        restarting = background(engine, "restart", "-t", "60", "wanted")
        wait_until(lambda: was_signalled(engine, container), 60, "the stop")
        engine.cli("rm", "-f", "wanted", check=0)
        assert restarting.wait(60) != 0
        assert engine.cli("ps", "-aq", check=0).stdout == "", f"round {round_}"
