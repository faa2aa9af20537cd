"""The Engine API as a protocol: versions, headers, errors, abuse of HTTP. Raw bytes over the
engine's socket; no container is needed."""
import json
import resource
import socket
import threading

import pytest

from rawhttp import Raw, milliseconds

MESSAGE = {"content-type": "application/json"}


def ask(engine, method, path, body=None, headers=()):
    raw = Raw(engine.socket)
    raw.request(method, path, body, headers)
    status, fields = raw.head()
    length = int(fields.get("content-length", 0))
    while len(raw.buffer) < length:
        raw.buffer += raw.sock.recv(65536)
    data = raw.buffer[:length]
    raw.close()
    return status, fields, data


def message_of(data):
    return json.loads(data)["message"]


def test_ping_has_the_headers_that_clients_negotiate_by(bare_engine):
    status, fields, data = ask(bare_engine, "GET", "/_ping")
    assert (status, data) == (200, b"OK")
    assert fields["api-version"] == "1.51"
    assert fields["ostype"] == "linux"
    assert fields["docker-experimental"] == "false"
    assert fields["swarm"] == "inactive"
    assert fields["server"].startswith("Docker/")
    assert fields["cache-control"] == "no-cache, no-store, must-revalidate"
    assert fields["pragma"] == "no-cache"
    assert fields["content-type"].startswith("text/plain")


def test_head_ping_has_no_body(bare_engine):
    raw = Raw(bare_engine.socket)
    raw.request("HEAD", "/_ping")
    status, fields = raw.head()
    assert status == 200 and fields["content-length"] == "0"
    raw.request("GET", "/_ping")  # the next answer begins right behind it
    assert raw.head()[0] == 200


@pytest.mark.parametrize("path", ["/version", "/v1.24/version", "/v1.51/version"])
def test_every_version_is_served(bare_engine, path):
    status, fields, data = ask(bare_engine, "GET", path)
    version = json.loads(data)
    assert status == 200
    assert (version["ApiVersion"], version["MinAPIVersion"]) == ("1.51", "1.24")
    assert version["Os"] == "linux"


@pytest.mark.parametrize("path, words", [
    ("/v1.23/info", "client version 1.23 is too old. Minimum supported API version is 1.24, "
                    "please upgrade your client to a newer version"),
    ("/v1.52/info", "client version 1.52 is too new. Maximum supported API version is 1.51"),
])
def test_other_versions_are_refused_in_docker_words(bare_engine, path, words):
    status, _, data = ask(bare_engine, "GET", path)
    assert (status, message_of(data)) == (400, words)


@pytest.mark.parametrize("method, path", [
    ("GET", "/"), ("GET", "/nope"), ("PATCH", "/containers/json"), ("DELETE", "/v1.44/version"),
    ("GET", "/v1.44"), ("POST", "/containers/x/json"),
])
def test_unknown_paths_and_methods_are_not_found(bare_engine, method, path):
    status, _, data = ask(bare_engine, method, path)
    assert (status, message_of(data)) == (404, "page not found")


@pytest.mark.parametrize("method, path, status, words", [
    ("GET", "/networks/x", 404, "network x not found"),
    ("DELETE", "/networks/bridge", 403, "bridge is a pre-defined network and cannot be removed"),
    ("GET", "/containers/x/stats", 501,
     "wherry: 'docker container stats' is not available in wherry 0.1.0"),
    ("GET", "/services", 503, "This node is not a swarm manager."),
    ("GET", "/volumes/x", 404, "get x: no such volume"),
    ("GET", "/containers/x/json", 404, "No such container: x"),
    ("GET", "/images/x/json", 404, "No such image: x:latest"),
    ("GET", "/images/localhost:5000/a/b/json", 404, "No such image: localhost:5000/a/b:latest"),
    ("GET", "/exec/x/json", 404, "No such exec instance: x"),
    ("POST", "/containers/x/wait?condition=soon", 400, 'invalid condition: "soon"'),
    ("GET", "/containers/json?filters=nonsense", 400, "invalid"),
    ("GET", "/containers/json?filters=%7B%22nope%22:%7B%22a%22:true%7D%7D", 400, "invalid filter"),
    ("GET", "/containers/json?a=%zz", 400, "invalid URL escape"),
    ("POST", "/containers/x/resize?h=1", 400, "invalid resize width"),
    ("GET", "/containers/x/logs", 400, "you must choose at least one stream"),
    ("POST", "/containers/x/start?checkpoint=c", 501, "--checkpoint"),
    ("POST", "/images/create?fromSrc=-", 501, "docker image import"),
    ("POST", "/images/create?fromImage=UPPER", 400, "must be lowercase"),
])
def test_errors_have_a_status_and_a_message(bare_engine, method, path, status, words):
    got, fields, data = ask(bare_engine, method, path)
    assert got == status
    assert fields["content-type"] == "application/json"
    assert words in message_of(data)


def test_plugins_are_an_empty_list(bare_engine):
    status, _, data = ask(bare_engine, "GET", "/plugins")
    assert (status, data) == (200, b"[]\n")


def test_info_speaks_each_version(bare_engine):
    current = json.loads(ask(bare_engine, "GET", "/info")[2])
    assert current["OSType"] == "linux" and current["NCPU"] > 0 and current["MemTotal"] > 0
    assert current["Swarm"]["LocalNodeState"] == "inactive"
    assert "BridgeNfIptables" not in current
    old = json.loads(ask(bare_engine, "GET", "/v1.24/info")[2])
    assert "BridgeNfIptables" in old and "Expected" in old["RuncCommit"]


