"""Networks of driver macvlan: containers as machines of the network that an interface is on."""
import json

import pytest

import netns_peer
from fixtures import wait_until


@pytest.fixture(scope="module")
def uplink(sandbox):
    """`up0` of the host, and the namespace of a machine at the other end of its cable."""
    for command in ("ip netns add lan", "ip link add up0 type veth peer name eth0 netns lan",
                    "ip link set up0 up", "ip -n lan addr add 10.77.0.1/24 dev eth0",
                    "ip -n lan addr add fd77::1/64 dev eth0 nodad", "ip -n lan link set eth0 up",
                    "ip -n lan link set lo up"):
        done = sandbox.run(*command.split())
        assert done.returncode == 0, done.stderr
    yield netns_peer.named_namespace(sandbox, "lan")
    sandbox.run("ip", "netns", "del", "lan")


@pytest.fixture
def lan(engine, uplink):
    done = engine.cli("network", "create", "-d", "macvlan", "-o", "parent=up0", "--subnet", "10.77.0.0/24",
                      "--gateway", "10.77.0.1", "--ipv6", "--subnet", "fd77::/64", "--gateway", "fd77::1", "lan")
    if "kernel lacks" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    yield engine
    engine.remove_containers()
    wait_until(lambda: engine.cli("network", "rm", "-f", "lan").returncode == 0, 30, "network rm")


def run(engine, name, *arguments, network="lan"):
    done = engine.cli("run", "-d", "--name", name, "--network", network, *arguments, "busybox", "sleep", "900")
    if "the kernel lacks it" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    return engine.inspect(name)["NetworkSettings"]["Networks"][network.split(",")[0].removeprefix("name=")]


def namespace(engine, name):
    return netns_peer.namespace_of(engine.inspect(name)["State"]["Pid"])


def interfaces(engine, name):
    done = engine.cli("exec", name, "ip", "-o", "link", check=0)
    return [line.split()[1].split("@")[0].rstrip(":") for line in done.stdout.splitlines()]


def test_inspect_and_ls_show_it(lan):
    shown = json.loads(lan.cli("network", "inspect", "lan", check=0).stdout)[0]
    assert (shown["Driver"], shown["Options"]) == ("macvlan", {"parent": "up0"})
    assert [pool["Subnet"] for pool in shown["IPAM"]["Config"]] == ["10.77.0.0/24", "fd77::/64"]
    listed = lan.docker("network", "ls", "--filter", "driver=macvlan", "--format", "{{.Name}} {{.Driver}}", check=0)
    assert listed.stdout == "lan macvlan\n"
    assert "macvlan" in lan.cli("info", "--format", "{{json .Plugins.Network}}", check=0).stdout


def test_a_container_is_a_machine_of_the_lan(lan, uplink):
    endpoint = run(lan, "one")
    assert (endpoint["IPAddress"], endpoint["Gateway"], endpoint["IPPrefixLen"]) == ("10.77.0.2", "10.77.0.1", 24)
    assert (endpoint["GlobalIPv6Address"], endpoint["IPv6Gateway"]) == ("fd77::2", "fd77::1")
    service = netns_peer.Service(namespace(lan, "one"), 80)
    try:
        for protocol in ("tcp", "udp"):
            # With its own address, by nobody's translation.
            assert netns_peer.ask(uplink, "10.77.0.2", 80, protocol) == "10.77.0.1"
            assert netns_peer.ask(uplink, "fd77::2", 80, protocol) == "fd77::1"
    finally:
        service.close()
    outside = netns_peer.Service(uplink, 81)
    try:
        assert netns_peer.ask(namespace(lan, "one"), "10.77.0.1", 81) == "10.77.0.2"
    finally:
        outside.close()
    inside = lan.cli("exec", "one", "sh", "-c", "ip route; ip link show eth0", check=0).stdout
    assert "default via 10.77.0.1" in inside and endpoint["MacAddress"] in inside


