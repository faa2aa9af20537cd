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


def test_several_subnets_of_one_family_are_refused_as_docker_s_bridge_does(engine):
    for flags in (["--subnet", "10.70.0.0/24", "--subnet", "10.71.0.0/24"],
                  ["--ipv6", "--subnet", "fd70::/64", "--subnet", "fd71::/64"]):
        refused = engine.cli("network", "create", *flags, "many")
        assert refused.returncode == 1
        assert "bridge driver doesn't support multiple subnets" in refused.stderr
    assert "many" not in engine.cli("network", "ls", "--format", "{{.Name}}", check=0).stdout


def test_containers_of_one_network_reach_each_other_and_nobody_else(engine, network):
    network("one")
    network("two")
    a = start(engine, "ca", "--network", "one")["one"]["IPAddress"]
    b = start(engine, "cb", "--network", "one")["one"]["IPAddress"]
    c = start(engine, "cc", "--network", "two")["two"]["IPAddress"]
    assert pings(engine, "ca", b) and pings(engine, "cb", a)
    assert not pings(engine, "ca", c) and not pings(engine, "cc", a)


def test_several_networks_and_live_connect_and_disconnect(engine, network):
    network("one")
    network("two")
    shown = start(engine, "ca", "--network", "one", "--network", "two")
    assert sorted(shown) == ["one", "two"]
    other = start(engine, "cb", "--network", "one")["one"]["IPAddress"]
    c = start(engine, "cc", "--network", "two")["two"]["IPAddress"]
    assert pings(engine, "ca", other) and pings(engine, "ca", c)
    engine.cli("network", "disconnect", "two", "ca", check=0)
    assert not pings(engine, "ca", c) and pings(engine, "ca", other)
    assert engine.cli("exec", "ca", "ls", "/sys/class/net", check=0).stdout.split() == ["eth0", "lo"]
    engine.cli("network", "connect", "--alias", "extra", "two", "ca", check=0)
    assert pings(engine, "ca", c)
    endpoint = engine.inspect("ca")["NetworkSettings"]["Networks"]["two"]
    assert endpoint["Aliases"] == ["extra"] and "extra" in endpoint["DNSNames"]
    again = engine.cli("network", "connect", "two", "ca")
    assert again.returncode == 1
    assert "endpoint with name ca already exists in network two" in again.stderr


def test_fixed_addresses_aliases_and_mac(engine, network):
    network("fixed", "--subnet", "10.77.0.0/24", "--gateway", "10.77.0.254", "--ip-range",
            "10.77.0.128/25", "--aux-address", "router=10.77.0.128")
    shown = start(engine, "ca", "--network", "fixed", "--ip", "10.77.0.9", "--mac-address",
                  "02:42:aa:bb:cc:dd", "--network-alias", "web")["fixed"]
    assert (shown["IPAddress"], shown["Gateway"], shown["MacAddress"]) == (
        "10.77.0.9", "10.77.0.254", "02:42:aa:bb:cc:dd")
    assert shown["IPAMConfig"] == {"IPv4Address": "10.77.0.9"}
    assert shown["DNSNames"][:2] == ["ca", "web"]
    assert start(engine, "cb", "--network", "fixed")["fixed"]["IPAddress"] == "10.77.0.129"
    taken = engine.cli("run", "--rm", "--network", "fixed", "--ip", "10.77.0.9", "busybox", "true")
    assert taken.returncode == 125 and "Address already in use" in taken.stderr
    plain = engine.cli("run", "--rm", "--ip", "10.1.1.1", "busybox", "true")
    assert "user specified IP address is supported on user defined networks only" in plain.stderr


def test_an_internal_network_has_no_way_out(engine, network):
    network("inside", "--internal")
    a = start(engine, "ca", "--network", "inside")["inside"]
    b = start(engine, "cb", "--network", "inside")["inside"]["IPAddress"]
    assert a["Gateway"] == ""
    assert pings(engine, "ca", b)
    routes = engine.cli("exec", "ca", "ip", "route", check=0).stdout
    assert "default" not in routes


