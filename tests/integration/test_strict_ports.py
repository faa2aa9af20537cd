"""Strict mode (docs/decisions/0010): published ports obey the host's own input rules."""
import concurrent.futures
import json

import pytest

import netns_peer
from fixtures import BIN, Engine, wait_until

FAMILIES = [("tcp", "10.201.0.1", "10.201.0.2"), ("udp", "10.201.0.1", "10.201.0.2"),
            ("tcp", "fd98::1", "fd98::2"), ("udp", "fd98::1", "fd98::2")]


@pytest.fixture(scope="module")
def strict(sandbox, images, tmp_path_factory):
    directory = tmp_path_factory.mktemp("s")
    (directory / "daemon.json").write_text('{"strict-ports": true, "ipv6": true, "fixed-cidr-v6": "fd5a:1::/64"}')
    engine = Engine(sandbox, directory).start()
    engine.load(images / "busybox.tar")
    yield engine
    engine.remove_containers()
    engine.close()


@pytest.fixture(scope="module")
def far(sandbox):
    """The namespace of a machine on the other side of the sandbox's uplink `up0`."""
    for command in ("ip netns add far", "ip link add up0 type veth peer name eth0 netns far",
                    "ip addr add 10.201.0.1/24 dev up0", "ip addr add fd98::1/64 dev up0 nodad",
                    "ip link set up0 up", "ip -n far addr add 10.201.0.2/24 dev eth0",
                    "ip -n far addr add fd98::2/64 dev eth0 nodad", "ip -n far link set eth0 up",
                    "ip -n far link set lo up"):
        done = sandbox.run(*command.split())
        assert done.returncode == 0, done.stderr
    yield netns_peer.named_namespace(sandbox, "far")
    sandbox.run("ip", "netns", "del", "far")


@pytest.fixture
def web(strict):
    """A service on port 80 of a container, published on 8080 of both protocols and families."""
    strict.cli("run", "-d", "--name", "web", "-p", "8080:80", "-p", "8080:80/udp", "busybox", "sleep",
               "900", check=0)
    service = netns_peer.Service(netns_peer.namespace_of(strict.inspect("web")["State"]["Pid"]), 80)
    yield strict
    service.close()
    strict.remove_containers()
    for table in ("inet host", "ip host", "ip6 host"):
        strict.sandbox.run("nft", "delete", "table", *table.split())


def input_rules(engine, *rules, priority="0"):
    lines = ["add table inet host",
             f"add chain inet host input {{ type filter hook input priority {priority}; }}",
             "flush chain inet host input"]
    lines += [f"add rule inet host input {rule}" for rule in rules]
    done = engine.sandbox.run("nft", "-f", "-", input="\n".join(lines) + "\n")
    assert done.returncode == 0, done.stderr


def answers(far, expected):
    """Which of FAMILIES has an answer: a letter each. A loaded host may answer late, and is asked
    again; what is closed never answers."""
    def ask(family):
        return "y" if netns_peer.ask(far, family[1], 8080, family[0]) else "n"

    def all_of_them():
        with concurrent.futures.ThreadPoolExecutor(len(FAMILIES)) as pool:
            return "".join(pool.map(ask, FAMILIES))
    seen = []

    def as_expected():
        seen.append(all_of_them())
        return seen[-1] == expected
    wait_until(as_expected, 45, f"answers {expected}, not {seen}")


def test_without_rules_everybody_is_served_and_seen_with_its_own_address(web, far):
    for protocol, address, client in FAMILIES:
        wait_until(lambda: netns_peer.ask(far, address, 8080, protocol) == client, 30, (protocol, address))


@pytest.mark.parametrize("rules, expected", [
    (["tcp dport 8080 drop"], "nyny"),
    (["udp dport 8080 drop"], "ynyn"),
    (["th dport 8080 iifname \"up0\" drop"], "nnnn"),
    (["th dport 8080 iifname \"elsewhere\" drop"], "yyyy"),
    (["ip saddr 10.201.0.2 drop"], "nnyy"),
    (["ip6 saddr fd98::/64 th dport 8080 drop"], "yynn"),
    (["ct state established,related accept", "tcp dport 8080 ip saddr 10.201.0.0/24 accept",
      "icmpv6 type {nd-neighbor-solicit, nd-neighbor-advert} accept", "drop"], "ynnn"),
    (["tcp dport 8080 reject with tcp reset", "udp dport 8080 reject"], "nnnn"),
], ids=["tcp", "udp", "interface", "other interface", "address", "network", "only who is accepted", "reject"])
def test_an_input_rule_counts(web, far, rules, expected):
    input_rules(web, *rules)
    answers(far, expected)
    input_rules(web)
    answers(far, "yyyy")


def test_a_reject_is_heard_at_once(web, far):
    input_rules(web, "tcp dport 8080 reject with tcp reset")
    def connect():
        import socket
        with socket.create_connection(("10.201.0.1", 8080), timeout=30):
            return "connected"
    with pytest.raises(ConnectionRefusedError):
        netns_peer.inside(far, connect)


def test_a_late_chain_counts_too(web, far):
    input_rules(web, "tcp dport 8080 drop", priority="1000")
    answers(far, "nyny")


def test_the_policy_of_an_ip_table_counts(web, far):
    done = web.sandbox.run("nft", "-f", "-", input="add table ip host\nadd chain ip host input "
                           "{ type filter hook input priority 0; policy drop; }\n")
    assert done.returncode == 0, done.stderr
    answers(far, "nnyy")


def test_an_open_connection_outlives_a_rule_against_new_ones(web, far):
    def connect():
        import socket
        made = socket.create_connection(("10.201.0.1", 8080), timeout=30)
        return made
    with netns_peer.inside(far, connect) as opened:
        input_rules(web, "tcp dport 8080 drop")
        assert opened.recv(256).decode().removeprefix("::ffff:") == "10.201.0.2"


