"""The default bridge by daemon.json: ipv6, fixed-cidr, default-gateway, mtu, ip and their flags."""
import json
import subprocess

import pytest

import netns_peer
from fixtures import BIN, Engine


@pytest.fixture
def start(sandbox, images, tmp_path_factory):
    """An engine with those settings, after the one before it."""
    running = []

    def with_settings(*arguments, **settings):
        directory = tmp_path_factory.mktemp("b")
        (directory / "daemon.json").write_text(json.dumps({k.replace("_", "-"): v for k, v in settings.items()}))
        engine = Engine(sandbox, directory, *arguments).start()
        running.append(engine)
        engine.load(images / "busybox.tar")
        return engine
    yield with_settings
    for engine in running:
        engine.remove_containers()
        engine.stop()
        done = engine.sandbox.run(BIN / "wherryd", "--cleanup", "--data-root", engine.data, "--exec-root",
                                  engine.run_root, "--config-file", engine.directory / "daemon.json",
                                  *engine.arguments)
        assert done.returncode == 0, done.stderr
        engine.close()


def bridge(engine):
    return json.loads(engine.cli("network", "inspect", "bridge", check=0).stdout)[0]


def run(engine, name="one", *arguments):
    engine.cli("run", "-d", "--name", name, *arguments, "busybox", "sleep", "900", check=0)
    return engine.inspect(name)["NetworkSettings"]["Networks"]["bridge"]


class TestIpv6:
    def test_a_container_has_an_address_a_route_and_a_name_for_it(self, start):
        engine = start(ipv6=True, fixed_cidr_v6="fd5a:1::/64")
        shown = bridge(engine)
        assert shown["EnableIPv6"] is True
        assert shown["IPAM"]["Config"][0] == {"Subnet": "fd5a:1::/64", "IPRange": "fd5a:1::/64"}
        endpoint = run(engine)
        assert (endpoint["GlobalIPv6Address"], endpoint["IPv6Gateway"]) == ("fd5a:1::2", "fd5a:1::1")
        inside = engine.cli("exec", "one", "sh", "-c", "ip -6 route; cat /etc/hosts", check=0).stdout
        assert "default via fd5a:1::1" in inside
        assert "fd5a:1::2\t" in inside
        engine.cli("exec", "one", "ping", "-6", "-c1", "-W10", "fd5a:1::1", check=0)
        assert engine.sandbox.run("busybox", "ping", "-6", "-c1", "-W10", "fd5a:1::2").returncode == 0

    def test_without_a_subnet_one_is_chosen_and_kept(self, start):
        engine = start("--ipv6")
        first = bridge(engine)["IPAM"]["Config"]
        assert first[1]["Subnet"].startswith("fd") and first[1]["Gateway"].endswith("::1")
        endpoint = run(engine)
        engine.cli("network", "create", "--ipv6", "other", check=0)
        engine.kill()
        engine.start()
        assert bridge(engine)["IPAM"]["Config"] == first
        assert engine.inspect("one")["NetworkSettings"]["Networks"]["bridge"] == endpoint
        engine.cli("exec", "one", "ping", "-6", "-c1", "-W10", endpoint["IPv6Gateway"], check=0)
        engine.cli("network", "rm", "other", check=0)

    def test_ports_are_published_on_both_families_and_neighbours_stay_apart(self, start, sandbox):
        engine = start(ipv6=True, fixed_cidr_v6="fd5a:1::/64")
        run(engine, "one", "-p", "8080:80")
        service = netns_peer.Service(netns_peer.namespace_of(engine.inspect("one")["State"]["Pid"]), 80)
        try:
            assert engine.cli("port", "one", check=0).stdout == "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n"
            # By an address of the host's: the loopback has a test of its own (test_ipv6_ports).
            assert netns_peer.ask(netns_peer.namespace_of(sandbox.holder.pid), "fd5a:1::1", 8080) == "fd5a:1::1"
            run(engine, "two")
            done = engine.cli("exec", "two", "ping", "-6", "-c1", "-W2", "fd5a:1::2")
            assert done.returncode == 1
        finally:
            service.close()

    def test_switched_off_again_nothing_of_it_stays(self, start):
        engine = start(ipv6=True, fixed_cidr_v6="fd5a:1::/64")
        name = bridge(engine)["Options"]["com.docker.network.bridge.name"]
        engine.stop()
        (engine.directory / "daemon.json").write_text("{}")
        engine.start()
        assert bridge(engine)["EnableIPv6"] is False
        assert "inet6" not in engine.sandbox.run("ip", "addr", "show", name).stdout
        assert run(engine)["GlobalIPv6Address"] == ""

    def test_another_subnet_takes_the_place_of_the_first(self, start):
        engine = start(ipv6=True, fixed_cidr_v6="fd5a:1::/64")
        name = bridge(engine)["Options"]["com.docker.network.bridge.name"]
        engine.stop()
        (engine.directory / "daemon.json").write_text('{"ipv6": true, "fixed-cidr-v6": "fd5a:2::/64"}')
        engine.start()
        addresses = engine.sandbox.run("ip", "-6", "addr", "show", name).stdout
        assert "fd5a:2::1/64" in addresses and "fd5a:1::" not in addresses


