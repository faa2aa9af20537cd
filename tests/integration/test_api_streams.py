"""Streams of the Engine API on real containers: wait, events, logs, attach, exec, uploads."""
import fcntl
import json
import socket
import struct
import termios
import threading
import time

import pytest

from fixtures import wait_until
from rawhttp import Raw, frames, milliseconds

UPGRADE = ["Connection: Upgrade", "Upgrade: tcp"]


def create(engine, *command, name=None, **config):
    host = {"NetworkMode": "none", **config.pop("HostConfig", {})}
    body = {"Image": "busybox", "Cmd": list(command), "HostConfig": host, **config}
    query = f"?name={name}" if name else ""
    status, _, data = engine.api("POST", f"/v1.50/containers/create{query}", body)
    assert status == 201, data
    return json.loads(data)["Id"]


def start(engine, container):
    assert engine.api("POST", f"/containers/{container}/start")[0] == 204


def wait_exit(engine, container):
    return json.loads(engine.api("POST", f"/containers/{container}/wait")[2])["StatusCode"]


def test_wait_answers_its_head_before_the_container_starts(engine):
    container = create(engine, "sh", "-c", "exit 3")
    raw = Raw(engine.socket)
    raw.request("POST", f"/containers/{container}/wait?condition=next-exit")
    status, fields = raw.head()
    assert status == 200 and fields["content-type"] == "application/json"
    assert raw.is_open(0.1) and not raw.buffer
    raw.sock.settimeout(10)
    start(engine, container)
    assert json.loads(raw.chunk()) == {"StatusCode": 3}
    raw.close()


def test_wait_removed_answers_after_auto_remove(engine):
    container = create(engine, "true", HostConfig={"AutoRemove": True})
    raw = Raw(engine.socket)
    raw.request("POST", f"/containers/{container}/wait?condition=removed")
    assert raw.head()[0] == 200
    start(engine, container)
    assert json.loads(raw.chunk()) == {"StatusCode": 0}
    assert engine.api("GET", f"/containers/{container}/json")[0] == 404
    raw.close()


def test_a_connection_is_kept_behind_a_wait(engine):
    container = create(engine, "true")
    start(engine, container)
    raw = Raw(engine.socket)
    raw.request("POST", f"/containers/{container}/wait")
    raw.head()
    raw.chunk()
    assert raw.chunk() == b""
    raw.request("GET", "/_ping")
    assert raw.head()[0] == 200
    raw.close()


def test_start_of_a_running_container_is_304_without_a_body(engine):
    container = create(engine, "sleep", "100")
    start(engine, container)
    status, _, data = engine.api("POST", f"/containers/{container}/start")
    assert (status, data) == (304, b"")
    assert engine.api("POST", f"/containers/{container}/stop?t=0")[0] == 204
    assert engine.api("POST", f"/containers/{container}/stop")[0] == 304


def test_events_flush_at_once_and_carry_the_old_members(engine):
    raw = Raw(engine.socket)
    raw.request("GET", "/events?filters=" + '{"event":["start"]}'.replace('"', "%22"))
    assert raw.head()[0] == 200
    container = create(engine, "true")
    start(engine, container)
    event = json.loads(raw.chunk())
    assert (event["Type"], event["Action"], event["status"]) == ("container", "start", "start")
    assert event["id"] == event["Actor"]["ID"] == container
    assert event["from"] == event["Actor"]["Attributes"]["image"] == "busybox"
    raw.close()


def test_events_until_now_end(engine):
    container = create(engine, "true")
    now = time.time()
    raw = Raw(engine.socket)
    raw.request("GET", f"/events?since={now - 60:.9f}&until={now:.9f}")
    assert raw.head()[0] == 200
    seen = []
    while chunk := raw.chunk():
        seen.append(json.loads(chunk))
    assert any(event["Action"] == "create" and event["id"] == container for event in seen)
    raw.request("GET", f"/events?until={time.time() + 1:.9f}")
    assert raw.head()[0] == 200
    assert milliseconds(lambda: list(iter(raw.chunk, b""))) < 5000
    raw.close()


def test_logs_are_framed_without_a_tty(engine):
    container = create(engine, "sh", "-c", "echo out; echo err >&2")
    start(engine, container)
    wait_exit(engine, container)
    status, fields, data = engine.api("GET", f"/containers/{container}/logs?stdout=1&stderr=1")
    assert status == 200
    assert fields["Content-Type"] == "application/vnd.docker.multiplexed-stream"
    assert frames(data) == {1: b"out\n", 2: b"err\n"}
    _, fields, data = engine.api("GET", f"/v1.41/containers/{container}/logs?stderr=1")
    assert fields["Content-Type"] == "application/vnd.docker.raw-stream"
    assert frames(data) == {2: b"err\n"}


