"""--link-local-ip, --device-cgroup-rule, --memory-swappiness, and bind propagation: what they do,
and what docker says where they cannot be."""
import json

import pytest


@pytest.fixture
def network(engine):
    engine.cli("network", "create", "flags", check=0)
    yield "flags"
    engine.remove_containers()
    engine.cli("network", "rm", "flags", check=0)


def addresses(engine, name, interface="eth0"):
    done = engine.cli("exec", name, "ip", "-o", "addr", "show", interface, check=0)
    return [line.split()[3] for line in done.stdout.splitlines() if " inet" in line]


class TestLinkLocal:
    def test_the_address_is_the_interface_s_and_inspect_shows_it(self, engine, network):
        engine.cli("run", "-d", "--name", "ll1", "--network", network, "--link-local-ip",
                   "169.254.8.8", "--link-local-ip", "169.254.8.9", "alpine", "sleep", "1000", check=0)
        assert {"169.254.8.8/16", "169.254.8.9/16"} <= set(addresses(engine, "ll1"))
        endpoint = engine.inspect("ll1")["NetworkSettings"]["Networks"][network]
        assert endpoint["IPAMConfig"] == {"LinkLocalIPs": ["169.254.8.8", "169.254.8.9"]}

    def test_neighbours_reach_each_other_by_them(self, engine, network):
        engine.cli("run", "-d", "--name", "ll1", "--network", network, "--link-local-ip",
                   "169.254.8.8", "alpine", "sleep", "1000", check=0)
        done = engine.cli("run", "--rm", "--network", f"name={network},link-local-ip=169.254.8.9",
                          "alpine", "ping", "-c1", "-W10", "169.254.8.8")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_connect_gives_one_to_a_running_container_and_restart_keeps_it(self, engine, network):
        engine.cli("run", "-d", "--name", "ll1", "alpine", "sleep", "1000", check=0)
        engine.cli("network", "connect", "--link-local-ip", "169.254.9.9", network, "ll1", check=0)
        assert "169.254.9.9/16" in addresses(engine, "ll1", "eth1")
        engine.cli("restart", "-t", "0", "ll1", check=0)
        everything = addresses(engine, "ll1", "eth0") + addresses(engine, "ll1", "eth1")
        assert "169.254.9.9/16" in everything

    def test_the_default_bridge_has_them_too(self, engine):
        engine.cli("run", "-d", "--name", "ll1", "--link-local-ip", "169.254.8.8", "alpine",
                   "sleep", "1000", check=0)
        assert "169.254.8.8/16" in addresses(engine, "ll1")
        engine.remove_containers()

    @pytest.mark.parametrize("text, message", [
        ("x", "invalid config for network flags: invalid endpoint settings:\n"
              "invalid link-local IP address: x"),
        ("0.0.0.0", "invalid link-local IP address: 0.0.0.0"),
        ("1.2.3.4", "failed to set up container networking: "),
        ("1.2.3.4", "invalid link local IP address: 1.2.3.4"),
        ("fd00::5", "invalid link local IP address: fd00::5"),
        ("fe80::5", "network flags has no IPv6"),
    ])
    def test_what_is_none_is_refused(self, engine, network, text, message):
        done = engine.cli("run", "--rm", "--network", network, "--link-local-ip", text, "alpine", "true")
        assert done.returncode == 125
        assert message in done.stderr
        assert engine.cli("ps", "-aq", check=0).stdout == ""

    def test_a_network_with_ipv6_takes_ipv6_ones(self, engine):
        engine.cli("network", "create", "--ipv6", "flags6", check=0)
        engine.cli("run", "-d", "--name", "ll6", "--network", "flags6", "--link-local-ip",
                   "fe80::77", "alpine", "sleep", "1000", check=0)
        assert "fe80::77/64" in addresses(engine, "ll6")
        engine.remove_containers()
        engine.cli("network", "rm", "flags6", check=0)

    def test_none_has_no_interface_for_them(self, engine):
        done = engine.cli("run", "--rm", "--network", "none", "--link-local-ip", "169.254.1.1",
                          "alpine", "true")
        assert done.returncode == 125
        assert "link-local IP addresses are not supported on network none" in done.stderr


class TestDeviceRules:
    def test_a_rule_opens_a_device_that_is_made_inside(self, engine):
        plain = engine.cli("run", "--rm", "alpine", "sh", "-c", "mknod /dev/made c 7 1 && cat /dev/made")
        assert "Operation not permitted" in plain.stderr
        done = engine.cli("run", "--rm", "--device-cgroup-rule", "c 7:* rwm", "alpine", "sh", "-c",
                          "mknod /dev/made c 7 1 && cat /dev/made")
        assert "Operation not permitted" not in done.stderr  # no such device, or its content

    def test_inspect_shows_the_rules(self, engine):
        engine.cli("create", "--name", "rules", "--device-cgroup-rule", "c 7:128 rwm", "alpine", check=0)
        assert engine.inspect("rules")["HostConfig"]["DeviceCgroupRules"] == ["c 7:128 rwm"]
        engine.remove_containers()

    def test_a_bad_rule_from_a_client_that_does_not_look_is_refused_at_start(self, engine):
        status, _, body = engine.api("POST", "/containers/create", {
            "Image": "alpine", "Cmd": ["true"], "HostConfig": {"DeviceCgroupRules": ["x 1:2 r"]}})
        assert status == 201
        status, _, body = engine.api("POST", f"/containers/{json.loads(body)['Id']}/start")
        assert status >= 400
        assert json.loads(body)["message"] == "invalid device cgroup rule format: 'x 1:2 r'"
        engine.remove_containers()


