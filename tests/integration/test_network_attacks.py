"""Attacks and faults of the network, as automatic tests: a hostile container on the default bridge (I01),
questions out of an internal network (I02), rules that others flush (I03, R25), a name server that is
silent and an IPv6 that swallows everything (R24), a storm of ports (R26)."""
import concurrent.futures
import json

import pytest
from fixtures import ROOT, wait_until

# Runs in a container's network namespace with the host's python and every right: more than a container has.
SPOOF = """
import socket, struct, sys
own_mac, victim_ip, victim_mac, gateway_ip = sys.argv[1:]
mac = lambda text: bytes.fromhex(text.replace(":", ""))
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(("eth0", 0))
def arp(to_mac, claimed_ip, to_ip, kind):
    body = struct.pack("!HHBBH", 1, 0x800, 6, 4, kind) + mac(own_mac) + socket.inet_aton(claimed_ip)
    return mac(to_mac) + mac(own_mac) + b"\\x08\\x06" + body + mac(to_mac) + socket.inet_aton(to_ip)
everybody = "ff:ff:ff:ff:ff:ff"
router = b"\\x33\\x33\\0\\0\\0\\x01" + mac(own_mac) + b"\\x86\\xdd"
icmp = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
source = socket.inet_pton(socket.AF_INET6, "fe80::bad")
group = socket.inet_pton(socket.AF_INET6, "ff02::1")
pseudo = source + group + struct.pack("!II", len(icmp), 58) + icmp
total = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))
total = (total & 0xffff) + (total >> 16); total = (total & 0xffff) + (total >> 16)
icmp = icmp[:2] + struct.pack("!H", ~total & 0xffff) + icmp[4:]
router += struct.pack("!IHBB", 6 << 28, len(icmp), 58, 255) + source + group + icmp
for _ in range(20):
    raw.send(arp(everybody, victim_ip, gateway_ip, 2))
    raw.send(arp(everybody, gateway_ip, victim_ip, 2))
    raw.send(arp(victim_mac, gateway_ip, victim_ip, 2))
    raw.send(router)
print("sent")
"""
SERVE = "while true; do echo {} | nc -l -p {}; done"


@pytest.fixture
def host(engine):
    yield engine
    engine.remove_containers()
    engine.cli("network", "prune", "-f", check=0)


def run(engine, name, *flags, command=("sleep", "900")):
    engine.cli("run", "-d", "--name", name, *flags, "busybox", *command, check=0)
    shown = engine.inspect(name)
    return shown["State"]["Pid"], shown["NetworkSettings"]["Networks"]


def inside(engine, pid, *words):
    return engine.sandbox.run("nsenter", "-t", pid, "-n", *words)


def neighbours(run_command):
    """{address: MAC}; an entry that is being looked up has none."""
    lines = (line.split() for line in run_command("ip", "neigh").stdout.splitlines())
    return {words[0]: words[words.index("lladdr") + 1] for words in lines if "lladdr" in words}


def ask(engine, address, port, *prefix):
    return engine.sandbox.run(*prefix, "busybox", "nc", "-w", "1", address, str(port)).stdout


def test_spoofed_arp_and_router_advertisements_change_nothing(host):  # I01
    victim, endpoints = run(host, "victim", command=("sh", "-c", SERVE.format("hello", 80)))
    attacker, own = run(host, "attacker")
    victim_end, own_end = endpoints["bridge"], own["bridge"]
    gateway = victim_end["Gateway"]
    wait_until(lambda: ask(host, victim_end["IPAddress"], 80) == "hello\n", what="server")
    inside(host, victim, "busybox", "ping", "-c1", gateway)
    before = neighbours(host.sandbox.run), neighbours(lambda *w: inside(host, victim, *w))
    sent = inside(host, attacker, "/usr/bin/python3", "-c", SPOOF, own_end["MacAddress"], victim_end["IPAddress"],
                  victim_end["MacAddress"], gateway)
    assert sent.stdout == "sent\n", sent.stderr
    after = neighbours(host.sandbox.run), neighbours(lambda *w: inside(host, victim, *w))
    address, mac = victim_end["IPAddress"], victim_end["MacAddress"]
    assert before[0][address] == after[0][address] == mac, "the host's entry of the victim"
    assert before[1] == after[1] and own_end["MacAddress"] not in after[1].values()
    assert ask(host, address, 80) == "hello\n"
    for pid in (victim, attacker):
        assert inside(host, pid, "cat", "/proc/sys/net/ipv6/conf/eth0/disable_ipv6").stdout == "1\n"
    assert inside(host, victim, "ip", "-6", "route").stdout == ""
    assert host.sandbox.run("ip", "-6", "route", "show", "default").stdout == ""
    bridge = json.loads(host.cli("network", "inspect", "bridge", check=0).stdout)[0]["Options"]
    name = bridge["com.docker.network.bridge.name"]
    shown = host.sandbox.run("sh", "-c", f"cd /proc/sys/net/ipv6/conf/{name} && cat disable_ipv6 accept_ra")
    assert shown.stdout.split()[0] == "1" or shown.stdout.split()[1] == "0", "the host hears no router there"


