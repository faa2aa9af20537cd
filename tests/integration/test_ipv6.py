"""IPv6 on user networks: addresses, routes, names, isolation, translation, live changes."""
import json

import pytest

from fixtures import wait_until


def remove_network(engine, name):
    """Once the addresses of the last containers are free, which the end of a run does not wait for."""
    wait_until(lambda: engine.cli("network", "rm", "-f", name).returncode == 0, what=f"rm of {name}")


@pytest.fixture
def net6(engine):
    """Makes networks with IPv6; they are gone after the test."""
    made = []

    def create(name, *arguments):
        made.append(name)
        engine.cli("network", "create", "--ipv6", *arguments, name, check=0)
    yield create
    engine.remove_containers()
    for name in made:
        remove_network(engine, name)
    assert "br-" not in engine.sandbox.run("ip", "-o", "link").stdout


@pytest.fixture(scope="module")
def remote6(sandbox):
    """A machine on the other side of the sandbox's uplink."""
    sandbox.run("ip", "netns", "add", "remote6")
    for command in ("ip link add up6 type veth peer name eth0 netns remote6",
                    "ip addr add fd99::1/64 dev up6 nodad", "ip link set up6 up",
                    "ip -n remote6 addr add fd99::2/64 dev eth0 nodad",
                    "ip -n remote6 link set eth0 up", "ip -n remote6 link set lo up"):
        done = sandbox.run(*command.split())
        assert done.returncode == 0, done.stderr
    yield lambda *words: sandbox.run("ip", "netns", "exec", "remote6", *words)
    sandbox.run("ip", "netns", "del", "remote6")


def start(engine, name, *arguments):
    engine.cli("run", "-d", "--name", name, *arguments, "busybox", "sleep", "900", check=0)
    return engine.inspect(name)["NetworkSettings"]["Networks"]


def pings(engine, name, address, patience_s=20):
    """A loaded host answers late; what must not answer is given a second."""
    return engine.cli("exec", name, "ping", "-6", "-c1", f"-W{patience_s}", address).returncode == 0


def test_a_network_shows_its_addresses(engine, net6):
    net6("six", "--subnet", "10.60.0.0/24", "--subnet", "fd60::/64", "--gateway", "fd60::9")
    shown = json.loads(engine.cli("network", "inspect", "six", check=0).stdout)[0]
    assert shown["EnableIPv6"] is True
    assert shown["IPAM"]["Config"][1] == {"Subnet": "fd60::/64", "Gateway": "fd60::9"}
    endpoint = start(engine, "ca", "--network", "six")["six"]
    assert (endpoint["GlobalIPv6Address"], endpoint["GlobalIPv6PrefixLen"],
            endpoint["IPv6Gateway"]) == ("fd60::1", 64, "fd60::9")
    member = json.loads(engine.docker("network", "inspect", "six", check=0).stdout)[0]["Containers"]
    assert [one["IPv6Address"] for one in member.values()] == ["fd60::1/64"]
    assert engine.cli("network", "ls", "--filter", "name=six", "--format", "{{.IPv6}}",
                      check=0).stdout == "true\n"
    hosts = engine.cli("exec", "ca", "cat", "/etc/hosts", check=0).stdout
    assert hosts.splitlines()[-1].startswith("fd60::1\t")


def test_a_subnet_is_chosen_when_none_is_given(engine, net6):
    net6("one")
    net6("two")
    subnets = [json.loads(engine.cli("network", "inspect", name, check=0).stdout)[0]
               ["IPAM"]["Config"][1]["Subnet"] for name in ("one", "two")]
    assert all(subnet.startswith("fd") and subnet.endswith("/64") for subnet in subnets)
    assert subnets[0] != subnets[1]


def test_the_first_packet_passes_at_once(engine, net6):
    net6("six", "--subnet", "fd60::/64")
    done = engine.cli("run", "--rm", "--network", "six", "busybox", "sh", "-c",
                      "ping -6 -c1 -W1 fd60::1 && ip -6 addr show eth0 && ip -6 route", check=0)
    assert "tentative" not in done.stdout
    assert "default via fd60::1 dev eth0" in done.stdout


def test_containers_of_one_network_reach_each_other_and_nobody_else(engine, net6):
    net6("one", "--subnet", "fd61::/64")
    net6("two", "--subnet", "fd62::/64")
    start(engine, "ca", "--network", "one")
    start(engine, "cb", "--network", "one")
    start(engine, "cc", "--network", "two")
    assert pings(engine, "ca", "fd61::3") and pings(engine, "cb", "fd61::2")
    assert not pings(engine, "ca", "fd62::2", 1) and not pings(engine, "cc", "fd61::2", 1)


def test_icc_off_holds_for_ipv6(engine, net6):
    net6("quiet", "--subnet", "fd61::/64", "-o", "com.docker.network.bridge.enable_icc=false")
    start(engine, "ca", "--network", "quiet")
    start(engine, "cb", "--network", "quiet")
    assert not pings(engine, "ca", "fd61::3", 1) and pings(engine, "ca", "fd61::1")


