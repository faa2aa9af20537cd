"""A scripted Engine API server on a unix socket: canned answers, every request recorded.

Both docker's client and wherry are pointed at it, so that what they send and what they
print can be compared without an engine. Answers are fixed; times are relative to `now`.
"""

import json
import os
import re
import socket
import struct
import threading
from urllib.parse import parse_qs, urlsplit

CID = "c1d2" * 16
CID2 = "0abc" * 16
EXEC = "eeee" * 16
IMAGE = "sha256:" + "1234567890ab" + "cd" * 26
IMAGE2 = "sha256:" + "fedcba098765" + "ef" * 26
NOW = 1_700_000_000


def container(cid=CID, **changes):
    answer = {
        "Id": cid, "Created": "2023-11-14T22:13:20.123456789Z", "Path": "sh", "Args": ["-c", "x <y>"],
        "State": {"Status": "running", "Running": True, "Paused": False, "Restarting": False,
                  "OOMKilled": False, "Dead": False, "Pid": 4242, "ExitCode": 0, "Error": "",
                  "StartedAt": "2023-11-14T22:13:21Z", "FinishedAt": "0001-01-01T00:00:00Z"},
        "Image": IMAGE, "Name": "/box", "RestartCount": 0, "Driver": "overlay2", "Platform": "linux",
        "MountLabel": "", "Mounts": [],
        "HostConfig": {"AutoRemove": False, "NetworkMode": "default", "Memory": 67108864, "Binds": None},
        "Config": {"Hostname": "c1d2", "Tty": False, "OpenStdin": True, "Env": ["PATH=/bin"],
                   "Cmd": ["sh"], "Image": "alpine", "Labels": {"a": "1", "b.c": "two"}},
        "NetworkSettings": {"IPAddress": "172.17.0.2", "Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
    }
    answer.update(changes)
    return answer


def listed(**changes):
    answer = {
        "Id": CID, "Names": ["/box"], "Image": "alpine", "ImageID": IMAGE, "Command": "sh -c 'sleep 1000000 and more'",
        "Created": NOW, "Ports": [], "Labels": {"a": "1", "b.c": "two"}, "State": "running",
        "Status": "Up 5 minutes", "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {"bridge": {}}}, "Mounts": [],
    }
    answer.update(changes)
    return answer


LIST = [
    listed(),
    listed(Id=CID2, Names=["/web", "/box/alias"], Image="nginx:1.25", State="exited", Status="Exited (0) 3 hours ago",
           Ports=[{"PrivatePort": 80, "Type": "tcp"}, {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
                  {"IP": "::", "PrivatePort": 443, "PublicPort": 8443, "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"}],
           Labels={}, SizeRw=1234, SizeRootFs=7654321,
           Mounts=[{"Type": "volume", "Name": "f" * 64, "Source": "/x", "Destination": "/d"},
                   {"Type": "bind", "Source": "/home/user/some/long/path", "Destination": "/h"}],
           NetworkSettings={"Networks": {"net1": {}, "bridge": {}}}),
]

IMAGES = [
    {"Id": IMAGE, "ParentId": "", "RepoTags": ["alpine:latest", "alpine:3.19"],
     "RepoDigests": ["alpine@sha256:" + "aa" * 32], "Created": NOW, "Size": 7377152, "SharedSize": -1,
     "Labels": None, "Containers": -1},
    {"Id": IMAGE2, "ParentId": "", "RepoTags": [], "RepoDigests": [], "Created": NOW - 86400 * 400,
     "Size": 1234567890, "SharedSize": -1, "Labels": {"x": "y"}, "Containers": -1},
    {"Id": IMAGE2, "ParentId": "", "RepoTags": ["localhost:5000/team/app:v1"], "RepoDigests": [],
     "Created": NOW - 3600, "Size": 999, "SharedSize": -1, "Labels": {}, "Containers": -1},
]

IMAGE_JSON = {"Id": IMAGE, "RepoTags": ["alpine:latest"], "RepoDigests": [], "Created": "2023-11-14T22:13:20Z",
              "Config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], "Labels": None}, "Architecture": "amd64",
              "Os": "linux", "Size": 7377152, "GraphDriver": {"Data": None, "Name": "overlay2"},
              "RootFS": {"Type": "layers", "Layers": ["sha256:" + "bb" * 32]}, "Metadata": {"LastTagTime": "0001-01-01T00:00:00Z"}}

VERSION = {
    "Platform": {"Name": "Mock Engine"},
    "Components": [
        {"Name": "Engine", "Version": "28.2.2", "Details": {
            "ApiVersion": "1.50", "Arch": "amd64", "BuildTime": "2025-05-30T12:07:14.000000000+00:00",
            "Experimental": "false", "GitCommit": "45873be", "GoVersion": "go1.24.3", "KernelVersion": "6.1",
            "MinAPIVersion": "1.24", "Os": "linux"}},
        {"Name": "keeper", "Version": "0.1.0", "Details": {"GitCommit": "abc"}}],
    "Version": "28.2.2", "ApiVersion": "1.50", "MinAPIVersion": "1.24", "GitCommit": "45873be",
    "GoVersion": "go1.24.3", "Os": "linux", "Arch": "amd64", "KernelVersion": "6.1",
    "BuildTime": "2025-05-30T12:07:14.000000000+00:00"}

INFO = {
    "ID": "a-b-c", "Containers": 3, "ContainersRunning": 1, "ContainersPaused": 0, "ContainersStopped": 2, "Images": 4,
    "Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"], ["Native Overlay Diff", "true"]],
    "Plugins": {"Volume": ["local"], "Network": ["bridge", "host"], "Authorization": None, "Log": ["json-file", "local"]},
    "MemoryLimit": True, "SwapLimit": True, "CpuCfsPeriod": True, "CpuCfsQuota": True, "CPUShares": True, "CPUSet": True,
    "PidsLimit": True, "IPv4Forwarding": True, "Debug": False, "NFd": 22, "OomKillDisable": False, "NGoroutines": 35,
    "SystemTime": "2023-11-14T22:13:20.5Z", "LoggingDriver": "json-file", "CgroupDriver": "cgroupfs", "CgroupVersion": "1",
    "NEventsListener": 0, "KernelVersion": "6.18.0", "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "OSVersion": "12",
    "OSType": "linux", "Architecture": "x86_64", "IndexServerAddress": "https://index.docker.io/v1/",
    "RegistryConfig": {"IndexConfigs": {"docker.io": {"Name": "docker.io", "Mirrors": ["http://m:5000/"], "Secure": True, "Official": True}},
                       "InsecureRegistryCIDRs": ["::1/128", "127.0.0.0/8"], "Mirrors": ["http://m:5000/"]},
    "NCPU": 2, "MemTotal": 25282052096, "GenericResources": None, "DockerRootDir": "/var/lib/docker", "HttpProxy": "",
    "HttpsProxy": "", "NoProxy": "", "Name": "host1", "Labels": ["k=v"], "ExperimentalBuild": False, "ServerVersion": "28.2.2",
    "Runtimes": {"runc": {"path": "runc"}, "io.containerd.runc.v2": {"path": "runc"}}, "DefaultRuntime": "runc",
    "Swarm": {"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": False, "Error": "", "RemoteManagers": None},
    "LiveRestoreEnabled": False, "Isolation": "", "InitBinary": "docker-init", "ContainerdCommit": {"ID": "cd1"},
    "RuncCommit": {"ID": "rc1"}, "InitCommit": {"ID": "in1"}, "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
    "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"], "Warnings": ["WARNING: No swap limit support"]}

