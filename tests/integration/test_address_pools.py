"""default-address-pools of daemon.json: where subnets come from that nobody asked for."""
import json

import pytest

from fixtures import Engine, wait_until

POOLS = [{"base": "10.150.0.0/22", "size": 24}, {"base": "fd15::/48", "size": 64}]


@pytest.fixture(scope="module")
def pooled(sandbox, images, tmp_path_factory):
    directory = tmp_path_factory.mktemp("pools")
    (directory / "daemon.json").write_text(json.dumps({"default-address-pools": POOLS}))
    engine = Engine(sandbox, directory).start()
    engine.load(images / "busybox.tar")
    yield engine
    engine.remove_containers()
    engine.close()


def subnets(engine, name):
    shown = json.loads(engine.cli("network", "inspect", name, check=0).stdout)[0]
    return [pool["Subnet"] for pool in shown["IPAM"]["Config"]]


def test_networks_get_them_one_after_the_other(pooled):
    assert subnets(pooled, "bridge") == ["10.150.0.0/24"]
    try:
        for number, name in enumerate("abc", 1):
            pooled.cli("network", "create", "--ipv6", name, check=0)
            assert subnets(pooled, name) == [f"10.150.{number}.0/24",
                                             f"fd15:0:0:{number - 1:x}::/64".replace(":0:0:0:", ":")]
        full = pooled.cli("network", "create", "d")
        assert full.returncode == 1
        assert "all predefined address pools have been fully subnetted" in full.stderr
        # One that somebody names takes nothing out of them; one that went gives its own back.
        pooled.cli("network", "create", "--subnet", "10.151.0.0/24", "d", check=0)
        pooled.cli("network", "rm", "b", check=0)
        pooled.cli("network", "create", "e", check=0)
        assert subnets(pooled, "e") == ["10.150.2.0/24"]
    finally:
        pooled.cli("network", "rm", "-f", *"abcde")


def test_a_container_has_an_address_of_the_pool(pooled):
    pooled.cli("run", "-d", "--name", "one", "busybox", "sleep", "900", check=0)
    address = pooled.inspect("one")["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    assert address == "10.150.0.2"
    pooled.cli("rm", "-f", "one", check=0)


def test_info_shows_them(pooled):
    wanted = " Default Address Pools:\n   Base: 10.150.0.0/22, Size: 24\n   Base: fd15::/48, Size: 64\n"
    assert wanted in pooled.cli("info", check=0).stdout
    assert wanted in pooled.docker("info", check=0).stdout


def test_networks_stay_what_they_are_when_the_pools_change(pooled):
    pooled.cli("network", "create", "kept", check=0)
    before = subnets(pooled, "kept")
    pooled.stop()
    (pooled.directory / "daemon.json").write_text(json.dumps(
        {"default-address-pools": [{"base": "10.160.0.0/16", "size": 28}]}))
    pooled.start()
    assert subnets(pooled, "kept") == before
    pooled.cli("network", "create", "new", check=0)
    assert subnets(pooled, "new")[0].startswith("10.160.0.")
    wait_until(lambda: pooled.cli("network", "rm", "kept", "new").returncode == 0, 30, "network rm")
