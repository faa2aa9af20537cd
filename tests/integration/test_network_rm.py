"""What `stop`, `rm` and the end of a `run` promise about a network: their addresses are free."""
import pytest

ROUNDS = 12


@pytest.fixture
def network(engine):
    engine.cli("network", "create", "n", check=0)
    yield "n"
    engine.remove_containers()
    engine.cli("network", "rm", "-f", "n", check=0)


@pytest.mark.parametrize("auto", [[], ["--rm"]])
def test_network_rm_right_after_rm_of_its_container(engine, auto):
    for _ in range(ROUNDS):
        engine.cli("network", "create", "n", check=0)
        engine.cli("run", "-d", *auto, "--name", "one", "--network", "n", "busybox", "sleep", "900",
                   check=0)
        engine.cli("rm", "-f", "one", check=0)
        engine.cli("network", "rm", "n", check=0)


def test_network_rm_right_after_a_run(engine):
    for _ in range(ROUNDS):
        engine.cli("network", "create", "n", check=0)
        engine.cli("run", "--rm", "--network", "n", "busybox", "true", check=0)
        engine.cli("network", "rm", "n", check=0)


def test_a_network_in_use_is_refused_at_once(engine, network):
    engine.cli("run", "-d", "--name", "one", "--network", network, "busybox", "sleep", "900", check=0)
    refused = engine.cli("network", "rm", network)
    assert refused.returncode == 1 and "has active endpoints" in refused.stderr


def test_the_address_of_a_stopped_container_is_free(engine, network):
    for _ in range(ROUNDS):
        names = ("one", "two")
        addresses = []
        for name in names:
            engine.cli("run", "-d", "--name", name, "--network", network, "busybox", "sleep", "900",
                       check=0)
            shown = engine.inspect(name)["NetworkSettings"]["Networks"][network]
            addresses.append(shown["IPAddress"])
            engine.cli("stop", "-t", "0", name, check=0)
        assert addresses[0] == addresses[1]
        engine.cli("rm", *names, check=0)
