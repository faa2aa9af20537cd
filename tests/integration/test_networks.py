"""User networks through our client and docker's: made, joined, left, survived, removed."""
import json

import pytest

from fixtures import wait_until


@pytest.fixture
def network(engine):
    """A network that is gone after the test, with everything on it."""
    made = []

    def create(name, *arguments):
        made.append(name)
        return engine.cli("network", "create", *arguments, name, check=0).stdout.strip()
    yield create
    engine.remove_containers()
    for name in made:
        engine.cli("network", "rm", "-f", name)
    assert "br-" not in engine.sandbox.run("ip", "-o", "link").stdout


def start(engine, name, *arguments):
    engine.cli("run", "-d", "--name", name, *arguments, "busybox", "sleep", "900", check=0)
    return engine.inspect(name)["NetworkSettings"]["Networks"]


def pings(engine, name, address):
    return engine.cli("exec", name, "ping", "-c1", "-W1", address).returncode == 0


def test_containers_of_one_network_reach_each_other_and_nobody_else(engine, network):
    network("one")
    network("two")
    a = start(engine, "a", "--network", "one")["one"]["IPAddress"]
    b = start(engine, "b", "--network", "one")["one"]["IPAddress"]
    c = start(engine, "c", "--network", "two")["two"]["IPAddress"]
    assert pings(engine, "a", b) and pings(engine, "b", a)
    assert not pings(engine, "a", c) and not pings(engine, "c", a)


def test_several_networks_and_live_connect_and_disconnect(engine, network):
    network("one")
    network("two")
    shown = start(engine, "a", "--network", "one", "--network", "two")
    assert sorted(shown) == ["one", "two"]
    other = start(engine, "b", "--network", "one")["one"]["IPAddress"]
    c = start(engine, "c", "--network", "two")["two"]["IPAddress"]
    assert pings(engine, "a", other) and pings(engine, "a", c)
    engine.cli("network", "disconnect", "two", "a", check=0)
    assert not pings(engine, "a", c) and pings(engine, "a", other)
    assert engine.cli("exec", "a", "ls", "/sys/class/net", check=0).stdout.split() == ["eth0", "lo"]
    engine.cli("network", "connect", "--alias", "extra", "two", "a", check=0)
    assert pings(engine, "a", c)
    endpoint = engine.inspect("a")["NetworkSettings"]["Networks"]["two"]
    assert endpoint["Aliases"] == ["extra"] and "extra" in endpoint["DNSNames"]
    again = engine.cli("network", "connect", "two", "a")
    assert again.returncode == 1
    assert "endpoint with name a already exists in network two" in again.stderr


def test_fixed_addresses_aliases_and_mac(engine, network):
    network("fixed", "--subnet", "10.77.0.0/24", "--gateway", "10.77.0.254", "--ip-range",
            "10.77.0.128/25", "--aux-address", "router=10.77.0.128")
    shown = start(engine, "a", "--network", "fixed", "--ip", "10.77.0.9", "--mac-address",
                  "02:42:aa:bb:cc:dd", "--network-alias", "web")["fixed"]
    assert (shown["IPAddress"], shown["Gateway"], shown["MacAddress"]) == (
        "10.77.0.9", "10.77.0.254", "02:42:aa:bb:cc:dd")
    assert shown["IPAMConfig"] == {"IPv4Address": "10.77.0.9"}
    assert shown["DNSNames"][:2] == ["a", "web"]
    assert start(engine, "b", "--network", "fixed")["fixed"]["IPAddress"] == "10.77.0.129"
    taken = engine.cli("run", "--rm", "--network", "fixed", "--ip", "10.77.0.9", "busybox", "true")
    assert taken.returncode == 125 and "Address already in use" in taken.stderr
    plain = engine.cli("run", "--rm", "--ip", "10.1.1.1", "busybox", "true")
    assert "user specified IP address is supported on user defined networks only" in plain.stderr