def test_mtu_and_icc_options(engine, network):
    network("options", "-o", "com.docker.network.driver.mtu=1400", "-o",
            "com.docker.network.bridge.enable_icc=false", "-o", "com.docker.network.bridge.name=mine7")
    start(engine, "ca", "--network", "options")
    b = start(engine, "cb", "--network", "options")["options"]["IPAddress"]
    assert engine.cli("exec", "ca", "cat", "/sys/class/net/eth0/mtu", check=0).stdout == "1400\n"
    assert not pings(engine, "ca", b)
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
    start(engine, "ca", "--network", "listed")
    shown = json.loads(engine.docker("network", "inspect", "listed", check=0).stdout)[0]
    assert shown["IPAM"]["Config"] == [{"Subnet": "10.78.0.0/24"}]
    (endpoint,) = shown["Containers"].values()
    assert (endpoint["Name"], endpoint["IPv4Address"]) == ("ca", "10.78.0.2/24")
    used = engine.cli("network", "rm", "listed")
    assert used.returncode == 1 and 'has active endpoints (name:"ca"' in used.stderr
    engine.cli("rm", "-f", "ca", check=0)
    wait_until(lambda: engine.cli("network", "prune", "-f").stdout == "Deleted Networks:\nlisted\n\n",
               what="prune")
    assert engine.cli("network", "rm", "bridge").returncode == 1
    missing = engine.cli("run", "--rm", "--network", "listed", "busybox", "true")
    assert "network listed not found" in missing.stderr


def test_networks_and_endpoints_survive_a_killed_engine(engine, network):
    network("kept", "--subnet", "10.79.0.0/24")
    network("other")
    start(engine, "ca", "--network", "kept", "--network", "other")
    b = start(engine, "cb", "--network", "kept")["kept"]["IPAddress"]
    before = engine.inspect("ca")["NetworkSettings"]
    engine.kill()
    engine.start()
    assert engine.inspect("ca")["NetworkSettings"] == before
    assert pings(engine, "ca", b)
    engine.cli("network", "disconnect", "other", "ca", check=0)
    engine.cli("restart", "-t", "0", "ca", check=0)
    assert sorted(engine.inspect("ca")["NetworkSettings"]["Networks"]) == ["kept"]
    assert pings(engine, "ca", b)


def test_dockers_client_makes_joins_and_removes(engine, network):
    engine.docker("network", "create", "theirs", check=0)
    engine.docker("run", "-d", "--name", "ca", "--network", "theirs", "busybox", "sleep", "900", check=0)
    engine.docker("network", "connect", "bridge", "ca", check=0)
    assert sorted(engine.inspect("ca")["NetworkSettings"]["Networks"]) == ["bridge", "theirs"]
    engine.docker("network", "disconnect", "bridge", "ca", check=0)
    engine.docker("rm", "-f", "ca", check=0)
    engine.docker("network", "rm", "theirs", check=0)


def test_names_with_spaces_and_null_options(engine):
    for body, options in (({"Name": "test 01"}, None),
                          ({"Name": "test 02", "IPAM": {"Driver": "default"}}, None),
                          ({"Name": "test/03", "IPAM": {"Driver": "default", "Options": {}}}, {})):
        status, _, data = engine.api("POST", "/networks/create", body)
        assert status == 201, data
        shown = json.loads(engine.cli("network", "inspect", body["Name"], check=0).stdout)[0]
        assert shown["Name"] == body["Name"] and shown["IPAM"]["Options"] == options
        engine.cli("network", "rm", body["Name"], check=0)
    assert b"name is empty" in engine.api("POST", "/networks/create", {"Name": "  "})[2]


def test_driver_options_of_an_endpoint_are_kept_or_refused_by_name(engine, network):
    net = "net-opts"
    network(net)
    engine.cli("run", "-d", "--name", "noted", "--network", f"name={net},driver-opt=com.example.a=b", "busybox",
               "sleep", "100", check=0)
    networks = engine.inspect("noted")["NetworkSettings"]["Networks"]
    assert networks[net]["DriverOpts"] == {"com.example.a": "b"}
    refused = engine.cli("run", "--rm", "--network",
                         f"name={net},driver-opt=com.docker.network.endpoint.ifname=x0", "busybox", "true",
                         check=125)
    assert "network driver option 'com.docker.network.endpoint.ifname' is not available" in refused.stderr


def test_only_a_bridge_whose_containers_reach_each_other_learns_multicast_groups(engine, network):
    network("open")
    start(engine, "on-default")
    start(engine, "on-open", "--network", "open")
    shown = json.loads(engine.sandbox.run("ip", "-j", "-d", "link", "show", "type", "bridge").stdout)
    snoops = {link["ifname"][:3]: link["linkinfo"]["info_data"]["mcast_snooping"] for link in shown}
    assert snoops["br-"] == 1 and snoops["whe"] == 0, snoops