def test_the_host_s_own_reverse_path_filter_may_be_strict(web, far):
    key = "net.ipv4.conf.all.rp_filter"
    before = web.sandbox.run("sysctl", "-n", key).stdout.strip()
    web.sandbox.run("sysctl", "-w", f"{key}=1")
    try:
        answers(far, "yyyy")
    finally:
        web.sandbox.run("sysctl", "-w", f"{key}={before}")


def test_the_host_itself_and_its_containers_are_as_before(web, sandbox):
    """Input rules of the host are not for what it sends, nor for its bridges' published ports."""
    input_rules(web, "th dport 8080 drop")
    host = netns_peer.namespace_of(sandbox.holder.pid)
    for protocol in ("tcp", "udp"):
        assert netns_peer.ask(host, "127.0.0.1", 8080, protocol)
        assert netns_peer.ask(host, "fd5a:1::1", 8080, protocol)
    web.cli("network", "create", "--subnet", "10.62.0.0/24", "other", check=0)
    web.cli("run", "-d", "--name", "peer", "--network", "other", "-p", "8081:80", "-p", "8081:80/udp",
            "busybox", "sleep", "900", check=0)
    peer = netns_peer.namespace_of(web.inspect("peer")["State"]["Pid"])
    service = netns_peer.Service(peer, 80)
    try:
        assert netns_peer.ask(peer, "10.62.0.1", 8080), "a neighbour of another network"
        for protocol in ("tcp", "udp"):
            assert netns_peer.ask(peer, "10.62.0.1", 8081, protocol), "hairpin"
    finally:
        service.close()
    web.cli("rm", "-f", "peer", check=0)
    wait_until(lambda: web.cli("network", "rm", "other").returncode == 0, 30, "network rm")


def test_while_no_engine_runs(web, far):
    web.kill()
    try:
        answers(far, "yyyy")
        input_rules(web, "tcp dport 8080 drop")
        answers(far, "nyny")
    finally:
        web.start()
    answers(far, "nyny")
    input_rules(web)
    answers(far, "yyyy")


@pytest.mark.parametrize("damage", ["flush ruleset", "delete table ip TABLE", "delete table ip6 TABLE",
                                    "flush chain ip TABLE input", "flush set ip6 TABLE ports_any"])
def test_the_rules_come_back(web, far, damage):
    def ruleset():
        return sorted(web.sandbox.run("nft", "-s", "list", "ruleset").stdout.splitlines())
    tables = web.sandbox.run("nft", "list", "tables", "inet").stdout.split()
    name = next(table for table in tables if table.startswith("wherry"))
    before = ruleset()
    done = web.sandbox.run("nft", damage.replace("TABLE", name))
    assert done.returncode == 0, done.stderr
    wait_until(lambda: ruleset() == before, 30, "the rules")
    answers(far, "yyyy")


def test_a_port_of_one_address_alone(strict, far):
    strict.cli("run", "-d", "--name", "one", "-p", "10.201.0.1:8080:80", "-p", "[fd98::1]:8080:80/udp",
               "busybox", "sleep", "900", check=0)
    service = netns_peer.Service(netns_peer.namespace_of(strict.inspect("one")["State"]["Pid"]), 80)
    try:
        answers(far, "ynny")
        input_rules(strict, "th dport 8080 drop")
        answers(far, "nnnn")
    finally:
        service.close()
        strict.sandbox.run("nft", "delete", "table", "inet", "host")
        strict.remove_containers()


def test_nothing_is_served_once_the_container_is_gone(web, far):
    web.cli("rm", "-f", "web", check=0)
    answers(far, "nnnn")
    listed = web.sandbox.run("nft", "-j", "list", "ruleset").stdout
    sets = [item["set"] for item in json.loads(listed)["nftables"] if "set" in item]
    assert [s for s in sets if s["name"].startswith("ports") and s.get("elem")] == []


def pairs(sandbox):
    """Interfaces of strict mode, of every engine in the sandbox."""
    names = sandbox.run("ls", "/proc/sys/net/ipv4/conf").stdout.split()
    return {name for name in names if name.startswith("wv") and name.endswith(("-in", "-out"))}


def clean_up(engine):
    engine.stop()
    done = engine.sandbox.run(BIN / "wherryd", "--cleanup", "--data-root", engine.data, "--exec-root",
                              engine.run_root, "--config-file", engine.directory / "daemon.json",
                              *engine.arguments)
    engine.close()
    assert done.returncode == 0, done.stderr


def test_switched_off_again_the_pair_and_its_tables_go(sandbox, tmp_path):
    (tmp_path / "daemon.json").write_text("{}")
    before = pairs(sandbox)
    engine = Engine(sandbox, tmp_path, "--strict-ports").start()
    assert len(pairs(sandbox) - before) == 2
    engine.stop()
    assert len(pairs(sandbox) - before) == 2, "it stays for containers that live on"
    engine.arguments = ()
    engine.start()
    own = engine.cli("network", "inspect", "bridge", "--format",
                     "{{index .Options \"com.docker.network.bridge.name\"}}", check=0).stdout.strip()
    tables = sandbox.run("nft", "list", "tables").stdout.splitlines()
    assert [line for line in tables if line.endswith(own)] == [f"table inet {own}"]
    assert pairs(sandbox) == before
    clean_up(engine)


def test_cleanup_takes_the_pair_away(sandbox, tmp_path):
    (tmp_path / "daemon.json").write_text('{"strict-ports": true}')
    before = pairs(sandbox)
    engine = Engine(sandbox, tmp_path).start()
    assert pairs(sandbox) != before
    clean_up(engine)
    assert pairs(sandbox) == before