def test_logs_are_raw_with_a_tty(engine):
    container = create(engine, "echo", "text", Tty=True)
    start(engine, container)
    wait_exit(engine, container)
    _, fields, data = engine.api("GET", f"/containers/{container}/logs?stdout=1")
    assert fields["Content-Type"] == "application/vnd.docker.raw-stream"
    assert data == b"text\r\n"


def test_followed_logs_flush_their_head_and_end_with_the_container(engine):
    container = create(engine, "sh", "-c", "read x; echo done", OpenStdin=True)
    start(engine, container)
    raw = Raw(engine.socket)
    raw.request("GET", f"/containers/{container}/logs?follow=1&stdout=1")
    assert raw.head()[0] == 200
    attach = Raw(engine.socket)
    attach.request("POST", f"/containers/{container}/attach?stream=1&stdin=1", headers=UPGRADE)
    assert attach.head()[0] == 101
    attach.send("go\n")
    assert frames(raw.chunk()) == {1: b"done\n"}
    assert raw.chunk() == b""
    attach.close()
    raw.close()


def test_attach_with_an_upgrade_is_101_and_without_one_200(engine):
    container = create(engine, "cat", OpenStdin=True, StdinOnce=True)
    start(engine, container)
    query = "stream=1&stdin=1&stdout=1&stderr=1"
    upgraded = Raw(engine.socket)
    upgraded.request("POST", f"/containers/{container}/attach?{query}", headers=UPGRADE)
    status, fields = upgraded.head()
    assert (status, fields["upgrade"]) == (101, "tcp")
    assert fields["content-type"] == "application/vnd.docker.multiplexed-stream"
    plain = Raw(engine.socket)
    plain.request("POST", f"/containers/{container}/attach?stream=1&stdout=1")
    status, fields = plain.head()
    assert (status, fields["content-type"]) == (200, "application/vnd.docker.raw-stream")
    upgraded.send("hello\n")
    upgraded.end_sending()  # half-close: the end of stdin, not of the stream
    assert frames(upgraded.rest()) == {1: b"hello\n"}
    assert frames(plain.rest()) == {1: b"hello\n"}
    assert wait_exit(engine, container) == 0
    upgraded.close()
    plain.close()


def test_bytes_sent_right_behind_an_attach_reach_the_container(engine):
    container = create(engine, "cat", OpenStdin=True, StdinOnce=True)
    start(engine, container)
    raw = Raw(engine.socket)
    raw.send(f"POST /containers/{container}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\n"
             "Host: h\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly\n")
    raw.end_sending()
    assert raw.head()[0] == 101
    assert frames(raw.rest()) == {1: b"early\n"}
    raw.close()


def test_a_run_right_behind_the_last_one_is_heard(engine):
    """The stream of the run that has just ended must not take the next one's client along."""
    engine.cli("create", "--name", "again", "busybox", "echo", "heard", check=0)
    for _ in range(20):
        assert engine.cli("start", "-a", "again", check=0).stdout == "heard\n"
    assert engine.cli("logs", "again", check=0).stdout == "heard\n" * 20


LINE = "0123456789012345678901234567890123456789"
LINES = 60_000  # 2.4 MB: far more than a socket holds


def make_log(engine):
    engine.cli("run", "--name", "big", "busybox", "sh", "-c", f"yes {LINE} | head -n {LINES}", check=0)


def ask_for_log(engine, parameters):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(60)
    client.connect(str(engine.socket))
    client.sendall(f"POST /v1.51/containers/big/attach?logs=1&stdout=1{parameters} HTTP/1.1\r\n"
                   "Host: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
    return client


def queued(client):
    """Bytes that wait to be read."""
    return struct.unpack("i", fcntl.ioctl(client, termios.FIONREAD, b"\0" * 4))[0]


def read_bytes(client, limit=None):
    """Up to `limit` bytes, or to the end of the stream."""
    data = b""
    while limit is None or len(data) < limit:
        piece = client.recv(1 << 16 if limit is None else min(1 << 16, limit - len(data)))
        if not piece:
            break
        data += piece
    return data


def read_head(client):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)


@pytest.mark.parametrize("parameters", ["", "&stream=1"])
def test_a_log_reaches_a_client_that_is_slow_to_read_it(engine, parameters):
    make_log(engine)
    client = ask_for_log(engine, parameters)
    # So much that the socket is full, or nearly.
    wait_until(lambda: queued(client) > 8192, 60, "the log")
    said = {1: f"{LINE}\n".encode() * LINES}
    read_head(client)
    # A frame a line.
    assert frames(read_bytes(client, LINES * (len(LINE) + 9))) == said
    if parameters:
        # Still attached: what the next run says comes once.
        engine.cli("start", "big", check=0)
        assert frames(read_bytes(client)) == said
    assert read_bytes(client) == b""
    client.close()