def test_no_packet_of_an_internal_network_leaves_the_host(host):  # I02
    host.cli("network", "create", "--internal", "inner", check=0)
    # Without IPv6, of which the host itself sends some.
    for command in ("ip link add out0 type veth peer name out1",
                    "sysctl -qw net.ipv6.conf.out0.disable_ipv6=1", "ip addr add 10.202.0.1/24 dev out0",
                    "ip link set out0 up", "ip link set out1 up", "ip route add default via 10.202.0.2",
                    "ip neigh add 10.202.0.2 lladdr 02:00:00:00:00:02 dev out0"):
        done = host.sandbox.run(*command.split())
        assert done.returncode == 0, done.stderr
    try:
        def sent():
            shown = host.sandbox.run("ip", "-j", "-s", "link", "show", "out0").stdout
            return json.loads(shown)[0]["stats64"]["tx"]["packets"]
        pid, _ = run(host, "prisoner", "--network", "inner", "--dns", "10.202.0.2")
        before = sent()
        for words in (("nslookup", "secret.example.org"), ("nslookup", "-type=txt", "x.example.org", "10.202.0.2"),
                      ("nslookup", "x.example.org", "127.0.0.11"), ("ping", "-c1", "-W1", "10.202.0.2"),
                      ("nc", "-w", "1", "10.202.0.2", "53")):
            assert host.cli("exec", "prisoner", "timeout", "4", *words).returncode != 0, words
        for route in ("via 10.202.0.2", "dev eth0"):
            inside(host, pid, "ip", "route", "replace", "default", *route.split())
            inside(host, pid, "busybox", "ping", "-c1", "-W1", "10.202.0.2")
        assert sent() == before
        run(host, "free")
        host.cli("exec", "free", "ping", "-c1", "-W1", "10.202.0.2")
        assert sent() > before, "of other networks they do leave"
    finally:
        host.remove_containers()
        host.sandbox.run("ip", "link", "del", "out0")


def test_a_flush_opens_no_unpublished_port(host):  # I03
    host.sandbox.run("ip", "netns", "add", "away")
    for command in ("ip link add up2 type veth peer name eth0 netns away", "ip addr add 10.203.0.1/24 dev up2",
                    "ip link set up2 up", "ip -n away addr add 10.203.0.2/24 dev eth0",
                    "ip -n away link set eth0 up", "ip -n away route add default via 10.203.0.1"):
        done = host.sandbox.run(*command.split())
        assert done.returncode == 0, done.stderr
    away = ("ip", "netns", "exec", "away", "timeout", "2")
    try:
        host.cli("network", "create", "one", check=0)
        both = SERVE.format("open", 80) + " & " + SERVE.format("closed", 81)
        _, endpoints = run(host, "web", "--network", "one", "-p", "8085:80", command=("sh", "-c", both))
        address = endpoints["one"]["IPAddress"]
        wait_until(lambda: ask(host, "10.203.0.1", 8085, *away) == "open\n", what="published port")
        assert ask(host, address, 81, *away) == ""
        for _ in range(3):
            host.sandbox.run("nft", "flush", "ruleset")
            wait_until(lambda: ask(host, "10.203.0.1", 8085, *away) == "open\n", what="port after the flush")
            assert ask(host, address, 81, *away) == ""
    finally:
        host.remove_containers()
        host.sandbox.run("ip", "netns", "del", "away")