def test_neighbours_reach_each_other_by_name(lan):
    run(lan, "one")
    run(lan, "two")
    lan.cli("exec", "two", "ping", "-c1", "-W10", "one", check=0)
    shown = json.loads(lan.cli("network", "inspect", "lan", check=0).stdout)[0]
    assert sorted(c["IPv4Address"] for c in shown["Containers"].values()) == ["10.77.0.2/24", "10.77.0.3/24"]


def test_addresses_and_mac_that_are_asked_for(lan):
    endpoint = run(lan, "one", "--ip", "10.77.0.99", "--ip6", "fd77::99", "--mac-address", "02:42:0a:00:00:99")
    assert (endpoint["IPAddress"], endpoint["GlobalIPv6Address"]) == ("10.77.0.99", "fd77::99")
    assert "02:42:0a:00:00:99" in lan.cli("exec", "one", "ip", "link", "show", "eth0", check=0).stdout


def test_no_port_is_published_and_no_rule_names_it(lan):
    run(lan, "one", "-p", "8080:80")
    assert lan.cli("port", "one", check=0).stdout == ""
    rules = lan.sandbox.run("nft", "list", "ruleset").stdout
    assert "10.77.0" not in rules and "8080" not in rules


def test_an_address_is_free_at_once_when_its_container_goes(lan):
    for _ in range(5):
        assert run(lan, "one", "--ip", "10.77.0.50")["IPAddress"] == "10.77.0.50"
        lan.cli("exec", "one", "ping", "-c1", "-W10", "10.77.0.1", check=0)
        lan.cli("rm", "-f", "one", check=0)


def test_connect_and_disconnect_of_a_running_container(lan, uplink):
    lan.cli("run", "-d", "--name", "one", "busybox", "sleep", "900", check=0)
    lan.cli("network", "connect", "lan", "one", check=0)
    assert interfaces(lan, "one") == ["lo", "eth0", "eth1"]
    lan.cli("exec", "one", "ping", "-c1", "-W10", "10.77.0.1", check=0)
    lan.cli("network", "disconnect", "lan", "one", check=0)
    assert interfaces(lan, "one") == ["lo", "eth0"]
    lan.cli("network", "connect", "lan", "one", check=0)
    assert interfaces(lan, "one") == ["lo", "eth0", "eth1"]


def test_a_bridge_beside_it(lan):
    run(lan, "one")
    lan.cli("network", "connect", "bridge", "one", check=0)
    assert interfaces(lan, "one") == ["lo", "eth0", "eth1"]
    lan.cli("network", "disconnect", "lan", "one", check=0)
    assert interfaces(lan, "one") == ["lo", "eth1"]
    gateway = lan.inspect("one")["NetworkSettings"]["Networks"]["bridge"]["Gateway"]
    assert f"default via {gateway}" in lan.cli("exec", "one", "ip", "route", check=0).stdout


def test_an_engine_that_was_killed_knows_it_again(lan, uplink):
    endpoint = run(lan, "one")
    lan.kill()
    lan.start()
    assert lan.inspect("one")["NetworkSettings"]["Networks"]["lan"] == endpoint
    lan.cli("exec", "one", "ping", "-c1", "-W10", "10.77.0.1", check=0)
    assert run(lan, "two")["IPAddress"] == "10.77.0.3", "the first one's is taken"
    lan.cli("network", "disconnect", "lan", "one", check=0)
    assert interfaces(lan, "one") == ["lo"]


def test_private_containers_do_not_see_each_other(engine, uplink):
    engine.cli("network", "create", "-d", "macvlan", "-o", "parent=up0", "-o", "macvlan_mode=private",
               "--subnet", "10.77.0.0/24", "shy", check=0)
    try:
        run(engine, "one", network="shy")
        run(engine, "two", network="shy")
        address = engine.inspect("one")["NetworkSettings"]["Networks"]["shy"]["IPAddress"]
        engine.cli("exec", "two", "ping", "-c1", "-W1", address, check=1)
    finally:
        engine.remove_containers()
        wait_until(lambda: engine.cli("network", "rm", "-f", "shy").returncode == 0, 30, "network rm")