class TestIpv4:
    def test_fixed_cidr_with_bip_narrows_the_addresses_down(self, start):
        engine = start(bip="10.9.0.1/16", fixed_cidr="10.9.5.0/24")
        assert bridge(engine)["IPAM"]["Config"] == [
            {"Subnet": "10.9.0.0/16", "IPRange": "10.9.5.0/24", "Gateway": "10.9.0.1"}]
        endpoint = run(engine)
        assert endpoint["IPAddress"].startswith("10.9.5.")
        assert endpoint["IPPrefixLen"] == 16
        engine.cli("exec", "one", "ping", "-c1", "-W10", "10.9.0.1", check=0)

    def test_fixed_cidr_alone_is_the_subnet(self, start):
        engine = start("--fixed-cidr", "10.9.5.0/24")
        assert bridge(engine)["IPAM"]["Config"] == [{"Subnet": "10.9.5.0/24", "IPRange": "10.9.5.0/24"}]
        assert run(engine)["IPAddress"] == "10.9.5.2"

    def test_another_gateway_is_the_containers_route(self, start):
        engine = start(bip="10.9.0.1/24", default_gateway="10.9.0.2")
        assert bridge(engine)["IPAM"]["Config"][0]["AuxiliaryAddresses"] == {"DefaultGatewayIPv4": "10.9.0.2"}
        endpoint = run(engine)
        assert (endpoint["Gateway"], endpoint["IPAddress"]) == ("10.9.0.2", "10.9.0.3")
        assert "default via 10.9.0.2" in engine.cli("exec", "one", "ip", "route", check=0).stdout

    def test_mtu_and_the_address_of_published_ports(self, start):
        engine = start(mtu=1400, ip="127.0.0.1")
        options = bridge(engine)["Options"]
        assert options["com.docker.network.driver.mtu"] == "1400"
        assert options["com.docker.network.bridge.host_binding_ipv4"] == "127.0.0.1"
        run(engine, "one", "-p", "8080:80")
        assert "mtu 1400" in engine.cli("exec", "one", "ip", "link", "show", "eth0", check=0).stdout
        assert engine.cli("port", "one", check=0).stdout == "80/tcp -> 127.0.0.1:8080\n"

    def test_a_user_network_takes_the_containers_gateway_by_its_auxiliary_address(self, start):
        engine = start()
        engine.cli("network", "create", "--subnet", "10.61.0.0/24", "--aux-address",
                   "DefaultGatewayIPv4=10.61.0.9", "gw", check=0)
        engine.cli("run", "--name", "one", "-d", "--network", "gw", "busybox", "sleep", "900", check=0)
        assert "default via 10.61.0.9" in engine.cli("exec", "one", "ip", "route", check=0).stdout
        engine.cli("rm", "-f", "one", check=0)
        engine.cli("network", "rm", "gw", check=0)


@pytest.mark.parametrize("settings, message", [
    ({"fixed-cidr": "nonsense"}, "parse fixed-cidr failed: invalid CIDR address: nonsense"),
    ({"fixed-cidr-v6": "nonsense"}, "invalid fixed-cidr-v6: netip.ParsePrefix(\"nonsense\"): no '/'"),
    ({"fixed-cidr-v6": "10.0.0.0/8"}, "'10.0.0.0/8' is not a valid IPv6 subnet"),
    ({"default-gateway": "nonsense"}, "invalid IP address: nonsense"),
    ({"bip": "10.9.0.1/16", "default-gateway": "10.8.0.254"},
     "auxiliary address: (DefaultGatewayIPv4:10.8.0.254) must belong to the master pool: 10.9.0.0/16"),
    ({"ip": "nonsense"}, "invalid IP address: nonsense"),
    ({"mtu": -1}, "invalid default MTU: -1"),
    ({"mtu": 60}, "invalid default MTU: 60"),
    ({"ipv6": True, "mtu": 1200}, "invalid MTU: 1200"),
    ({"ipv6": True, "fixed-cidr-v6": "fe80::/64"}, "overlaps the reserved addresses"),
])
def test_a_value_that_cannot_be_keeps_the_engine_from_starting(sandbox, tmp_path, settings, message):
    (tmp_path / "daemon.json").write_text(json.dumps(settings))
    try:
        done = sandbox.run(BIN / "wherryd", "-H", f"unix://{tmp_path}/s", "--data-root", tmp_path / "d",
                           "--exec-root", tmp_path / "r", "--config-file", tmp_path / "daemon.json", timeout=30)
    except subprocess.TimeoutExpired:
        pytest.fail("it started")
    assert done.returncode == 1
    assert message in done.stderr
