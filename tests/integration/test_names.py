"""--dns, --dns-search, --dns-option and --add-host: what a container finds in its resolv.conf
and hosts file, and what inspect shows."""
import json
import pathlib
import shutil

import pytest
from fixtures import BIN

FLAGS = ["--dns", "10.1.2.3", "--dns", "2001:db8::1", "--dns-search", "example.org",
         "--dns-option", "ndots:2", "--dns-opt", "rotate",
         "--add-host", "db=10.0.0.9", "--add-host", "six=[2001:db8::2]"]


@pytest.fixture(params=["wherry", "docker"])
def client(request, engine):
    program = BIN / "wherry" if request.param == "wherry" else shutil.which("docker")
    if program is None:
        pytest.skip("needs the docker client")
    return lambda *arguments, **options: engine.cli(*arguments, program=program, **options)


def settings(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("network", ["bridge", "none", "host"])
def test_resolv_conf_has_what_was_asked_for(client, network):
    shown = client("run", "--rm", "--network", network, *FLAGS, "busybox",
                   "cat", "/etc/resolv.conf", check=0).stdout
    assert settings(shown) == ["nameserver 10.1.2.3", "nameserver 2001:db8::1",
                               "search example.org", "options ndots:2 rotate"]


@pytest.mark.parametrize("network", ["bridge", "none", "host"])
def test_hosts_has_what_was_asked_for(client, network):
    shown = client("run", "--rm", "--network", network, *FLAGS, "busybox",
                   "cat", "/etc/hosts", check=0).stdout
    assert "10.0.0.9\tdb\n" in shown and "2001:db8::2\tsix\n" in shown
    assert shown.startswith("127.0.0.1\tlocalhost\n")


def test_host_gateway_is_the_bridge_s_address(client, engine):
    gateway = client("run", "--rm", "--add-host", "up:host-gateway", "busybox",
                     "sh", "-c", "grep -w up /etc/hosts; ip route", check=0).stdout
    address = gateway.splitlines()[0].split()[0]
    assert f"default via {address} " in gateway


def test_the_host_network_has_the_host_s_own_files(client, engine):
    for name in ("resolv.conf", "hosts"):
        own = pathlib.Path("/etc", name).read_text()
        shown = client("run", "--rm", "--network", "host", "busybox", "cat", f"/etc/{name}", check=0)
        assert shown.stdout == own


def test_inspect_shows_the_lists(client):
    identifier = client("create", *FLAGS, "busybox", check=0).stdout.strip()
    host = json.loads(client("inspect", identifier, check=0).stdout)[0]["HostConfig"]
    assert host["Dns"] == ["10.1.2.3", "2001:db8::1"]
    assert host["DnsSearch"] == ["example.org"]
    assert host["DnsOptions"] == ["ndots:2", "rotate"]
    assert host["ExtraHosts"] == ["db:10.0.0.9", "six:2001:db8::2"]


def test_a_joined_container_cannot_have_its_own(client):
    client("run", "-d", "--name", "first", "busybox", "sleep", "1000", check=0)
    for flags, words in ((["--dns", "1.1.1.1"], "dns and the network mode"),
                         (["--add-host", "a:1.1.1.1"],
                          "custom host-to-IP mapping and the network mode")):
        refused = client("create", "--network", "container:first", *flags, "busybox")
        assert refused.returncode == 1
        assert f"conflicting options: {words}" in refused.stderr


def test_the_api_refuses_what_the_client_would_have(engine):
    for field, value in (("Dns", ["dns.example"]), ("ExtraHosts", ["db"]),
                         ("DnsOptions", ["a\nnameserver 1.1.1.1"])):
        status, _, body = engine.api("POST", "/v1.48/containers/create",
                                     {"Image": "busybox", "HostConfig": {field: value}})
        assert status == 400, body
