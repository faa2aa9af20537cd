"""Requests to the Engine API as their bytes, without a client: what they answer is recorded with
dockerd (record_api.py) and compared (test_api_cases.py). Errors are half of them: their status
and words are what clients match on.

A line of CASES: METHOD PATH [JSON]; the path without version. `before` is sent as a whole to make
what the cases look at; "pid" and the like never reach a recording (harness.mask, own_masked).
"""
import http.client
import json
import socket

import harness

VERSION = "v1.51"

# Made before the first case: (name, body).
CONTAINERS = [
    ("idle", {"Image": "busybox", "Cmd": ["true"]}),
    ("busy", {"Image": "busybox", "Cmd": ["sleep", "900"], "HostConfig": {"NetworkMode": "none"}}),
    ("over", {"Image": "busybox", "Cmd": ["sh", "-c", "echo out; exit 3"],
              "HostConfig": {"NetworkMode": "none"}}),
]
STARTED = ["busy", "over"]

CASES = """
GET /containers/idle/json
GET /_ping
HEAD /_ping
GET /nosuch
POST /containers
DELETE /containers/json
GET /containers/absent/json
GET /containers/absent/logs?stdout=1
GET /containers/absent/top
POST /containers/absent/start
POST /containers/absent/stop
POST /containers/absent/restart
POST /containers/absent/kill
POST /containers/absent/pause
POST /containers/absent/unpause
POST /containers/absent/rename?name=x1
POST /containers/absent/resize?h=1&w=1
POST /containers/absent/wait
POST /containers/absent/attach
POST /containers/absent/exec {"Cmd": ["true"]}
DELETE /containers/absent
POST /containers/idle/pause
POST /containers/idle/unpause
POST /containers/idle/kill
POST /containers/idle/stop
POST /containers/idle/resize?h=1&w=1
POST /containers/idle/exec {"Cmd": ["true"]}
GET /containers/idle/top
GET /containers/idle/logs
GET /containers/idle/logs?stdout=1
GET /containers/idle/logs?stdout=1&tail=x
GET /containers/idle/logs?stdout=1&since=x
POST /containers/idle/rename
POST /containers/idle/rename?name=
POST /containers/idle/rename?name=a/b
POST /containers/idle/rename?name=busy
POST /containers/idle/rename?name=idle
POST /containers/idle/wait?condition=bogus
POST /containers/over/start
POST /containers/over/wait
POST /containers/over/stop
POST /containers/over/kill
GET /containers/over/logs?stdout=1
POST /containers/busy/start
POST /containers/busy/kill?signal=NOSUCH
POST /containers/busy/kill?signal=0
POST /containers/busy/unpause
POST /containers/busy/pause
POST /containers/busy/pause
POST /containers/busy/exec {"Cmd": ["true"]}
POST /containers/busy/unpause
POST /containers/busy/resize
POST /containers/busy/resize?h=x&w=1
POST /containers/busy/exec {}
POST /containers/busy/exec {"Cmd": []}
POST /containers/busy/exec {"Cmd": ["true"], "DetachKeys": "bogus-key"}
POST /containers/busy/exec {"Cmd"
POST /containers/busy/exec
DELETE /containers/busy
GET /containers/busy/top?ps_args=bogus
GET /exec/absent/json
POST /exec/absent/start {"Detach": true}
POST /exec/absent/resize?h=1&w=1
POST /containers/create
POST /containers/create {}
POST /containers/create {"Image": ""}
POST /containers/create {"Image": "absent:v1"}
POST /containers/create {"Image": "UPPER"}
POST /containers/create {"Image": "busybox"
POST /containers/create [1]
POST /containers/create {"Image": "busybox", "Cmd": 5}
POST /containers/create {"Image": 5}
POST /containers/create?name=a/b {"Image": "busybox"}
POST /containers/create?name=busy {"Image": "busybox"}
POST /containers/create?platform=bogus/x/y/z {"Image": "busybox"}
POST /containers/create {"Image": "busybox", "HostConfig": {"Memory": 1}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Memory": -1}}
POST /containers/create {"Image": "busybox", "HostConfig": {"MemorySwap": 9000000}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Memory": 90000000, "MemorySwap": 8000000}}
POST /containers/create {"Image": "busybox", "HostConfig": {"NanoCpus": -5}}
POST /containers/create {"Image": "busybox", "HostConfig": {"NanoCpus": 999000000000}}
POST /containers/create {"Image": "busybox", "HostConfig": {"NanoCpus": 1000000000, "CpuQuota": 5000}}
POST /containers/create {"Image": "busybox", "HostConfig": {"CpusetCpus": "999"}}
POST /containers/create {"Image": "busybox", "HostConfig": {"CpusetCpus": "x"}}
POST /containers/create {"Image": "busybox", "HostConfig": {"ShmSize": -1}}
POST /containers/create {"Image": "busybox", "HostConfig": {"OomScoreAdj": 5000}}
POST /containers/create {"Image": "busybox", "HostConfig": {"PidMode": "bogus"}}
POST /containers/create {"Image": "busybox", "HostConfig": {"IpcMode": "bogus"}}
POST /containers/create {"Image": "busybox", "HostConfig": {"UTSMode": "bogus"}}
POST /containers/create {"Image": "busybox", "HostConfig": {"CgroupnsMode": "bogus"}}
POST /containers/create {"Image": "busybox", "HostConfig": {"RestartPolicy": {"Name": "bogus"}}}
POST /containers/create {"Image": "busybox", "HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 3}}}
POST /containers/create {"Image": "busybox", "HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": -3}}}
POST /containers/create {"Image": "busybox", "HostConfig": {"RestartPolicy": {"Name": "always"}, "AutoRemove": true}}
POST /containers/create {"Image": "busybox", "HostConfig": {"CapAdd": ["NOSUCH"]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"SecurityOpt": ["bogus"]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"SecurityOpt": ["bogus=1"]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"LogConfig": {"Type": "bogus"}}}
POST /containers/create {"Image": "busybox", "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {"bogus": "1"}}}}
POST /containers/create {"Image": "busybox", "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {"max-size": "x"}}}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Binds": ["relative"]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Binds": ["/a:relative"]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Binds": ["/tmp:/a:bogus"]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Binds": ["/tmp:/a", "/tmp:/a"]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Binds": ["/tmp:/"]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "bogus", "Target": "/a"}]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "bind", "Source": "/absent-here", "Target": "/a"}]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "bind", "Target": "/a"}]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "tmpfs", "Source": "x", "Target": "/a"}]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "tmpfs"}]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Tmpfs": {"/a": "bogus"}}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Ulimits": [{"Name": "bogus", "Soft": 1, "Hard": 1}]}}
POST /containers/create {"Image": "busybox", "HostConfig": {"Sysctls": {"bogus": "1"}, "NetworkMode": "host"}}
POST /containers/create {"Image": "busybox", "WorkingDir": "relative"}
POST /containers/create {"Image": "busybox", "StopSignal": "NOSUCH"}
POST /containers/create {"Image": "busybox", "Hostname": "not a host name"}
POST /containers/create {"Image": "busybox", "Env": ["=x"]}
POST /containers/create {"Image": "busybox", "HostConfig": {"NetworkMode": "container:absent"}}
GET /containers/json?filters=x
GET /containers/json?filters={"bogus":["x"]}
GET /containers/json?filters={"status":["bogus"]}
GET /containers/json?filters={"exited":["x"]}
GET /containers/json?filters={"name":["nothing-like-it"]}
GET /containers/json?all=1&limit=x
GET /images/absent/json
GET /images/UPPER/json
DELETE /images/absent
DELETE /images/UPPER
POST /images/absent/tag?repo=x
POST /images/busybox/tag?repo=UPPER
POST /images/busybox/tag?repo=x&tag=-bad
POST /images/busybox/tag
POST /images/busybox/tag?repo=tagged&tag=v1
DELETE /images/tagged:v1
DELETE /images/busybox
POST /images/create
POST /images/create?fromImage=UPPER
POST /images/create?fromImage=busybox&platform=bogus/x/y/z
GET /images/json?filters={"bogus":["x"]}
GET /images/json?filters={"dangling":["x"]}
GET /images/json?filters={"reference":["nothing-like-it"]}
GET /events?since=x
GET /events?filters=x
GET /events?since=2&until=1
GET /containers/over/json
GET /images/busybox/json
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def send(path, line):
    """(status, content type, body bytes) of one line of CASES."""
    method, target, *body = line.split(" ", 2)
    target = target.replace('"', "%22").replace("{", "%7B").replace("}", "%7D")
    connection = UnixConnection(path)
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request(method, f"/{VERSION}{target}", body[0] if body else None, headers)
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response.status, response.getheader("Content-Type"), data


def readable(kind, data):
    """A body as it is kept: JSON with the engine's own masked, text masked, anything else as bytes."""
    text = data.decode("utf-8", "backslashreplace")
    if kind == "application/json" and text.strip():
        try:
            text = json.dumps(harness.own_masked(json.loads(text)), indent=1)
        except ValueError:
            pass  # a stream of several documents
    return harness.mask(text, {}).rstrip("\n")


def run(path):
    """Every case on the engine whose socket is `path`; busybox is loaded."""
    for name, body in CONTAINERS:
        status, _, data = send(path, f"POST /containers/create?name={name} {json.dumps(body)}")
        assert status == 201, data
    for name in STARTED:
        assert send(path, f"POST /containers/{name}/start")[0] == 204
    send(path, "POST /containers/over/wait")
    results = []
    for line in CASES.strip().splitlines():
        status, kind, data = send(path, line)
        results.append({"request": line, "status": status, "type": kind,
                        "body": readable(kind, data)})
        if status == 201 and line.startswith("POST /containers/create"):
            send(path, f"DELETE /containers/{json.loads(data)['Id']}?force=1")
    for name, _ in CONTAINERS:
        send(path, f"DELETE /containers/{name}?force=1")
    return results