def test_rules_of_fifty_published_containers_after_a_hundred_flushes(host):  # R25
    for number in range(50):
        run(host, f"p{number}", "-p", f"{10000 + number}:80")
    def rules():
        return sorted(host.sandbox.run("nft", "list", "ruleset").stdout.splitlines())
    before = rules()
    flush = "i=0; while [ $i -lt 100 ]; do nft flush ruleset; i=$((i + 1)); done"
    assert host.sandbox.run("sh", "-c", flush).returncode == 0
    wait_until(lambda: rules() == before, what="the same rules, each once")


def test_an_ipv6_that_swallows_everything_does_not_hold_up_a_pull(host, registry, scratch, images):  # R24
    host.sandbox.run("ip", "-6", "addr", "add", "fd00:bad::1/64", "dev", "lo", "nodad")
    host.sandbox.run("nft", "add table ip6 hole; add chain ip6 hole in { type filter hook input priority 0; }; "
                     "add rule ip6 hole in ip6 daddr fd00:bad::/64 drop")
    try:
        push = (f". {ROOT}/scripts/lib/images.sh; push_image http://{registry} library/far latest "
                f"{images}/busybox.oci")
        assert host.sandbox.run("sh", "-c", push).returncode == 0
        (host.sandbox.own_etc(scratch) / "hosts").write_text(
            "127.0.0.1 localhost\nfd00:bad::1 two.test\n127.0.0.1 two.test\nfd00:bad::1 hole.test\n")
        settings = host.directory / "daemon.json"
        host.stop()
        settings.write_text(json.dumps({"insecure-registries": ["two.test:5000"]}))
        host.start()
        assert "Downloaded newer image" in host.cli("pull", "two.test:5000/library/far", check=0).stdout
    finally:
        host.sandbox.run("nft", "delete", "table", "ip6", "hole")
        host.cli("rmi", "two.test:5000/library/far")


def test_a_name_server_that_is_silent_is_named_in_time(host):  # R24
    run(host, "asker", "--dns", "192.0.2.1")
    done = host.cli("exec", "asker", "timeout", "30", "nslookup", "nobody.example.org", timeout=40)
    assert done.returncode != 0
    host.cli("network", "create", "quiet", check=0)
    run(host, "other", "--network", "quiet", "--dns", "192.0.2.1")
    run(host, "near", "--network", "quiet")
    failed = host.cli("exec", "other", "timeout", "15", "nslookup", "nobody.example.org", timeout=40)
    assert failed.returncode != 0
    assert host.cli("exec", "other", "nslookup", "-type=a", "near", check=0).stdout.count("Address") >= 1


def test_a_storm_of_ports_gives_none_twice_and_leaves_none(host):  # R26
    def elements():
        return host.sandbox.run("nft", "list", "ruleset").stdout.count("dnat")
    before = elements(), host.sandbox.run("ss", "-Hltn").stdout
    def one(number):
        name = f"storm{number}"
        done = host.cli("run", "-d", "--name", name, "-p", "80", "-p", "11000:81", "busybox", "sleep", "900")
        won = done.returncode == 0
        if not won:
            assert "port is already allocated" in done.stderr, done.stderr
            host.cli("rm", "-f", name, check=0)
            host.cli("run", "-d", "--name", name, "-p", "80-89", "busybox", "sleep", "900", check=0)
        ports = host.inspect(name)["NetworkSettings"]["Ports"]
        return won, [entry["HostPort"] for entries in ports.values() for entry in entries or []]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        results = list(pool.map(one, range(100)))
    assert sum(won for won, _ in results) == 1, "one has the port that all asked for"
    given = [port for _, ports in results for port in ports]
    assert len(given) == len(set(given)) == 99 * 10 + 2
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: host.cli("rm", "-f", f"storm{n}", check=0), range(100)))
    wait_until(lambda: (elements(), host.sandbox.run("ss", "-Hltn").stdout) == before, what="no port left")