def test_an_internal_one_has_no_way_out(engine, uplink):
    engine.cli("network", "create", "-d", "macvlan", "-o", "parent=up0", "--internal", "--subnet",
               "10.77.0.0/24", "inner", check=0)
    try:
        assert run(engine, "one", network="inner")["Gateway"] == ""
        assert "default" not in engine.cli("exec", "one", "ip", "route", check=0).stdout
    finally:
        engine.remove_containers()
        wait_until(lambda: engine.cli("network", "rm", "-f", "inner").returncode == 0, 30, "network rm")


def test_without_ipv6_no_router_of_the_lan_is_believed(engine, uplink):
    engine.cli("network", "create", "-d", "macvlan", "-o", "parent=up0", "-o",
               "com.docker.network.driver.mtu=1400", "--subnet", "10.77.0.0/24", "four", check=0)
    try:
        run(engine, "one", network="four")
        shown = engine.cli("exec", "one", "ip", "addr", "show", "eth0", check=0).stdout
        assert "inet6" not in shown and "mtu 1400" in shown
    finally:
        engine.remove_containers()
        wait_until(lambda: engine.cli("network", "rm", "-f", "four").returncode == 0, 30, "network rm")


def test_a_parent_that_went_is_named(engine):
    engine.sandbox.run("ip", "link", "add", "gone0", "type", "veth", "peer", "name", "gone1")
    engine.cli("network", "create", "-d", "macvlan", "-o", "parent=gone0", "away", check=0)
    try:
        engine.sandbox.run("ip", "link", "del", "gone0")
        done = engine.cli("run", "--rm", "--network", "away", "busybox", "true")
        assert done.returncode == 125
        assert "the requested parent interface gone0 was not found on the Docker host" in done.stderr
        engine.kill()
        engine.start()
    finally:
        engine.cli("network", "rm", "away", check=0)


@pytest.mark.parametrize("options, message", [
    (["parent=nope"], "invalid subinterface vlan name nope, example formatting is eth0.10"),
    (["parent=up0.50"], "making VLAN interfaces is not available"),
    (["parent=lo"], "loopback interface is not a valid macvlan parent link"),
    (["parent=up0", "macvlan_mode=x"], "requested macvlan mode 'x' is not valid"),
    (["parent=../x"], "invalid parent interface name"),
    (["parent=up0", "com.docker.network.bridge.name=x"], "'com.docker.network.bridge.name' is not available"),
])
def test_options_that_cannot_be_are_refused(engine, uplink, options, message):
    done = engine.cli("network", "create", "-d", "macvlan", *[f"-o{option}" for option in options], "bad")
    assert done.returncode == 1
    assert message in done.stderr
    assert "bad" not in engine.cli("network", "ls", check=0).stdout


def test_without_a_parent_an_interface_of_ours_is_made_or_the_lack_of_it_named(engine):
    done = engine.cli("network", "create", "-d", "macvlan", "lonely")
    if done.returncode != 0:
        assert "needs the kernel's dummy interfaces" in done.stderr
        return
    try:
        run(engine, "one", network="lonely")
        run(engine, "two", network="lonely")
        engine.cli("exec", "two", "ping", "-c1", "-W10", "one", check=0)
    finally:
        engine.remove_containers()
        wait_until(lambda: engine.cli("network", "rm", "-f", "lonely").returncode == 0, 30, "network rm")
    assert "dm-" not in engine.sandbox.run("ip", "link").stdout


def test_ipvlan_is_not_available_by_name(engine):
    done = engine.cli("network", "create", "-d", "ipvlan", "-o", "parent=up0", "bad")
    assert "network driver 'ipvlan' is not available" in done.stderr
