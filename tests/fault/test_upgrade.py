"""A newer installation: the engine is restarted, the keeper becomes its newer build, and the
containers of both notice nothing."""
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
from fixtures import BIN, children_of, wait_until

pytestmark = pytest.mark.usefixtures("still_works")


@pytest.fixture
def newer_programs(tmp_path):
    """The programs, with another build id in the keeper and nothing else changed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in BIN.glob("wherry*"):
        shutil.copy2(program, folder)
    keeper = folder / "wherry-keeper"
    notes = subprocess.run(["readelf", "-n", keeper], capture_output=True, text=True, check=True).stdout
    build = bytes.fromhex(re.search(r"Build ID: (\w+)", notes)[1])
    content = keeper.read_bytes()
    assert content.count(build) == 1
    keeper.write_bytes(content.replace(build, bytes(20)))
    return folder


@pytest.fixture
def newer_engine(engine, newer_programs):
    yield engine, newer_programs
    engine.stop()
    engine.programs = BIN
    engine.start()


def keeper_of(engine):
    for pid in children_of(engine.processes()) | engine.processes():
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # a child of the engine that has just ended
        if b"wherry-keeper" in command[0] and b"--pump" not in command:
            return pid
    return None


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_containers_outlive_a_newer_keeper(newer_engine, end):
    engine, programs = newer_engine
    engine.cli("run", "-d", "--name", "code", "busybox", "sh", "-c",
               "echo before; while [ ! -e /go ]; do sleep 0.05; done; echo after; exit 7", check=0)
    engine.cli("run", "-dit", "--name", "shell", "busybox", "sh", check=0)
    engine.cli("run", "-d", "--name", "hungry", "-m", "32m", "busybox", "sh", "-c",
               "while [ ! -e /go ]; do sleep 0.05; done; tail /dev/zero", check=0)
    pids = {name: engine.inspect(name)["State"]["Pid"] for name in ("code", "shell", "hungry")}
    engine.cli("run", "-d", "--name", "again", "--restart", "always", "busybox", "sleep", "900", check=0)
    again = engine.inspect("again")["State"]["Pid"]
    keeper = keeper_of(engine)
    getattr(engine, end)()
    os.kill(again, signal.SIGKILL)
    engine.programs = programs
    engine.start()
    state = wait_until(lambda: (s := engine.inspect("again")["State"])["Status"] == "running" and
                       s["Pid"] != again and s,
                       what="the restart of what ended meanwhile")
    assert os.path.exists(f"/proc/{state['Pid']}")
    assert "the keeper is now build 0000000000000000000000000000000000000000" in engine.log_text()
    assert keeper_of(engine) == keeper
    for name, pid in pids.items():
        assert engine.inspect(name)["State"]["Pid"] == pid
    # Exec, terminal, exit codes, the out-of-memory flag and the log are as without it.
    assert engine.cli("exec", "shell", "echo", "hello", check=0).stdout == "hello\n"
    attached = subprocess.run([BIN / "wherry", "attach", "shell"], input="", text=True, capture_output=True,
                              env=engine.client_environment(), timeout=60)
    assert "not a TTY" in attached.stderr
    for name in ("code", "hungry"):
        pathlib.Path(f"/proc/{pids[name]}/root/go").touch()
        wait_until(lambda: engine.inspect(name)["State"]["Status"] == "exited", what=f"end of {name}")
    assert engine.inspect("code")["State"]["ExitCode"] == 7
    assert engine.cli("logs", "code", check=0).stdout == "before\nafter\n"
    hungry = engine.inspect("hungry")["State"]
    assert (hungry["OOMKilled"], hungry["ExitCode"]) == (True, 137)
    engine.cli("rm", "-f", "shell", check=0)
    engine.cli("run", "--rm", "busybox", "true", check=0)


def test_a_keeper_of_the_same_build_is_left_alone(engine):
    engine.cli("run", "-d", "--name", "quiet", "busybox", "sleep", "900", check=0)
    keeper, upgrades = keeper_of(engine), engine.log_text().count("the keeper is now build")
    engine.stop()
    engine.start()
    assert keeper_of(engine) == keeper
    assert engine.log_text().count("the keeper is now build") == upgrades


def test_a_keeper_that_cannot_be_executed_leaves_the_old_one(newer_engine):
    engine, programs = newer_engine
    engine.cli("run", "-d", "--name", "quiet", "busybox", "sleep", "900", check=0)
    keeper = keeper_of(engine)
    (programs / "wherry-keeper").chmod(0o600)
    engine.kill()
    engine.programs = programs
    engine.start()
    assert "upgrade the keeper: " in engine.log_text()
    assert keeper_of(engine) == keeper
    os.kill(engine.inspect("quiet")["State"]["Pid"], signal.SIGTERM)
    engine.cli("exec", "quiet", "true", check=0)
