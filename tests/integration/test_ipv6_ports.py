"""Ports published on IPv6: from the host, from another machine, from the container itself."""
import pytest

import netns_peer
from fixtures import wait_until

BOTH = ["tcp", "udp"]


@pytest.fixture(scope="module")
def remote(sandbox):
    """The namespace of a machine on the other side of the sandbox's uplink."""
    sandbox.run("ip", "netns", "add", "far")
    for command in ("ip link add far0 type veth peer name eth0 netns far",
                    "ip addr add 10.201.0.1/24 dev far0", "ip addr add fd98::1/64 dev far0 nodad",
                    "ip link set far0 up", "ip -n far addr add 10.201.0.2/24 dev eth0",
                    "ip -n far addr add fd98::2/64 dev eth0 nodad", "ip -n far link set eth0 up",
                    "ip -n far link set lo up", "ip -n far route add default via 10.201.0.1",
                    "ip -n far -6 route add default via fd98::1"):
        done = sandbox.run(*command.split())
        assert done.returncode == 0, done.stderr
    yield netns_peer.named_namespace(sandbox, "far")
    sandbox.run("ip", "netns", "del", "far")


@pytest.fixture
def host(sandbox):
    return netns_peer.namespace_of(sandbox.holder.pid)


@pytest.fixture
def serve(engine):
    """Starts containers with a service on port 80; network `six` has both families."""
    services = []
    engine.cli("network", "create", "--ipv6", "--subnet", "10.60.0.0/24", "--subnet", "fd60::/64",
               "six", check=0)

    def start(name, *arguments, network="six"):
        engine.cli("run", "-d", "--name", name, "--network", network, *arguments, "busybox",
                   "sleep", "900", check=0)
        state = engine.inspect(name)
        namespace = netns_peer.namespace_of(state["State"]["Pid"])
        services.append(netns_peer.Service(namespace, 80))
        return state["NetworkSettings"]["Ports"], namespace
    yield start
    for service in services:
        service.close()
    engine.remove_containers()
    wait_until(lambda: engine.cli("network", "rm", "-f", "six").returncode == 0, 30, "network rm")


def published(*bindings):
    return [{"HostIp": ip, "HostPort": str(port)} for ip, port in bindings]


def test_without_an_address_both_families_are_published(engine, serve, host, remote):
    ports, _ = serve("web", "-p", "8080:80", "-p", "8080:80/udp")
    assert ports["80/tcp"] == published(("0.0.0.0", 8080), ("::", 8080)) == ports["80/udp"]
    for protocol in BOTH:
        assert netns_peer.ask(host, "fd98::1", 8080, protocol)
        assert netns_peer.ask(host, "10.201.0.1", 8080, protocol)
        # Who asks from afar is seen with its own address.
        assert netns_peer.ask(remote, "fd98::1", 8080, protocol) == "fd98::2"
        assert netns_peer.ask(remote, "10.201.0.1", 8080, protocol) == "10.201.0.2"
    assert engine.cli("port", "web", "80/tcp", check=0).stdout == "0.0.0.0:8080\n[::]:8080\n"
    assert engine.docker("port", "web", "80/tcp", check=0).stdout == "0.0.0.0:8080\n[::]:8080\n"
    shown = "0.0.0.0:8080->80/tcp, 0.0.0.0:8080->80/udp, [::]:8080->80/tcp, [::]:8080->80/udp\n"
    assert engine.docker("ps", "--format", "{{.Ports}}", check=0).stdout == shown
    assert engine.cli("ps", "--format", "{{.Ports}}", check=0).stdout == shown


def test_several_ports_of_one_are_listed_in_docker_s_order(engine, serve):
    ports, _ = serve("web", "-p", "8082:80", "-p", "9090:80")
    assert ports["80/tcp"] == published(("0.0.0.0", 8082), ("::", 8082), ("0.0.0.0", 9090),
                                        ("::", 9090))
    listed = ["0.0.0.0:8082", "0.0.0.0:9090", "[::]:8082", "[::]:9090"]
    lines = "".join(f"80/tcp -> {one}\n" for one in listed)
    shown = ", ".join(f"{one}->80/tcp" for one in listed) + "\n"
    for client in (engine.cli, engine.docker):
        assert client("port", "web", check=0).stdout == lines
        assert client("ps", "--format", "{{.Ports}}", check=0).stdout == shown


def test_one_address_is_published_alone(engine, serve, host, remote):
    ports, _ = serve("web", "-p", "[fd98::1]:8081:80", "-p", "[::]:8082:80", "-p", "0.0.0.0:8083:80")
    assert ports["80/tcp"] == published(("fd98::1", 8081), ("::", 8082), ("0.0.0.0", 8083))
    assert netns_peer.ask(remote, "fd98::1", 8081) == "fd98::2"
    assert netns_peer.ask(host, "fd60::1", 8081) is None
    assert netns_peer.ask(remote, "fd98::1", 8082) and not netns_peer.ask(remote, "10.201.0.1", 8082)
    assert netns_peer.ask(remote, "10.201.0.1", 8083) and not netns_peer.ask(remote, "fd98::1", 8083)