def test_clients_that_do_not_read_their_log_hold_up_nobody(engine):
    make_log(engine)
    # More than there are threads for verbs that are over at once.
    clients = [ask_for_log(engine, "") for _ in range(40)]
    for client in clients:
        wait_until(lambda: client.recv(1, socket.MSG_PEEK), 60, "the log")  # noqa: B023
    engine.cli("ps", check=0)
    engine.stop()  # at once, although they still wait
    engine.start()
    for client in clients:
        client.close()


def test_attach_to_nothing_is_a_plain_404(engine):
    raw = Raw(engine.socket)
    raw.request("POST", "/containers/nope/attach?stream=1", headers=UPGRADE)
    status, _ = raw.head()
    assert status == 404
    assert b"No such container: nope" in raw.rest()
    raw.close()


def exec_start(engine, container, *command, tty=False):
    status, _, data = engine.api("POST", f"/containers/{container}/exec", {
        "Cmd": list(command), "AttachStdout": True, "AttachStderr": True, "Tty": tty})
    assert status == 201, data
    exec_id = json.loads(data)["Id"]
    raw = Raw(engine.socket)
    raw.request("POST", f"/exec/{exec_id}/start", {"Detach": False, "Tty": tty}, UPGRADE)
    status, _ = raw.head()
    output = raw.rest()
    raw.close()
    return status, output, json.loads(engine.api("GET", f"/exec/{exec_id}/json")[2])


def test_exec_streams_and_tells_its_exit_code(engine):
    container = create(engine, "sleep", "100")
    start(engine, container)
    status, output, inspect = exec_start(engine, container, "sh", "-c", "echo a; echo b >&2; exit 5")
    assert status == 101 and frames(output) == {1: b"a\n", 2: b"b\n"}
    assert (inspect["Running"], inspect["ExitCode"]) == (False, 5)


def test_the_exit_code_of_an_exec_is_there_when_its_stream_has_ended(engine):
    container = create(engine, "sleep", "100")
    start(engine, container)
    for _ in range(100):
        _, _, inspect = exec_start(engine, container, "sh", "-c", "exit 4")
        assert (inspect["Running"], inspect["ExitCode"]) == (False, 4)


def test_exec_of_a_missing_program_is_told_in_the_stream(engine):
    container = create(engine, "sleep", "100")
    start(engine, container)
    status, output, inspect = exec_start(engine, container, "nosuch")
    assert status == 101
    assert b"executable file not found in $PATH" in b"".join(frames(output).values())
    assert inspect["ExitCode"] == 127


@pytest.mark.parametrize("tty,asked,media,expected", [
    (True, True, "raw", b"out\r\nerr\r\n"),
    (True, False, "multiplexed", {1: b"out\r\nerr\r\n"}),
    (False, True, "raw", b"out\n"),
    (False, False, "multiplexed", {1: b"out\n", 2: b"err\n"}),
])
def test_the_form_of_an_exec_s_stream_is_what_its_start_asks_for(engine, tty, asked, media, expected):
    container = create(engine, "sleep", "100")
    start(engine, container)
    _, _, data = engine.api("POST", f"/containers/{container}/exec", {
        "Cmd": ["sh", "-c", "echo out; sleep 0.2; echo err >&2"], "Tty": tty,
        "AttachStdout": True, "AttachStderr": True})
    raw = Raw(engine.socket)
    raw.request("POST", f"/v1.51/exec/{json.loads(data)['Id']}/start", {"Detach": False, "Tty": asked},
                UPGRADE)
    status, fields = raw.head()
    assert (status, fields["content-type"]) == (101, f"application/vnd.docker.{media}-stream")
    shown = raw.rest()
    assert (frames(shown) if isinstance(expected, dict) else shown) == expected
    raw.close()


def test_exec_in_a_stopped_container_is_409(engine):
    container = create(engine, "true")
    status, _, data = engine.api("POST", f"/containers/{container}/exec", {"Cmd": ["true"]})
    assert status == 409 and b"is not running" in data
    status, _, data = engine.api("POST", f"/containers/{container}/exec", {})
    assert (status, json.loads(data)["message"]) == (400, "No exec command specified")


def test_load_streams_its_progress(engine, images):
    data = (images / "busybox.tar").read_bytes()
    raw = Raw(engine.socket)
    raw.send("POST /images/load HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-tar\r\n"
             "Transfer-Encoding: chunked\r\n\r\n")
    for at in range(0, len(data), 1 << 16):
        piece = data[at:at + (1 << 16)]
        raw.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    raw.send("0\r\n\r\n")
    assert raw.head()[0] == 200
    text = raw.rest()
    assert b"Loaded image: busybox:latest" in text
    raw.close()