TOP = {"Titles": ["PID", "USER", "COMMAND"], "Processes": [["1", "root", "sh -c x"], ["22", "nobody", "sleep 5"]]}

PULL = [
    {"status": "Pulling from library/alpine", "id": "latest"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
    {"status": "Downloading", "progressDetail": {"current": 512, "total": 2048}, "progress": "x", "id": "aaaaaaaaaaaa"},
    {"status": "Verifying Checksum", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
    {"status": "Download complete", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
    {"status": "Extracting", "progressDetail": {"current": 512, "total": 2048}, "progress": "x", "id": "aaaaaaaaaaaa"},
    {"status": "Pull complete", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
    {"status": "Digest: sha256:" + "aa" * 32},
    {"status": "Status: Downloaded newer image for alpine:latest"},
]

PUSH = [
    {"status": "The push refers to repository [localhost:5000/a]"},
    {"status": "Preparing", "progressDetail": {}, "id": "bbbbbbbbbbbb"},
    {"status": "Pushing", "progressDetail": {"current": 1, "total": 2}, "progress": "x", "id": "bbbbbbbbbbbb"},
    {"status": "Pushed", "progressDetail": {}, "id": "bbbbbbbbbbbb"},
    {"status": "t: digest: sha256:" + "aa" * 32 + " size: 528"},
    {"progressDetail": {}, "aux": {"Tag": "t", "Digest": "sha256:" + "aa" * 32, "Size": 528}},
]


def frame(stream, text):
    data = text.encode()
    return struct.pack(">BxxxI", stream, len(data)) + data


class Daemon:
    """Serves until close(); `requests` holds what came in, in order of arrival."""

    def __init__(self, path, missing_image=False, start_error=None, api_version="1.51", exit_code=7):
        self.path = path
        self.requests = []
        self.missing_image = missing_image
        self.start_error = start_error
        self.api_version = api_version
        self.exit_code = exit_code
        self.tty = False
        self.started = threading.Event()
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
        self.thread.join()
        self.listener.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        stream = connection.makefile("rb")
        try:
            while self._one(connection, stream):
                pass
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    @staticmethod
    def _body(stream, headers):
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(stream.readline(), 16):
                body += stream.read(size)
                stream.readline()
            stream.readline()
            return body
        return stream.read(int(headers.get("content-length", 0)))

    def _one(self, connection, stream):
        line = stream.readline().decode()
        if not line:
            return False
        method, target, _ = line.split(" ", 2)
        headers = {}
        while (header := stream.readline().decode().rstrip("\r\n")):
            key, _, value = header.partition(":")
            headers[key.strip().lower()] = value.strip()
        body = self._body(stream, headers)
        with self.lock:
            self.requests.append({"method": method, "target": target, "headers": headers,
                                  "body": body.decode("utf-8", "replace")})
        parts = urlsplit(target)
        path = re.sub(r"^/v[0-9.]+", "", parts.path)
        query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        return self.answer(connection, stream, method, path, query, body)

    # Answers -------------------------------------------------------------------------------

    def send(self, connection, status, payload=b"", content_type="application/json", extra=""):
        if not isinstance(payload, bytes):
            payload = (json.dumps(payload, separators=(",", ":")) + "\n").encode()
        head = (f"HTTP/1.1 {status} X\r\nApi-Version: {self.api_version}\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
                f"Server: Docker/28.2.2 (linux)\r\n{extra}")
        if status not in (204, 304):
            head += f"Content-Type: {content_type}\r\nContent-Length: {len(payload)}\r\n"
        connection.sendall(head.encode() + b"\r\n" + (payload if status not in (204, 304) else b""))
        return True

    def chunked(self, connection, chunks, content_type="application/json"):
        connection.sendall((f"HTTP/1.1 200 OK\r\nApi-Version: {self.api_version}\r\nOstype: linux\r\n"
                            f"Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n").encode())
        for chunk in chunks:
            connection.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        return True

    def hijack(self, connection, stream, content_type):
        connection.sendall((f"HTTP/1.1 101 UPGRADED\r\nContent-Type: {content_type}\r\nConnection: Upgrade\r\n"
                            f"Upgrade: tcp\r\nApi-Version: {self.api_version}\r\n\r\n").encode())

    def error(self, connection, status, message):
        return self.send(connection, status, {"message": message})

    def lines(self, connection, objects):
        return self.chunked(connection, [(json.dumps(o) + "\r\n").encode() for o in objects])

    def answer(self, connection, stream, method, path, query, body):
        if path == "/_ping":
            self.send(connection, 200, b"OK" if method == "GET" else b"", "text/plain; charset=utf-8",
                      "Builder-Version: 2\r\nSwarm: inactive\r\n")
            return True
        for pattern, handler in ROUTES:
            verb, _, expression = pattern.partition(" ")
            match = re.fullmatch(expression, path)
            if verb == method and match:
                return handler(self, connection, stream, query, body, *match.groups())
        return self.error(connection, 404, "page not found")


def gone(name, daemon, connection):
    return daemon.error(connection, 404, f"No such container: {name}")


def known(name):
    return not name.startswith("nope")


def create(d, c, s, q, b):
    if d.missing_image:
        d.missing_image = False
        image = json.loads(b)["Image"]
        return d.error(c, 404, f"No such image: {image if ':' in image else image + ':latest'}")
    if q.get("name") == "taken":
        return d.error(c, 409, f'Conflict. The container name "/taken" is already in use by container "{CID2}". '
                               "You have to remove (or rename) that container to be able to reuse that name.")
    d.tty = json.loads(b)["Tty"]
    warnings = ["Memory limited without swap."] if json.loads(b)["HostConfig"]["Memory"] == 7340032 else []
    return d.send(c, 201, {"Id": CID, "Warnings": warnings})


def attach(d, c, s, q, b, name):
    if not known(name):
        return gone(name, d, c)
    d.hijack(c, s, "application/vnd.docker." + ("raw-stream" if d.tty else "multiplexed-stream"))
    d.started.wait(5)
    if d.start_error:
        return False
    given = s.read() if q.get("stdin") and not d.tty else b""
    out, err = "out " + given.decode(), "err\n"
    c.sendall((out + err).encode() if d.tty else frame(1, out + "\n") + frame(2, err))
    return False


def wait(d, c, s, q, b, name):
    if not known(name):
        return gone(name, d, c)
    c.sendall((f"HTTP/1.1 200 OK\r\nApi-Version: {d.api_version}\r\nContent-Type: application/json\r\n"
               "Transfer-Encoding: chunked\r\n\r\n").encode())
    if q.get("condition"):
        d.started.wait(5)
    payload = json.dumps({"StatusCode": d.exit_code}) + "\n"
    c.sendall(f"{len(payload):x}\r\n{payload}\r\n0\r\n\r\n".encode())
    return True


def start(d, c, s, q, b, name):
    if not known(name):
        return gone(name, d, c)
    d.started.set()
    if d.start_error:
        return d.error(c, *d.start_error)
    return d.send(c, 204)


def simple(status, payload=b""):
    def handler(d, c, s, q, b, *names):
        if names and not known(names[0]):
            return gone(names[0], d, c)
        return d.send(c, status, payload)
    return handler


def inspect(d, c, s, q, b, name):
    if not known(name) or name == "alpine":
        return gone(name, d, c)
    extra = {"SizeRw": 12, "SizeRootFs": 3456} if q.get("size") else {}
    stopped = name == "stopped"
    state = dict(container()["State"], Running=not stopped, Status="exited" if stopped else "running", ExitCode=3 if stopped else 0)
    return d.send(c, 200, container(State=state, **extra))


def image_inspect(d, c, s, q, b, name):
    if not known(name) or name in ("box", "stopped"):
        return d.error(c, 404, f"No such image: {name}")
    return d.send(c, 200, IMAGE_JSON)


def image_remove(d, c, s, q, b, name):
    if not known(name):
        return d.error(c, 404, f"No such image: {name}:latest")
    return d.send(c, 200, [{"Untagged": f"{name}:latest"}, {"Deleted": IMAGE}])


def pull(d, c, s, q, b):
    if "nope" in q.get("fromImage", ""):
        return d.error(c, 404, "pull access denied for nope, repository does not exist or may require 'docker login': denied")
    if "inband" in q.get("fromImage", ""):
        return d.lines(c, PULL[:3] + [{"errorDetail": {"message": "unexpected EOF"}, "error": "unexpected EOF"}])
    return d.lines(c, PULL)


def exec_start(d, c, s, q, b, name):
    request = json.loads(b)
    if request["Detach"]:
        return d.send(c, 200)
    tty = request["Tty"]
    d.hijack(c, s, "application/vnd.docker." + ("raw-stream" if tty else "multiplexed-stream"))
    c.sendall(b"exec out\n" if tty else frame(1, "exec out\n") + frame(2, "exec err\n"))
    return False


def logs(d, c, s, q, b, name):
    stamp = "2023-11-14T22:13:20.000000001Z " if q.get("timestamps") else ""
    details = "a=1 " if q.get("details") else ""
    return d.chunked(c, [frame(1, f"{stamp}{details}line one\n"), frame(2, f"{stamp}{details}line two\n")],
                     "application/vnd.docker.multiplexed-stream")


def load(d, c, s, q, b):
    objects = [{"stream": "Loaded image: alpine:latest\n"}]
    if not q.get("quiet") == "1":
        objects.insert(0, {"status": "Loading layer", "progressDetail": {"current": 1, "total": 2}, "progress": "x", "id": "aa"})
    return d.lines(c, objects)


def list_containers(d, c, s, q, b):
    if "bogus" in q.get("filters", ""):
        return d.error(c, 400, "invalid filter 'bogus'")
    return d.send(c, 200, LIST if q.get("all") else LIST[:1])


def auth(d, c, s, q, b):
    if json.loads(b)["password"] == "wrong":
        return d.error(c, 401, "login attempt to http://localhost:5000/v2/ failed with status: 401 Unauthorized")
    return d.send(c, 200, {"IdentityToken": "", "Status": "Login Succeeded"})


def missing(kind):
    return lambda d, c, s, q, b, name: d.error(c, 404, f"{kind} {name} not found")


ROUTES = [
    ("POST /containers/create", create),
    ("GET /containers/json", list_containers),
    ("GET /containers/([^/]+)/json", inspect),
    ("POST /containers/([^/]+)/attach", attach),
    ("POST /containers/([^/]+)/wait", wait),
    ("POST /containers/([^/]+)/start", start),
    ("POST /containers/([^/]+)/(?:stop|restart|kill|pause|unpause|rename|resize)", simple(204)),
    ("DELETE /containers/([^/]+)", simple(204)),
    ("GET /containers/([^/]+)/top", simple(200, TOP)),
    ("GET /containers/([^/]+)/logs", logs),
    ("POST /containers/([^/]+)/exec", simple(201, {"Id": EXEC})),
    ("POST /exec/([^/]+)/start", exec_start),
    ("POST /exec/([^/]+)/resize", simple(200)),
    ("GET /exec/([^/]+)/json", lambda d, c, s, q, b, n: d.send(c, 200, {"ID": EXEC, "Running": False, "ExitCode": 3, "Pid": 5})),
    ("GET /images/json", lambda d, c, s, q, b: d.send(c, 200, IMAGES)),
    ("POST /images/create", pull),
    ("POST /images/load", load),
    ("GET /images/(.+)/json", image_inspect),
    ("POST /images/(.+)/tag", lambda d, c, s, q, b, n: d.send(c, 201) if known(n) else d.error(c, 404, f"No such image: {n}:latest")),
    ("POST /images/(.+)/push", lambda d, c, s, q, b, n: d.lines(c, PUSH)),
    ("DELETE /images/(.+)", image_remove),
    ("GET /version", lambda d, c, s, q, b: d.send(c, 200, VERSION)),
    ("GET /info", lambda d, c, s, q, b: d.send(c, 200, INFO)),
    ("POST /auth", auth),
    ("GET /networks/([^/]+)", missing("network")),
    ("GET /volumes/([^/]+)", lambda d, c, s, q, b, n: d.error(c, 404, f"get {n}: no such volume")),
    ("GET /(?:nodes|services|tasks|secrets|configs)/([^/]+)",
     lambda d, c, s, q, b, n: d.error(c, 503, "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" "
                                              "to connect this node to swarm and try again.")),
    ("GET /plugins/([^/]+)/json", lambda d, c, s, q, b, n: d.error(c, 404, f'plugin "{n}" not found')),
]
