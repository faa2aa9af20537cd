"""Wrong names, files and requests: the exit code, and docker's words where clients match."""
import json

import pytest
from fixtures import wait_until


@pytest.mark.parametrize("command, code, words", [
    (["run", "busybox:absent", "true"], 125, "registry"),
    (["create", "--pull", "never", "absent"], 1, "No such image: absent:latest"),
    (["nonsense"], 1, "nonsense"),
    (["start", "absent"], 1, "No such container: absent"),
    (["run", "--name", "-bad", "busybox"], 125, "Invalid container name"),
    (["run", "Bad:Ref:x"], 125, "invalid reference format"),
    (["run", "--memory", "1k", "busybox"], 125, "Minimum memory limit allowed is 6MB"),
    (["run", "--rm", "busybox", "absent"], 127, "executable file not found in $PATH"),
    (["run", "--rm", "busybox", "/etc/passwd"], 126, "permission denied"),
])
def test_command(engine, command, code, words):
    done = engine.cli(*command, check=code)
    assert words in done.stderr, done.stderr


def test_a_name_is_given_once(engine):
    engine.cli("create", "--name", "once", "busybox", check=0)
    done = engine.cli("create", "--name", "once", "busybox")
    assert 'Conflict. The container name "/once" is already in use by container' in done.stderr


@pytest.mark.parametrize("body, status", [
    ("{", 400), ("[]", 400), ('{"Image":', 400), ('{"Image":1}', 400), ("{} {}", 400),
    ("[" * 200 + "]" * 200, 400), ("{}", 400),
])
def test_malformed_json(engine, body, status):
    import http.client
    import socket
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(engine.socket))
    connection.request("POST", "/v1.50/containers/create", body,
                       {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == status, answer
    assert json.loads(answer)["message"]


def test_a_damaged_archive_is_refused_and_leaves_nothing(engine, images, tmp_path):
    # An image that this engine does not have yet: layers that it has are not read again.
    whole = (images / "hello.tar").read_bytes()
    middle = whole.index(b"Hello from wherry")
    before = engine.cli("images", "-q", check=0).stdout
    for name, data in (("cut", whole[:len(whole) // 2]), ("noise", b"\x1f\x8b" + whole[:5000]),
                       ("empty", b""), ("flipped", whole[:middle] + b"\xff" * 8 + whole[middle + 8:])):
        file = tmp_path / name
        file.write_bytes(data)
        done = engine.cli("load", "-i", file)
        assert done.returncode == 1, f"{name}: {done.stdout}{done.stderr}"
    assert engine.cli("images", "-q", check=0).stdout == before


@pytest.mark.parametrize("seconds", ["99999999999", "9223372036854775807"])
def test_a_timeout_that_no_clock_holds_is_a_long_one(engine, seconds):
    engine.cli("run", "-d", "--name", "polite", "busybox", "sh", "-c",
               "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done", check=0)
    wait_until(lambda: "ready" in engine.cli("logs", "polite").stdout, 60, "the trap")
    engine.cli("stop", "-t", seconds, "polite", check=0)
    assert engine.inspect("polite")["State"]["ExitCode"] == 5


def test_times_that_no_clock_holds_are_bounds(engine):
    engine.cli("run", "--name", "old", "busybox", "echo", "said", check=0)
    assert engine.cli("logs", "--until", "9999-12-31", "old", check=0).stdout == "said\n"
    assert engine.cli("logs", "--since", "0001-01-01T00:00:00Z", "old", check=0).stdout == "said\n"
    assert engine.cli("logs", "--since", "0", "old", check=0).stdout == "said\n"
    assert engine.cli("logs", "--since", "9999-12-31Z", "old", check=0).stdout == ""
