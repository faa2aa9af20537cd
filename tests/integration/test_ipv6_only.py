"""`network create --ipv4=false --ipv6`: networks of IPv6 alone."""
import json

import pytest

import netns_peer
from fixtures import wait_until


@pytest.fixture
def six(engine):
    engine.cli("network", "create", "--ipv4=false", "--ipv6", "--subnet", "fd66::/64", "six", check=0)
    yield engine
    engine.remove_containers()
    for name in ("six", "four"):
        wait_until(lambda: engine.cli("network", "rm", "-f", name).returncode == 0, 30, "network rm")


def run(engine, name, *arguments):
    engine.cli("run", "-d", "--name", name, "--network", "six", *arguments, "busybox", "sleep", "900", check=0)
    return engine.inspect(name)["NetworkSettings"]["Networks"]["six"]


def inside(engine, name, command):
    return engine.cli("exec", name, "sh", "-c", command, check=0).stdout


def test_inspect_and_ls_say_so(six):
    shown = json.loads(six.cli("network", "inspect", "six", check=0).stdout)[0]
    assert (shown["EnableIPv4"], shown["EnableIPv6"]) == (False, True)
    assert shown["IPAM"]["Config"] == [{"Subnet": "fd66::/64"}]
    listed = six.docker("network", "ls", "--filter", "name=six", "--format", "{{.IPv4}} {{.IPv6}}", check=0)
    assert listed.stdout == "false true\n"


def test_a_subnet_is_chosen_where_none_is_named(engine):
    engine.cli("network", "create", "--ipv4=false", "--ipv6", "chosen", check=0)
    shown = json.loads(engine.cli("network", "inspect", "chosen", check=0).stdout)[0]
    assert [pool["Gateway"].endswith("::1") for pool in shown["IPAM"]["Config"]] == [True]
    engine.cli("network", "rm", "chosen", check=0)


def test_a_container_has_one_family_alone(six):
    endpoint = run(six, "one")
    assert (endpoint["IPAddress"], endpoint["Gateway"], endpoint["IPPrefixLen"]) == ("", "", 0)
    assert (endpoint["GlobalIPv6Address"], endpoint["IPv6Gateway"]) == ("fd66::2", "fd66::1")
    assert inside(six, "one", "ip -4 route; ip -4 -o addr show eth0") == ""
    assert "default via fd66::1" in inside(six, "one", "ip -6 route")
    hosts = inside(six, "one", "cat /etc/hosts")
    assert "fd66::2\t" in hosts and not any(line.startswith("\t") for line in hosts.splitlines())
    six.cli("exec", "one", "ping", "-6", "-c1", "-W20", "fd66::1", check=0)


def test_neighbours_find_each_other_by_name(six):
    run(six, "one")
    run(six, "two")
    six.cli("exec", "two", "ping", "-6", "-c1", "-W20", "one", check=0)
    macs = {c["MacAddress"] for c in
            json.loads(six.cli("network", "inspect", "six", check=0).stdout)[0]["Containers"].values()}
    assert len(macs) == 2


def test_ports_are_published_on_ipv6(six, sandbox):
    run(six, "web", "-p", "8080:80")
    assert six.cli("port", "web", check=0).stdout == "80/tcp -> [::]:8080\n"
    service = netns_peer.Service(netns_peer.namespace_of(six.inspect("web")["State"]["Pid"]), 80)
    try:
        host = netns_peer.namespace_of(sandbox.holder.pid)
        assert netns_peer.ask(host, "fd66::1", 8080) == "fd66::1"
        assert netns_peer.ask(host, "127.0.0.1", 8080) is None
    finally:
        service.close()


def test_addresses_of_ipv4_are_refused(six):
    for arguments in (["run", "--rm", "--network", "six", "--ip", "10.1.1.1", "busybox", "true"],
                      ["run", "--rm", "--network", "six", "-p", "127.0.0.1:8081:80", "busybox", "true"]):
        assert six.cli(*arguments).returncode == 125
    done = six.cli("network", "create", "--ipv4=false", "--ipv6", "--subnet", "10.99.0.0/16", "bad")
    assert done.returncode == 1 and "IPv4 is not enabled" in done.stderr
    done = six.cli("network", "create", "--ipv4=false", "bad")
    assert done.returncode == 1 and "IPv4 or IPv6 must be enabled" in done.stderr
    assert six.cli("ps", "-aq", check=0).stdout == ""


def test_beside_a_network_of_ipv4_each_has_its_default_route(six):
    run(six, "one")
    six.cli("network", "create", "--subnet", "10.67.0.0/24", "four", check=0)
    six.cli("network", "connect", "four", "one", check=0)
    assert "default via 10.67.0.1" in inside(six, "one", "ip -4 route")
    assert "default via fd66::1" in inside(six, "one", "ip -6 route")
    six.cli("network", "disconnect", "six", "one", check=0)
    assert "fd66" not in inside(six, "one", "ip -6 route; cat /etc/hosts")
    six.cli("network", "connect", "--ip6", "fd66::77", "six", "one", check=0)
    assert "fd66::77" in inside(six, "one", "ip -6 addr; cat /etc/hosts")


def test_an_engine_that_was_killed_knows_it_again(six):
    endpoint = run(six, "one")
    six.kill()
    six.start()
    assert six.inspect("one")["NetworkSettings"]["Networks"]["six"] == endpoint
    assert run(six, "two")["GlobalIPv6Address"] == "fd66::3", "the first one's is taken"
    six.cli("exec", "two", "ping", "-6", "-c1", "-W20", "one", check=0)
    done = six.cli("network", "rm", "six")
    assert done.returncode == 1 and "has active endpoints" in done.stderr
    six.cli("rm", "-f", "one", "two", check=0)
    assert "10." not in six.sandbox.run("ip", "-4", "-o", "addr", "show", "type", "bridge").stdout