def test_the_loopback(engine, serve, host, remote):
    """Where br_netfilter leaves bridged IPv6 packets alone: docs/differences.md."""
    key = "net.bridge.bridge-nf-call-ip6tables"
    if engine.sandbox.run("sysctl", "-n", key).stdout.strip() == "1":
        engine.sandbox.run("sysctl", "-w", f"{key}=0")
    ports, _ = serve("web", "-p", "[::1]:8084:80", "-p", "[::1]:8084:80/udp")
    assert ports["80/tcp"] == published(("::1", 8084))
    for protocol in BOTH:
        assert netns_peer.ask(host, "::1", 8084, protocol) == "fd60::1"
        assert netns_peer.ask(remote, "fd98::1", 8084, protocol) is None
    # The host's own loopback is what it was, and not the container's to reach.
    assert engine.sandbox.run("busybox", "ping", "-6", "-c1", "-W1", "::1").returncode == 0


@pytest.mark.parametrize("protocol", BOTH)
def test_hairpin_and_neighbour(engine, serve, remote, protocol):
    _, own = serve("web", "-p", f"8085:80/{protocol}")
    _, neighbour = serve("peer")
    for namespace in (own, neighbour):
        assert netns_peer.ask(namespace, "fd98::1", 8085, protocol)
        assert netns_peer.ask(namespace, "10.201.0.1", 8085, protocol)


def test_a_free_port_is_one_number_on_both_families(serve):
    ports, _ = serve("web", "-p", "80", "-p", "9200-9210:81")
    for inner in ("80/tcp", "81/tcp"):
        four, six = ports[inner]
        assert (four["HostIp"], six["HostIp"]) == ("0.0.0.0", "::")
        assert four["HostPort"] == six["HostPort"]


def test_a_range_goes_on_where_one_family_is_taken(engine, serve, sandbox):
    listener = sandbox.listen(("127.0.0.1", 9300))
    try:
        ports, _ = serve("web", "-p", "9300-9301:80")
        assert ports["80/tcp"] == published(("0.0.0.0", 9301), ("::", 9301))
    finally:
        listener.close()
    taken = engine.cli("run", "--rm", "--network", "six", "-p", "[::1]:9301:80", "busybox", "true")
    assert taken.returncode == 125
    assert "Bind for ::1:9301 failed: port is already allocated" in taken.stderr


def test_a_container_without_ipv6_has_ipv4_ports_alone(engine, serve):
    ports, _ = serve("web", "-p", "8086:80", network="bridge")
    assert ports["80/tcp"] == published(("0.0.0.0", 8086))
    refused = engine.cli("run", "--rm", "-p", "[::]:8087:80", "busybox", "true")
    assert refused.returncode == 125
    assert "cannot publish port 80 on ::: the container has no IPv6 address" in refused.stderr
    assert "8087" not in engine.sandbox.run("ss", "-ltn").stdout


def test_ports_survive_a_killed_engine_and_leave_nothing(engine, serve, remote):
    serve("web", "-p", "8088:80")
    engine.kill()
    assert netns_peer.ask(remote, "fd98::1", 8088) == "fd98::2"
    engine.start()
    assert netns_peer.ask(remote, "fd98::1", 8088) == "fd98::2"
    again = engine.cli("run", "--rm", "--network", "six", "-p", "[::]:8088:80", "busybox", "true")
    assert "port is already allocated" in again.stderr
    engine.cli("rm", "-f", "web", check=0)
    wait_until(lambda: "8088" not in engine.sandbox.run("nft", "list", "ruleset").stdout, 30,
               "the maps to be empty")
    assert ":8088" not in engine.sandbox.run("ss", "-ltn").stdout


def test_a_live_disconnect_takes_the_ports_of_its_family_along(engine, serve, remote):
    engine.cli("run", "-d", "--name", "two", "-p", "8089:80", "busybox", "sleep", "900", check=0)
    engine.cli("network", "connect", "six", "two", check=0)
    service = netns_peer.Service(
        netns_peer.namespace_of(engine.inspect("two")["State"]["Pid"]), 80)
    try:
        assert netns_peer.ask(remote, "10.201.0.1", 8089) == "10.201.0.2"
        engine.cli("network", "disconnect", "bridge", "two", check=0)
        assert netns_peer.ask(remote, "10.201.0.1", 8089) == "10.201.0.2"
    finally:
        service.close()
