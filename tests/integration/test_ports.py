"""Published ports: from the host, from another machine, from the container itself."""
import struct

import pytest

import netns_peer
from fixtures import wait_until

SERVE = "while true; do echo hello | nc -l -p {port}; done"


@pytest.fixture(scope="module")
def remote(sandbox):
    """A network namespace that is a machine on the other side of the sandbox's uplink."""
    sandbox.run("ip", "netns", "add", "remote")
    for command in ("ip link add up0 type veth peer name eth0 netns remote",
                    "ip addr add 10.200.0.1/24 dev up0", "ip link set up0 up",
                    "ip -n remote addr add 10.200.0.2/24 dev eth0", "ip -n remote link set eth0 up",
                    "ip -n remote link set lo up", "ip -n remote route add default via 10.200.0.1"):
        done = sandbox.run(*command.split())
        assert done.returncode == 0, done.stderr
    yield lambda *words: sandbox.run("ip", "netns", "exec", "remote", *words)
    sandbox.run("ip", "netns", "del", "remote")


def serve(engine, name, *arguments, port=80):
    engine.cli("run", "-d", "--name", name, *arguments, "busybox", "sh", "-c",
               SERVE.format(port=port), check=0)


def ask(run, address, port):
    return run("busybox", "nc", "-w", "2", address, str(port)).stdout


def answers(run, address, port):
    wait_until(lambda: ask(run, address, port) == "hello\n", what=f"answer of {address}:{port}")