class TestSwappiness:
    def test_the_group_has_it_where_the_kernel_can(self, engine):
        done = engine.cli("run", "--rm", "--memory-swappiness", "40", "alpine", "sh", "-c",
                          "cat /sys/fs/cgroup/memory/memory.swappiness || true", check=0)
        if "Memory swappiness discarded" in done.stderr:
            pytest.skip("no swappiness of groups on this host: said by a warning")
        assert done.stdout.strip() == "40"

    def test_inspect_shows_it(self, engine):
        made = engine.cli("create", "--name", "swap", "--memory-swappiness", "40", "alpine", check=0)
        shown = engine.inspect("swap")["HostConfig"]["MemorySwappiness"]
        assert shown == (None if "discarded" in made.stderr else 40)
        engine.remove_containers()

    def test_a_value_out_of_range_is_refused(self, engine):
        done = engine.cli("create", "--memory-swappiness", "101", "alpine")
        assert done.returncode == 125
        assert "invalid value: 101. Valid memory swappiness range is 0-100" in done.stderr
        status, _, body = engine.api("POST", "/containers/create", {
            "Image": "alpine", "HostConfig": {"MemorySwappiness": 101}})
        assert status == 400
        assert json.loads(body)["message"] == "Invalid value: 101, valid memory swappiness range is 0-100"


class TestPropagation:
    @pytest.fixture
    def source(self, engine, scratch):
        place = scratch / "propagation"
        place.mkdir(exist_ok=True)
        engine.sandbox.run("mount", "-t", "tmpfs", "tmpfs", place, check=True)
        yield place
        engine.remove_containers()
        engine.sandbox.run("umount", "-R", place, check=True)

    @pytest.mark.parametrize("word, kind", [("shared", "shared"), ("rshared", "shared"),
                                            ("slave", "shared or slave"),
                                            ("rslave", "shared or slave")])
    def test_a_private_mount_is_refused_in_docker_s_words(self, engine, source, word, kind):
        below = source / "below"
        engine.sandbox.run("mkdir", below, check=True)
        for flag in (["-v", f"{below}:/m:{word}"],
                     ["--mount", f"type=bind,src={below},dst=/m,bind-propagation={word}"]):
            done = engine.cli("run", "--rm", *flag, "alpine", "true")
            assert done.returncode == 125
            assert f"path {below} is mounted on {source} but it is not a {kind} mount" in done.stderr

    @pytest.mark.parametrize("word", ["rshared", "rslave"])
    def test_what_the_host_mounts_later_is_seen_inside(self, engine, source, word):
        engine.sandbox.run("mount", "--make-shared", source, check=True)
        engine.cli("run", "-d", "--name", "sees", "-v", f"{source}:/m:{word}", "alpine", "sleep",
                   "1000", check=0)
        engine.sandbox.run("mkdir", source / "late", check=True)
        engine.sandbox.run("mount", "-t", "tmpfs", "tmpfs", source / "late", check=True)
        engine.sandbox.run("touch", source / "late/file", check=True)
        engine.cli("exec", "sees", "test", "-e", "/m/late/file", check=0)

    def test_a_private_bind_does_not_see_it(self, engine, source):
        engine.sandbox.run("mount", "--make-shared", source, check=True)
        engine.cli("run", "-d", "--name", "blind", "-v", f"{source}:/m", "alpine", "sleep", "1000", check=0)
        engine.sandbox.run("mkdir", source / "late", check=True)
        engine.sandbox.run("mount", "-t", "tmpfs", "tmpfs", source / "late", check=True)
        engine.sandbox.run("touch", source / "late/file", check=True)
        engine.cli("exec", "blind", "test", "-e", "/m/late/file", check=1)

    def test_a_shared_bind_shows_the_host_what_the_container_mounts(self, engine, source):
        engine.sandbox.run("mount", "--make-shared", source, check=True)
        engine.cli("run", "--rm", "--privileged", "-v", f"{source}:/m:shared", "alpine", "sh", "-c",
                   "mkdir /m/inner && mount -t tmpfs tmpfs /m/inner && touch /m/inner/file", check=0)
        assert engine.sandbox.run("test", "-e", source / "inner/file").returncode == 0