def test_an_upload_that_breaks_off_leaves_no_thread_and_no_image(engine, images):
    before = engine.api("GET", "/images/json")[2]
    data = (images / "alpine.tar").read_bytes()
    for _ in range(5):
        raw = Raw(engine.socket)
        raw.send(f"POST /images/load HTTP/1.1\r\nHost: h\r\nContent-Length: {len(data)}\r\n\r\n")
        raw.send(data[:len(data) // 2])
        raw.close()
    assert json.loads(engine.api("GET", "/images/json")[2]) == json.loads(before)
    assert engine.api("GET", "/_ping")[0] == 200


def descriptors(engine):
    import os
    pid = int((engine.directory / "pid").read_text())
    return len(os.listdir(f"/proc/{pid}/fd"))


def settled_descriptors(engine):
    """After a start the pool makes the next network sandbox, which takes descriptors as well."""
    count, since = descriptors(engine), time.monotonic()
    while time.monotonic() < since + 0.3:
        time.sleep(0.02)
        if descriptors(engine) != count:
            count, since = descriptors(engine), time.monotonic()
    return count


def test_clients_that_vanish_free_what_they_held(engine):
    container = create(engine, "sleep", "100")
    start(engine, container)
    before = settled_descriptors(engine)
    paths = [f"/containers/{container}/wait", "/events",
             f"/containers/{container}/logs?follow=1&stdout=1"]
    raws = []
    for path in paths * 10:
        raw = Raw(engine.socket)
        raw.request("POST" if path.endswith("wait") else "GET", path)
        raw.head()
        raws.append(raw)
    for raw in raws:
        raw.close()
    end = time.monotonic() + 5
    while descriptors(engine) > before and time.monotonic() < end:
        time.sleep(0.05)
    assert descriptors(engine) <= before


def test_one_of_many_racing_creates_wins_a_name(engine):
    statuses = []
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none"}}

    def attempt():
        statuses.append(engine.api("POST", "/containers/create?name=racer", body)[0])

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [409] * 19


@pytest.mark.parametrize("version", ["1.24", "1.40", "1.43", "1.44", "1.48", "1.51"])
def test_inspect_and_list_in_each_version(engine, version):
    container = create(engine, "true", name="versions")
    inspect = json.loads(engine.api("GET", f"/v{version}/containers/versions/json")[2])
    assert inspect["Id"] == container and inspect["Name"] == "/versions"
    listed = json.loads(engine.api("GET", f"/v{version}/containers/json?all=1")[2])
    assert [entry["Id"] for entry in listed] == [container]
    for network in inspect["NetworkSettings"]["Networks"].values():
        assert ("DNSNames" in network) == (version in ("1.44", "1.48", "1.51"))
        assert ("GwPriority" in network) == (version in ("1.48", "1.51"))
    image = json.loads(engine.api("GET", f"/v{version}/images/busybox/json")[2])
    assert ("VirtualSize" in image) == (version in ("1.24", "1.40", "1.43"))
    assert ("Hostname" in image["Config"]) == (version != "1.51")


def test_what_is_not_done_is_refused_and_named(engine):
    body = {"Image": "busybox", "HostConfig": {"StorageOpt": {"size": "1G"}}}
    status, _, data = engine.api("POST", "/containers/create", body)
    assert status == 501
    assert json.loads(data)["message"] == \
        "wherry: flag '--storage-opt' is not available in wherry 0.1.0"


def test_a_load_of_rubbish_is_told_in_the_stream(engine):
    for quiet in (0, 1):
        raw = Raw(engine.socket)
        raw.request("POST", f"/images/load?quiet={quiet}", b"abc", ["Content-Type: application/x-tar"])
        assert raw.head()[0] == 200
        message = json.loads(raw.chunk())
        assert message["error"] == message["errorDetail"]["message"] != ""
        raw.close()
    failed = engine.cli("load", input="abc")
    assert failed.returncode == 1 and "unexpected end" in failed.stderr


def test_what_other_clients_ask_for_by_dockers_names(engine):
    for runtime in ("runc", "io.containerd.runc.v2", "wherry"):
        container = create(engine, "true", HostConfig={"Runtime": runtime})
        assert engine.inspect(container)["HostConfig"]["Runtime"] == runtime
        start(engine, container)
        assert wait_exit(engine, container) == 0
    endpoints = {"EndpointsConfig": {"bridge": {"DriverOpts": {"com.example.note": "on"}}}}
    container = create(engine, "true", HostConfig={"NetworkMode": "bridge"}, NetworkingConfig=endpoints)
    start(engine, container)
    networks = engine.inspect(container)["NetworkSettings"]["Networks"]
    assert networks["bridge"]["DriverOpts"] == {"com.example.note": "on"}
    container = create(engine, "echo", "hi", HostConfig={
        "LogConfig": {"Type": "json-file", "Config": {"max-file": "100"}}})
    start(engine, container)
    wait_exit(engine, container)
    assert engine.cli("logs", container, check=0).stdout == "hi\n"
