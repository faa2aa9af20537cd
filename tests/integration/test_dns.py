"""The embedded DNS of user networks: names between containers, forwarding, internal networks,
and the engine's and the resolver's death."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from fixtures import BIN, wait_until

PEER = pathlib.Path(__file__).with_name("dns_peer.py")


def inside(engine, container, *arguments):
    """The command of dns_peer.py in the container's network namespace."""
    pid = engine.inspect(container)["State"]["Pid"]
    return ["nsenter", "-t", str(pid), "-n", sys.executable, str(PEER), *map(str, arguments)]


def ask(engine, container, name, kind="A", *transport):
    done = subprocess.run(inside(engine, container, "ask", name, kind, *transport),
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def answers(engine, container, name, kind="A", *transport):
    return ask(engine, container, name, kind, *transport)["answers"]


def address(engine, container, network="net"):
    return engine.inspect(container)["NetworkSettings"]["Networks"][network]["IPAddress"]


def resolver_pid(engine):
    found = [pid for pid in engine.processes()
             if b"--resolver" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
    return found[0] if found else None


def run(engine, name, *flags, network="net"):
    engine.cli("run", "-d", "--name", name, "--network", network, *flags, "busybox",
               "sleep", "1000", check=0)


@pytest.fixture
def net(engine):
    engine.cli("network", "create", "net", check=0)
    yield engine
    engine.remove_containers()
    engine.cli("network", "prune", "-f", check=0)


@pytest.fixture
def upstream(sandbox, scratch):
    """A name server on the loopback of the engine's host; gives what it was asked."""
    log = scratch / "upstream.log"
    log.write_text("")
    process = sandbox.popen(sys.executable, PEER, "serve", "127.0.0.1", log, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    yield lambda: log.read_text().splitlines()
    process.kill()
    process.wait(10)


def test_two_containers_know_each_other_by_every_name(net):
    run(net, "web", "--network-alias", "www")
    run(net, "db")
    ip = address(net, "web")
    short = net.inspect("web")["Id"][:12]
    for name in ("web", "WEB", "www", short, "web.net"):
        assert answers(net, "db", name) == [ip], name
        assert answers(net, "db", name, "A", "tcp") == [ip], name
    assert answers(net, "web", "web") == [ip]
    reverse = ".".join(reversed(ip.split("."))) + ".in-addr.arpa"
    assert answers(net, "db", reverse, "PTR") == ["web.net"]
    none = ask(net, "db", "web", "AAAA")
    assert none["rcode"] == 0 and none["answers"] == []


def test_busybox_finds_its_neighbour_and_talks_to_it(net):
    net.cli("run", "-d", "--name", "server", "--network", "net", "busybox",
            "sh", "-c", "echo hello-from-server | nc -l -p 7000", check=0)
    ip = address(net, "server")
    found = net.cli("run", "--rm", "--network", "net", "busybox", "nslookup", "server", check=0).stdout
    assert "127.0.0.11" in found and ip in found
    talked = net.cli("run", "--rm", "--network", "net", "busybox", "sh", "-c",
                     "for i in 1 2 3 4 5; do nc server 7000 </dev/null && break; sleep 0.2; done",
                     check=0)
    assert talked.stdout == "hello-from-server\n"


def test_a_name_server_of_the_container_s_own_may_take_port_53(net):
    # As the server images of every maker do: every address, TCP and UDP.
    run(net, "web")
    for flags in ("-l", "-u -l"):
        started = net.cli("exec", "web", "sh", "-c",
                          f"timeout 0.3 nc {flags} -p 53 -s 0.0.0.0 </dev/null; echo $?", check=0)
        assert "in use" not in started.stderr, started.stderr
    assert answers(net, "web", "web") == [address(net, "web")]


def test_resolv_conf_names_the_resolver(net):
    shown = net.cli("run", "--rm", "--network", "net", "--dns", "10.9.9.9", "--dns-search", "lan",
                    "busybox", "cat", "/etc/resolv.conf", check=0).stdout
    lines = [line for line in shown.splitlines() if line and not line.startswith("#")]
    assert lines[:2] == ["nameserver 127.0.0.11", "search lan"]
    assert "ndots:0" in lines[2]
    assert "# ExtServers: [host(10.9.9.9)]" in shown


def test_an_alias_of_several_is_answered_in_turn(net):
    for name in ("one", "two"):
        run(net, name, "--network-alias", "app")
    both = [address(net, "one"), address(net, "two")]
    first = answers(net, "one", "app")
    assert sorted(first) == sorted(both)
    assert answers(net, "one", "app") == first[::-1]


def test_names_go_and_change_with_their_containers(net):
    run(net, "web", "--dns", "127.0.0.1")
    run(net, "db")
    net.cli("rename", "db", "store", check=0)
    assert answers(net, "web", "store") == [address(net, "store")]
    net.cli("rm", "-f", "store", check=0)
    assert ask(net, "web", "store")["rcode"] == 2


def test_other_networks_names_are_not_known(net):
    net.cli("network", "create", "other", check=0)
    run(net, "web", "--dns", "127.0.0.1")
    run(net, "far", network="other")
    assert ask(net, "web", "far")["rcode"] == 2
    # A live connect makes it known, and takes it away again.
    net.cli("network", "connect", "--alias", "near", "net", "far", check=0)
    assert answers(net, "web", "near") == [address(net, "far")]
    assert answers(net, "far", "web") == [address(net, "web")]
    net.cli("network", "disconnect", "net", "far", check=0)
    assert ask(net, "web", "near")["rcode"] == 2


def test_a_container_of_the_default_bridge_gets_the_resolver_with_its_first_network(net):
    net.cli("run", "-d", "--name", "late", "busybox", "sleep", "1000", check=0)
    run(net, "web")
    show = ("exec", "late", "cat", "/etc/resolv.conf")
    assert "nameserver 127.0.0.11" not in net.cli(*show, check=0).stdout
    net.cli("network", "connect", "net", "late", check=0)
    assert "nameserver 127.0.0.11" in net.cli(*show, check=0).stdout
    assert answers(net, "late", "web") == [address(net, "web")]
    net.cli("network", "disconnect", "net", "late", check=0)
    assert "nameserver 127.0.0.11" not in net.cli(*show, check=0).stdout


def test_unknown_names_are_asked_of_the_given_server(net, upstream):
    run(net, "web", "--dns", "127.0.0.1")
    run(net, "db")
    assert answers(net, "web", "example.org") == ["192.0.2.53"]
    assert answers(net, "web", "example.org") == ["192.0.2.53"]
    assert upstream() == ["udp example.org"], "the second answer comes from the cache"
    assert ask(net, "web", "big.example")["cut"]
    assert answers(net, "web", "big.example", "A", "tcp") == ["192.0.2.53"]
    # Names of containers stay here, whatever is asked of them.
    assert ask(net, "web", "db", "TXT")["rcode"] == 0
    assert upstream() == ["udp example.org", "udp big.example", "tcp big.example"]


def test_an_internal_network_leaks_no_question(net, upstream):
    net.cli("network", "create", "--internal", "inner", check=0)
    for name in ("web", "db"):
        run(net, name, "--dns", "127.0.0.1", network="inner")
    assert answers(net, "web", "db") == [address(net, "db", "inner")]
    for transport in ((), ("tcp",)):
        assert ask(net, "web", "secret.example", "A", *transport)["rcode"] == 2
    assert ask(net, "web", "1.2.0.192.in-addr.arpa", "PTR")["rcode"] == 2
    assert upstream() == []


def test_names_are_answered_while_no_engine_runs(net):
    run(net, "web")
    run(net, "db")
    ip = address(net, "web")
    command = inside(net, "db", "ask", "web", "A")
    net.kill()
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout)["answers"] == [ip]
    net.start()
    assert answers(net, "db", "web") == [ip]
    run(net, "new")
    assert answers(net, "db", "new") == [address(net, "new")]


def test_a_killed_resolver_is_replaced_and_no_question_is_lost(net):
    run(net, "web")
    for _ in range(3):
        pid = resolver_pid(net)
        os.kill(pid, signal.SIGKILL)
        assert answers(net, "web", "web") == [address(net, "web")]
        wait_until(lambda: resolver_pid(net) not in (None, pid), what="another resolver")


def test_engine_and_resolver_killed_together_come_back(net):
    run(net, "web")
    pid = resolver_pid(net)
    net.kill()
    os.kill(pid, signal.SIGKILL)
    net.start()
    assert answers(net, "web", "web") == [address(net, "web")]


def test_the_resolver_ends_with_the_last_container_of_a_dead_engine(net):
    run(net, "web")
    pid = net.inspect("web")["State"]["Pid"]
    assert resolver_pid(net)
    net.kill()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: resolver_pid(net) is None, what="end of the resolver")
    net.start()


def test_no_question_is_lost_while_the_engine_is_killed_ten_times(net):
    # WHERRY_DNS_QUESTIONS=10000 is the full run.
    questions = int(os.environ.get("WHERRY_DNS_QUESTIONS", "1000"))
    run(net, "web")
    run(net, "db")
    rate = 200
    flood = subprocess.Popen(inside(net, "db", "flood", "web", rate, questions),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for _ in range(10):
        time.sleep(questions / rate / 12)
        net.kill()
        net.start()
    assert flood.poll() is None
    result = json.loads(flood.communicate(timeout=questions / rate + 60)[0])
    print(result)
    assert result["unanswered"] == 0 and result["refused"] == 0, result
    assert result["answered"] == result["asked"] >= questions


def test_hosts_follows_connect_and_disconnect_of_a_running_container(net):
    net.cli("network", "create", "other", check=0)
    run(net, "web", "--hostname", "shop")
    net.cli("exec", "web", "sh", "-c", "echo '10.1.1.1 mine' >> /etc/hosts", check=0)
    own = lambda: [line for line in net.cli("exec", "web", "cat", "/etc/hosts", check=0)  # noqa: E731
                   .stdout.splitlines() if "shop" in line or "mine" in line]
    first = f"{address(net, 'web')}\tshop"
    assert own() == [first, "10.1.1.1 mine"]
    net.cli("network", "connect", "other", "web", check=0)
    assert own() == [first, "10.1.1.1 mine", f"{address(net, 'web', 'other')}\tshop"]
    net.cli("network", "disconnect", "net", "web", check=0)
    assert own() == ["10.1.1.1 mine", f"{address(net, 'web', 'other')}\tshop"]


def test_ndots_of_the_container_keep_bare_names_here(net, upstream):
    run(net, "web", "--dns", "127.0.0.1", "--dns-option", "ndots:2", "--dns-option", "timeout:3")
    shown = net.cli("exec", "web", "cat", "/etc/resolv.conf", check=0).stdout
    assert "options ndots:2 timeout:3" in shown
    assert ask(net, "web", "bare")["answers"] == []
    assert answers(net, "web", "two.dots") == ["192.0.2.53"]
    assert upstream() == ["udp two.dots"]


def test_a_clean_end_of_the_engine_leaves_no_resolver(net):
    run(net, "web")
    assert resolver_pid(net)
    net.remove_containers()
    net.stop()
    wait_until(lambda: resolver_pid(net) is None, what="end of the resolver")
    net.start()


def test_a_cleaned_engine_leaves_no_resolver(net):
    run(net, "web")
    net.stop()
    assert resolver_pid(net), "containers live on, and so do their names"
    done = net.sandbox.run(BIN / "wherryd", "--cleanup", "--data-root", net.data, "--exec-root",
                           net.run_root, "--config-file", net.directory / "daemon.json")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: resolver_pid(net) is None, what="end of the resolver")
    net.start()


def test_the_resolver_holds_no_pipe_of_whoever_started_the_engine(net):
    run(net, "web")
    targets = [os.readlink(f"/proc/{resolver_pid(net)}/fd/{number}") for number in range(3)]
    assert targets == ["/dev/null", "/dev/null", str(net.log)]


def test_the_resolver_has_no_rights(net):
    run(net, "web")
    status = pathlib.Path(f"/proc/{resolver_pid(net)}/status").read_text()
    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "Seccomp:\t2"):
        assert line in status
