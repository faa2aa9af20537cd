"""Numbers at the ends of their ranges, in every field and parameter that takes one: each is refused in
words or does what it says, and the engine goes on. Under UBSan an overflow ends the engine."""
import json

import pytest

pytestmark = pytest.mark.usefixtures("still_works")

LIMIT = 1 << 63
EXTREMES = (-LIMIT, -LIMIT + 1, -(1 << 31) - 1, -2, -1, 1, (1 << 31) - 1, 1 << 32, 1 << 53, LIMIT - 1)
RESOURCES = ("CpuShares", "Memory", "NanoCpus", "CpuPeriod", "CpuQuota", "CpuRealtimePeriod",
             "CpuRealtimeRuntime", "MemoryReservation", "MemorySwap", "MemorySwappiness", "PidsLimit",
             "OomScoreAdj", "ShmSize", "BlkioWeight", "KernelMemory", "CpuCount", "IOMaximumIOps")


def shapes(value):
    """Every place of a create request that takes `value`: name and request."""
    for name in RESOURCES:
        yield name, {"HostConfig": {name: value}}
    yield "StopTimeout", {"StopTimeout": value}
    yield "Ulimits", {"HostConfig": {"Ulimits": [{"Name": "nofile", "Soft": value, "Hard": value}]}}
    yield "RestartPolicy", {"HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": value}}}
    yield "Tmpfs", {"HostConfig": {"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": value}}]}}
    yield "TmpfsMode", {"HostConfig": {"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"Mode": value}}]}}
    yield "TmpfsText", {"HostConfig": {"Tmpfs": {"/t": f"size={value},mode={value}"}}}
    yield "LogSize", {"HostConfig": {"LogConfig": {"Type": "json-file", "Config": {"max-size": f"{value}", "max-file": f"{value}"}}}}
    yield "ConsoleSize", {"HostConfig": {"ConsoleSize": [value, value]}, "Tty": True}
    yield "Healthcheck", {"Healthcheck": {"Test": ["CMD", "true"], "Interval": value, "Timeout": value, "StartPeriod": value, "Retries": value}}
    yield "User", {"User": f"{value}:{value}"}
    yield "Port", {"HostConfig": {"PortBindings": {f"{value}/tcp": [{"HostPort": f"{value}"}]}}, "ExposedPorts": {f"{value}/tcp": {}}}
    yield "SharesAndMore", {"HostConfig": {"Memory": 64 << 20, "MemorySwap": value, "CpuPeriod": 100_000, "CpuQuota": value}}


def answer(engine, method, path, body=None):
    status, _, data = engine.api(method, path, body)
    assert 200 <= status < 600, (path, body, status)
    if status >= 400:
        assert json.loads(data)["message"], (path, body)
    return status, data


@pytest.mark.parametrize("value", EXTREMES)
def test_a_request_to_create(engine, value):
    for name, request in shapes(value):
        status, data = answer(engine, "POST", "/v1.51/containers/create", {"Image": "busybox", "Cmd": ["true"], **request})
        assert engine.process.poll() is None, (name, value, engine.log_text()[-3000:])
        if status != 201:
            continue
        container = json.loads(data)["Id"]
        answer(engine, "POST", f"/v1.51/containers/{container}/start")
        answer(engine, "GET", f"/v1.51/containers/{container}/json")
        answer(engine, "GET", "/v1.51/containers/json?all=1")
        assert engine.process.poll() is None, (name, value, engine.log_text()[-3000:])
        assert answer(engine, "DELETE", f"/v1.51/containers/{container}?force=1")[0] == 204


@pytest.mark.parametrize("value", (*EXTREMES, LIMIT, -LIMIT - 1, "--1", "1e9", "0x10", "NaN", ""))
def test_a_parameter(engine, value):
    engine.cli("run", "-d", "--name", "box", "-t", "busybox", "sleep", "900", check=0)
    execution = json.loads(answer(engine, "POST", "/v1.51/containers/box/exec",
                                  {"Cmd": ["sleep", "900"], "Tty": True})[1])["Id"]
    answer(engine, "POST", f"/v1.51/exec/{execution}/start", {"Detach": True, "Tty": True})
    for method, path in (("POST", f"/v1.51/containers/box/resize?h={value}&w={value}"),
                         ("POST", f"/v1.51/exec/{execution}/resize?h={value}&w={value}"),
                         ("GET", f"/v1.51/containers/box/logs?stdout=1&tail={value}"),
                         ("GET", f"/v1.51/containers/box/logs?stdout=1&since={value}"),
                         ("GET", f"/v1.51/containers/box/logs?stdout=1&until={value}"),
                         ("GET", f"/v1.51/containers/json?all=1&limit={value}&size=1"),
                         ("GET", f"/v1.51/events?since={value}&until=1"),
                         ("GET", f"/v1.51/events?since=1&until=-{value}"),
                         ("GET", f"/v1.51/images/json?filters={{%22until%22:[%22{value}%22]}}"),
                         ("POST", f"/v1.51/networks/prune?filters={{%22until%22:[%22{value}%22]}}"),
                         ("POST", f"/v1.51/containers/box/kill?signal={value}X")):
        answer(engine, method, path)
        assert engine.process.poll() is None, (path, engine.log_text()[-3000:])
    answer(engine, "POST", "/v1.51/containers/box/kill?signal=KILL")
    # Of a container that has ended: a negative one would wait for a process that ignores its signal.
    answer(engine, "POST", f"/v1.51/containers/box/stop?t={value}")
    answer(engine, "POST", f"/v1.51/containers/box/restart?t={value}")
    answer(engine, "POST", "/v1.51/containers/box/kill?signal=KILL")


@pytest.mark.parametrize("value", EXTREMES)
def test_a_network(engine, value):
    status, _ = answer(engine, "POST", "/v1.51/networks/create", {
        "Name": "n", "Options": {"com.docker.network.driver.mtu": f"{value}"}})
    if status == 201:
        answer(engine, "POST", "/v1.51/networks/n/connect", {"Container": "nosuch", "EndpointConfig": {"GwPriority": value}})
        assert answer(engine, "DELETE", "/v1.51/networks/n")[0] == 204