def test_an_internal_network_has_no_way_out(engine, network):
    network("inside", "--internal")
    a = start(engine, "a", "--network", "inside")["inside"]
    b = start(engine, "b", "--network", "inside")["inside"]["IPAddress"]
    assert a["Gateway"] == ""
    assert pings(engine, "a", b)
    routes = engine.cli("exec", "a", "ip", "route", check=0).stdout
    assert "default" not in routes


def test_mtu_and_icc_options(engine, network):
    network("options", "-o", "com.docker.network.driver.mtu=1400", "-o",
            "com.docker.network.bridge.enable_icc=false", "-o", "com.docker.network.bridge.name=mine7")
    start(engine, "a", "--network", "options")
    b = start(engine, "b", "--network", "options")["options"]["IPAddress"]
    assert engine.cli("exec", "a", "cat", "/sys/class/net/eth0/mtu", check=0).stdout == "1400\n"
    assert not pings(engine, "a", b)
    assert "mine7" in engine.sandbox.run("ip", "-o", "link").stdout


def test_ls_inspect_rm_and_prune(engine, network):
    long_id = network("listed", "--label", "a=b", "--subnet", "10.78.0.0/24")
    lines = engine.cli("network", "ls", check=0).stdout.splitlines()
    assert lines[0].split() == ["NETWORK", "ID", "NAME", "DRIVER", "SCOPE"]
    assert [line.split()[1:] for line in lines[1:]] == [
        ["bridge", "bridge", "local"], ["host", "host", "local"], ["listed", "bridge", "local"],
        ["none", "null", "local"]]
    assert engine.docker("network", "ls", check=0).stdout.splitlines() == lines
    assert engine.cli("network", "ls", "-q", "--filter", "label=a", check=0).stdout == long_id[:12] + "\n"
    start(engine, "a", "--network", "listed")
    shown = json.loads(engine.docker("network", "inspect", "listed", check=0).stdout)[0]
    assert shown["IPAM"]["Config"] == [{"Subnet": "10.78.0.0/24"}]
    (endpoint,) = shown["Containers"].values()
    assert (endpoint["Name"], endpoint["IPv4Address"]) == ("a", "10.78.0.2/24")
    used = engine.cli("network", "rm", "listed")
    assert used.returncode == 1 and 'has active endpoints (name:"a"' in used.stderr
    engine.cli("rm", "-f", "a", check=0)
    wait_until(lambda: engine.cli("network", "prune", "-f").stdout == "Deleted Networks:\nlisted\n\n",
               what="prune")
    assert engine.cli("network", "rm", "bridge").returncode == 1
    missing = engine.cli("run", "--rm", "--network", "listed", "busybox", "true")
    assert "network listed not found" in missing.stderr


def test_networks_and_endpoints_survive_a_killed_engine(engine, network):
    network("kept", "--subnet", "10.79.0.0/24")
    network("other")
    start(engine, "a", "--network", "kept", "--network", "other")
    b = start(engine, "b", "--network", "kept")["kept"]["IPAddress"]
    before = engine.inspect("a")["NetworkSettings"]
    engine.kill()
    engine.start()
    assert engine.inspect("a")["NetworkSettings"] == before
    assert pings(engine, "a", b)
    engine.cli("network", "disconnect", "other", "a", check=0)
    engine.cli("restart", "-t", "0", "a", check=0)
    assert sorted(engine.inspect("a")["NetworkSettings"]["Networks"]) == ["kept"]
    assert pings(engine, "a", b)


def test_dockers_client_makes_joins_and_removes(engine, network):
    engine.docker("network", "create", "theirs", check=0)
    engine.docker("run", "-d", "--name", "a", "--network", "theirs", "busybox", "sleep", "900", check=0)
    engine.docker("network", "connect", "bridge", "a", check=0)
    assert sorted(engine.inspect("a")["NetworkSettings"]["Networks"]) == ["bridge", "theirs"]
    engine.docker("network", "disconnect", "bridge", "a", check=0)
    engine.docker("rm", "-f", "a", check=0)
    engine.docker("network", "rm", "theirs", check=0)