def test_the_outside_sees_the_host_and_reaches_no_container(engine, net6, remote6):
    net6("six", "--subnet", "fd60::/64")
    start(engine, "ca", "--network", "six")
    # The remote has no route back: only a translated packet is answered.
    assert pings(engine, "ca", "fd99::2")
    remote6("ip", "route", "add", "fd60::/64", "via", "fd99::1")
    assert remote6("busybox", "ping", "-6", "-c1", "-W1", "fd60::1").returncode == 0
    assert remote6("busybox", "ping", "-6", "-c1", "-W1", "fd60::2").returncode != 0
    remote6("ip", "route", "del", "fd60::/64")


def test_an_internal_network_has_no_way_out(engine, net6, remote6):
    net6("inside", "--subnet", "fd60::/64", "--internal")
    start(engine, "ca", "--network", "inside")
    start(engine, "cb", "--network", "inside")
    assert pings(engine, "ca", "fd60::3")
    assert engine.inspect("ca")["NetworkSettings"]["Networks"]["inside"]["IPv6Gateway"] == ""
    engine.cli("exec", "--privileged", "ca", "ip", "-6", "route", "add", "default", "via", "fd60::1")
    assert not pings(engine, "ca", "fd99::2", 1)


def test_names_answer_both_families(engine, net6):
    net6("six", "--subnet", "fd60::/64")
    start(engine, "ca", "--network", "six")
    start(engine, "cb", "--network", "six", "--network-alias", "web")
    asked = engine.cli("exec", "ca", "nslookup", "-type=aaaa", "web", check=0).stdout
    assert "fd60::3" in asked
    reverse = engine.cli("exec", "ca", "nslookup", "fd60::3", check=0).stdout
    assert "cb.six" in reverse


def test_fixed_addresses(engine, net6):
    net6("six", "--subnet", "10.60.0.0/24", "--subnet", "fd60::/64")
    shown = start(engine, "ca", "--network", "six", "--ip", "10.60.0.9", "--ip6", "fd60::99")["six"]
    assert (shown["IPAddress"], shown["GlobalIPv6Address"]) == ("10.60.0.9", "fd60::99")
    assert shown["IPAMConfig"] == {"IPv4Address": "10.60.0.9", "IPv6Address": "fd60::99"}
    taken = engine.cli("run", "--rm", "--network", "six", "--ip6", "fd60::99", "busybox", "true")
    assert taken.returncode == 125 and "Address already in use" in taken.stderr
    outside = engine.cli("run", "--rm", "--network", "six", "--ip6", "fd61::9", "busybox", "true")
    assert "no configured subnet contains IP address fd61::9" in outside.stderr
    # What was refused holds nothing: also not the IPv4 address that it had already got.
    assert start(engine, "cb", "--network", "six")["six"]["IPAddress"] == "10.60.0.2"


def test_live_connect_and_disconnect(engine, net6):
    net6("six", "--subnet", "10.60.0.0/24", "--subnet", "fd60::/64")
    start(engine, "ca")
    start(engine, "cb", "--network", "six")
    engine.cli("network", "connect", "--ip6", "fd60::77", "six", "ca", check=0)
    assert pings(engine, "ca", "fd60::2")
    assert "default via fd60::1" in engine.cli("exec", "ca", "ip", "-6", "route", check=0).stdout
    assert "fd60::77" in engine.cli("exec", "ca", "cat", "/etc/hosts", check=0).stdout
    engine.cli("network", "disconnect", "six", "ca", check=0)
    assert not pings(engine, "ca", "fd60::2", 1)
    assert "fd60" not in engine.cli("exec", "ca", "cat", "/etc/hosts", check=0).stdout


def test_without_it_there_is_no_ipv6(engine):
    engine.cli("network", "create", "four", check=0)
    shown = engine.cli("run", "--rm", "--network", "four", "busybox", "cat",
                       "/proc/sys/net/ipv6/conf/eth0/disable_ipv6", check=0)
    assert shown.stdout == "1\n"
    remove_network(engine, "four")
    refused = engine.cli("network", "create", "--subnet", "fd60::/64", "four")
    assert refused.returncode == 1


def test_addresses_survive_a_killed_engine(engine, net6):
    net6("six", "--subnet", "fd60::/64")
    start(engine, "ca", "--network", "six")
    start(engine, "cb", "--network", "six")
    before = engine.inspect("ca")["NetworkSettings"]["Networks"]["six"]
    engine.kill()
    assert engine.sandbox.run("busybox", "ping", "-6", "-c1", "-W1", "fd60::2").returncode == 0
    engine.start()
    assert engine.inspect("ca")["NetworkSettings"]["Networks"]["six"] == before
    assert pings(engine, "ca", "fd60::3")
    # Its address is still taken, and free again when it ends.
    assert start(engine, "cc", "--network", "six")["six"]["GlobalIPv6Address"] == "fd60::4"
    engine.cli("rm", "-f", "ca", check=0)
    wait_until(lambda: "fd60::2 " not in engine.sandbox.run("ip", "-6", "neigh").stdout, what="end")
    assert start(engine, "cd", "--network", "six")["six"]["GlobalIPv6Address"] == "fd60::2"