# ---- bodies ------------------------------------------------------------------------------

@pytest.mark.parametrize("body, headers, words", [
    (b"{}", ["Content-Type: text/plain"], "must be 'application/json'"),
    (b"{", [], ""),
    (b"{} trailing", [], ""),
    (b"[1]", [], ""),
    (b'{"HostConfig":{"Binds":"x"}}', [], "HostConfig"),
    (b"[" * 100_000, [], ""),
    (b'{"a":' * 100_000, [], ""),
    (b'{"Image":"' + b"\xff\xfe" + b'"}', [], ""),
])
def test_bodies_that_cannot_be_read_are_400(bare_engine, body, headers, words):
    status, _, data = ask(bare_engine, "POST", "/containers/create", body, headers)
    assert status == 400
    assert words in message_of(data)


def test_create_without_a_body_is_400(bare_engine):
    status, _, data = ask(bare_engine, "POST", "/containers/create")
    assert (status, message_of(data)) == (400, "invalid JSON: got EOF while reading request body")


def test_a_body_above_four_mebibytes_is_413(bare_engine):
    raw = Raw(bare_engine.socket)
    raw.send("POST /containers/create HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
             "Content-Length: 5000000\r\n\r\n")
    assert raw.head()[0] == 413
    raw.close()


def test_start_with_a_body_is_400(bare_engine):
    status, _, data = ask(bare_engine, "POST", "/containers/x/start", {"HostConfig": {}})
    assert status == 400 and "non-empty request body" in message_of(data)


# ---- abuse -------------------------------------------------------------------------------

@pytest.mark.parametrize("text, status", [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST /auth HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 100_000 + b"\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"x" * (1 << 20) + b"\r\n\r\n", 431),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
])
def test_malformed_requests_are_refused_and_the_connection_ends(bare_engine, text, status):
    raw = Raw(bare_engine.socket)
    sender = threading.Thread(target=lambda: _send_quietly(raw, text))
    sender.start()
    assert raw.head()[0] == status
    raw.rest()
    sender.join()
    raw.close()
    assert ask(bare_engine, "GET", "/_ping")[0] == 200


def _send_quietly(raw, text):
    try:
        raw.send(text)
    except OSError:
        pass


def test_pipelined_requests_are_answered_in_order(bare_engine):
    raw = Raw(bare_engine.socket)
    for _ in range(50):
        raw.request("GET", "/_ping")
        raw.request("GET", "/nope")
    for _ in range(50):
        for status in (200, 404):
            got, fields = raw.head()
            assert got == status
            raw.read_until(b"OK" if status == 200 else b"\n")
    raw.close()


def test_a_request_that_trickles_in_does_not_slow_others(bare_engine):
    slow = [Raw(bare_engine.socket) for _ in range(50)]
    for raw in slow:
        raw.send("GET /_ping HTTP/1.1\r\nHo")
    times = sorted(milliseconds(lambda: ask(bare_engine, "GET", "/_ping")) for _ in range(50))
    assert times[-1] < 250
    assert all(raw.is_open(0.01) for raw in slow[:3])  # not yet: the limit is 10 s
    for raw in slow:
        raw.close()


def test_a_head_that_never_comes_ends_after_ten_seconds(bare_engine):
    raw = Raw(bare_engine.socket, timeout_s=15)
    raw.send("GET /_ping HTTP/1.1\r\nHo")
    assert 8000 < milliseconds(raw.rest) < 13_000
    raw.close()


def resident_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))


def engine_pid(engine):
    return int((engine.directory / "pid").read_text())


def test_thousands_of_idle_connections_cost_little(bare_engine):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(10_000, hard // 2 - 200)
    pid = engine_pid(bare_engine)
    ask(bare_engine, "GET", "/_ping")
    before = resident_kib(pid)
    idle = []
    try:
        for _ in range(count):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(str(bare_engine.socket))
            idle.append(sock)
        times = sorted(milliseconds(lambda: ask(bare_engine, "GET", "/_ping")) for _ in range(100))
        assert times[98] < 250
        assert resident_kib(pid) - before < 64 << 10
    finally:
        for sock in idle:
            sock.close()
    assert ask(bare_engine, "GET", "/_ping")[0] == 200


def test_random_bytes_never_stop_the_engine(bare_engine):
    import random
    rng = random.Random(7)
    seeds = [b"GET /v1.44/containers/json?filters={} HTTP/1.1\r\nHost: h\r\n\r\n",
             b"POST /containers/create HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
             b"Content-Length: 33\r\n\r\n{\"Image\":\"x\",\"HostConfig\":{\"a\":1}}",
             b"POST /auth HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"]
    for _ in range(1500):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(data))
            data[at:at + rng.randint(0, 3)] = bytes(rng.randrange(256)
                                                     for _ in range(rng.randint(0, 3)))
        raw = Raw(bare_engine.socket)
        _send_quietly(raw, bytes(data))
        raw.end_sending()
        raw.close()
    assert bare_engine.process.poll() is None
    assert ask(bare_engine, "GET", "/_ping")[0] == 200


def test_the_socket_is_for_root_and_its_group(bare_engine):
    status = bare_engine.socket.stat()
    assert status.st_mode & 0o777 == 0o660
    assert status.st_uid == 0
    listening = bare_engine.sandbox.run("ss", "-xlH").stdout
    assert str(bare_engine.socket) in listening
    assert not [line for line in listening.splitlines() if " @" in line and "wherry" in line]