def test_a_port_is_reached_from_everywhere(engine, remote):
    serve(engine, "web", "-p", "8080:80")
    answers(engine.sandbox.run, "127.0.0.1", 8080)
    answers(engine.sandbox.run, "10.200.0.1", 8080)
    answers(remote, "10.200.0.1", 8080)
    assert engine.cli("port", "web", check=0).stdout == "80/tcp -> 0.0.0.0:8080\n"
    assert engine.docker("port", "web", "80", check=0).stdout == "0.0.0.0:8080\n"
    assert engine.inspect("web")["NetworkSettings"]["Ports"] == {
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
    assert engine.cli("ps", "--format", "{{.Ports}}", check=0).stdout == "0.0.0.0:8080->80/tcp\n"


def test_the_container_sees_the_clients_own_address(engine, remote):
    engine.cli("run", "-d", "--name", "seen", "-p", "8081:80", "busybox", "sh", "-c",
               "sleep 900 | nc -l -p 80", check=0)
    wait_until(lambda: ":80 " in engine.cli("exec", "seen", "netstat", "-ltn").stdout,
               what="listener")
    client = engine.sandbox.popen("ip", "netns", "exec", "remote", "sh", "-c",
                                  "sleep 20 | busybox nc 10.200.0.1 8081")
    try:
        wait_until(lambda: "10.200.0.2:" in engine.cli("exec", "seen", "netstat", "-tn").stdout,
                   what="the client's address in the container")
    finally:
        client.kill()
        client.wait()


def test_udp_on_the_default_bridge(engine, sandbox, remote):
    engine.cli("run", "-d", "--name", "named", "-p", "8053:53/udp", "-p", "127.0.0.1:8054:53/udp",
               "busybox", "sleep", "900", check=0)
    service = netns_peer.Service(
        netns_peer.namespace_of(engine.inspect("named")["State"]["Pid"]), 53)
    far = netns_peer.named_namespace(sandbox, "remote")
    host = netns_peer.namespace_of(sandbox.holder.pid)
    try:
        assert netns_peer.ask(far, "10.200.0.1", 8053, "udp") == "10.200.0.2"
        for address, port in (("10.200.0.1", 8053), ("127.0.0.1", 8053), ("127.0.0.1", 8054)):
            assert netns_peer.ask(host, address, port, "udp"), (address, port)
        assert netns_peer.ask(far, "10.200.0.1", 8054, "udp") is None
        assert netns_peer.ask(far, "10.200.0.1", 8053, "tcp") is None
    finally:
        service.close()


def test_sctp_reaches_the_container(engine, sandbox, remote):
    engine.cli("run", "-d", "--name", "calls", "-p", "9084:84/sctp", "busybox", "sleep", "900",
               check=0)
    heard = netns_peer.inside(
        netns_peer.namespace_of(engine.inspect("calls")["State"]["Pid"]), netns_peer.raw_sctp)
    sender = netns_peer.inside(netns_peer.named_namespace(sandbox, "remote"), netns_peer.raw_sctp)
    with heard, sender:
        sender.sendto(netns_peer.sctp_init(5000, 9084), ("10.200.0.1", 0))
        packet, client = heard.recvfrom(256)
    assert client[0] == "10.200.0.2"
    assert struct.unpack_from(">HH", packet, 20) == (5000, 84)


def test_user_network_hairpin_and_neighbour(engine, remote):
    engine.cli("network", "create", "pub", check=0)
    try:
        serve(engine, "web", "--network", "pub", "-p", "8082:80")
        engine.cli("run", "-d", "--name", "peer", "--network", "pub", "busybox", "sleep", "900", check=0)
        for name in ("web", "peer"):
            inside = lambda *words: engine.cli("exec", name, *words[1:])  # noqa: B023,E731
            answers(inside, "10.200.0.1", 8082)
        answers(remote, "10.200.0.1", 8082)
    finally:
        engine.remove_containers()
        wait_until(lambda: engine.cli("network", "rm", "pub").returncode == 0, what="network rm")


def test_a_port_is_given_once_and_again_after_its_end(engine):
    serve(engine, "one", "-p", "8083:80")
    taken = engine.cli("run", "-d", "--name", "two", "-p", "8083:80", "busybox", "sleep", "9")
    assert taken.returncode == 125
    assert "Bind for 0.0.0.0:8083 failed: port is already allocated" in taken.stderr
    engine.cli("rm", "-f", "one", check=0)
    wait_until(lambda: engine.cli("start", "two").returncode == 0, what="start on the freed port")


def test_a_port_of_a_program_on_the_host_is_refused(engine):
    listener = engine.sandbox.popen("busybox", "nc", "-l", "-p", "8084")
    try:
        wait_until(lambda: ":8084" in engine.sandbox.run("ss", "-ltn").stdout, what="listener")
        taken = engine.cli("run", "--rm", "-p", "8084:80", "busybox", "true")
        assert taken.returncode == 125 and "address already in use" in taken.stderr
    finally:
        listener.kill()
        listener.wait()


def test_forms(engine):
    engine.cli("run", "-d", "--name", "all", "-p", "9000-9001:80-81", "-p", "127.0.0.1:9002:82",
               "-p", "9003:53/udp", "-p", "9004:84/sctp", "-p", "85", "-p", "9100-9110:86",
               "--expose", "99", "busybox", "sleep", "900", check=0)
    ports = engine.inspect("all")["NetworkSettings"]["Ports"]
    assert ports["80/tcp"][0]["HostPort"] == "9000" and ports["81/tcp"][0]["HostPort"] == "9001"
    assert ports["82/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "9002"}]
    assert ports["53/udp"][0]["HostPort"] == "9003" and ports["84/sctp"][0]["HostPort"] == "9004"
    assert 1024 < int(ports["85/tcp"][0]["HostPort"]) < 65536
    assert ports["86/tcp"][0]["HostPort"] == "9100"
    assert ports["99/tcp"] is None
    engine.cli("run", "-d", "--name", "any", "-P", "--expose", "7", "busybox", "sleep", "900", check=0)
    assert engine.inspect("any")["NetworkSettings"]["Ports"]["7/tcp"][0]["HostIp"] == "0.0.0.0"


def test_ports_survive_a_killed_engine_and_leave_nothing(engine, remote):
    serve(engine, "web", "-p", "8085:80")
    answers(remote, "10.200.0.1", 8085)
    engine.kill()
    answers(remote, "10.200.0.1", 8085)
    engine.start()
    answers(remote, "10.200.0.1", 8085)
    again = engine.cli("run", "--rm", "-p", "8085:80", "busybox", "true")
    assert "port is already allocated" in again.stderr
    engine.cli("rm", "-f", "web", check=0)
    wait_until(lambda: "8085" not in engine.sandbox.run("nft", "list", "ruleset").stdout,
               what="the map to be empty")
    assert ":8085" not in engine.sandbox.run("ss", "-ltn").stdout


def test_a_thousand_ports_need_no_process(engine):
    before = len(engine.processes())
    engine.cli("run", "-d", "--name", "many", "-p", "20000-20999:20000-20999", "busybox",
               "sh", "-c", SERVE.format(port=20500), check=0)
    assert len(engine.processes()) == before
    answers(engine.sandbox.run, "127.0.0.1", 20500)
