"""Beside other firewalls: our rules come back, and theirs are named."""
import json
import time

import pytest
from fixtures import wait_until


@pytest.fixture
def host(engine):
    engine.sandbox.run("nft", "delete", "table", "ip", "filter")
    yield engine
    for table in ("ip filter", "inet firewalld"):
        engine.sandbox.run("nft", "delete", "table", *table.split())
    engine.remove_containers()
    engine.cli("network", "prune", "-f", check=0)


def ruleset(engine):
    done = engine.sandbox.run("nft", "-j", "list", "ruleset")
    assert done.returncode == 0, done.stderr
    def plain(value):
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if key != "handle"}
        if isinstance(value, list):
            return sorted((plain(item) for item in value), key=json.dumps)
        return value
    return plain(json.loads(done.stdout)["nftables"])


def table_of(engine):
    """The engine's own table; it bears the engine's suffix."""
    tables = engine.sandbox.run("nft", "list", "tables", "inet").stdout.split()
    return next(name for name in tables if name.startswith("wherry"))


def rules_of(engine, text):
    if "TABLE" in text:
        text = text.replace("TABLE", table_of(engine))
    for line in text.strip().splitlines():
        done = engine.sandbox.run("nft", line)
        assert done.returncode == 0, done.stderr


WRITTEN_AGAIN = "were changed by somebody else and are written again"


def times_written_again(engine):
    return engine.log_text().count(WRITTEN_AGAIN)


def same_rules(engine, before):
    wait_until(lambda: ruleset(engine) == before, timeout_s=10, what="the rules")


@pytest.mark.parametrize("damage", ["flush ruleset", "delete table inet TABLE",
                                    "flush chain inet TABLE forward",
                                    "flush map inet TABLE ports_any",
                                    "insert rule inet TABLE forward accept"])
def test_rules_come_back(host, damage):
    host.cli("network", "create", "net", check=0)
    host.cli("network", "create", "--internal", "inner", check=0)
    host.cli("run", "-d", "--network", "net", "-p", "8080:80", "busybox", "sleep", "1000", check=0)
    host.cli("run", "-d", "--network", "net", "-p", "127.0.0.1:9090:80/udp", "busybox", "sleep",
             "1000", check=0)
    host.cli("run", "-d", "--name", "db", "busybox", "sleep", "1000", check=0)
    host.cli("run", "-d", "--link", "db", "busybox", "sleep", "1000", check=0)
    before = ruleset(host)
    already = times_written_again(host)
    for _ in range(3):
        rules_of(host, damage)
        same_rules(host, before)
        time.sleep(0.3)  # longer than the watch rests
    assert ruleset(host) == before
    written = times_written_again(host) - already
    # A slow host may see one damage as two. What must not be: an answer to our own answer.
    assert 3 <= written <= 6, f"written {written} times, not once each"
    time.sleep(1)
    assert times_written_again(host) - already == written, "left alone"


def test_our_own_changes_wake_nobody(host):
    already = times_written_again(host)
    host.cli("network", "create", "net", check=0)
    host.cli("run", "-d", "--network", "net", "-p", "20000-21000:20000-21000", "busybox", "sleep",
             "1000", check=0)
    host.cli("run", "--rm", "-p", "8080:80", "busybox", "true", check=0)
    # A table of a thousand ports is more than the watch's buffer holds.
    rules_of(host, "flush ruleset")
    wait_until(lambda: "20999" in json.dumps(ruleset(host)), what="the ports")
    time.sleep(1)
    assert times_written_again(host) - already == 1


def test_a_container_starts_while_rules_are_flushed(host):
    flushing = host.sandbox.popen("sh", "-c", "while :; do nft flush ruleset; done")
    try:
        for number in range(20):
            host.cli("run", "-d", "--name", f"web{number}", "-p", f"{9000 + number}:80",
                     "busybox", "sh", "-c", "while true; do echo hello | nc -l -p 80; done", check=0)
            if number % 4 == 3:
                host.cli("rm", "-f", f"web{number}", check=0)
                host.cli("network", "create", f"n{number}", check=0)
    finally:
        flushing.kill()
        flushing.wait()
    def answers(port):
        # Who connects in the instant without rules waits at the socket that holds the port.
        return host.sandbox.run("timeout", "2", "busybox", "nc", "-w", "1", "127.0.0.1",
                                str(port)).stdout
    for number in (n for n in range(20) if n % 4 != 3):
        wait_until(lambda: answers(9000 + number) == "hello\n", what=f"web{number}")
    ports = json.dumps(ruleset(host))
    assert "9002" in ports and "9003" not in ports, "what was removed meanwhile is not back"


def test_rules_flushed_while_the_engine_is_dead_come_back_with_it(host):
    host.cli("network", "create", "net", check=0)
    host.cli("run", "-d", "--network", "net", "-p", "8080:80", "busybox", "sleep", "1000", check=0)
    before = ruleset(host)
    host.kill()
    rules_of(host, "flush ruleset")
    host.start()
    same_rules(host, before)
    # Killed in the middle of writing them again.
    for _ in range(5):
        rules_of(host, "flush ruleset")
        host.kill()
        host.start()
        same_rules(host, before)


def test_tables_of_others_are_not_touched(host):
    rules_of(host, "add table ip filter\nadd chain ip filter mine\nadd rule ip filter mine counter")
    shown = host.sandbox.run("nft", "list", "table", "ip", "filter").stdout
    table = table_of(host)
    rules_of(host, "flush chain inet TABLE forward")
    wait_until(lambda: "nobody else" in host.sandbox.run(
        "nft", "list", "chain", "inet", table, "forward").stdout, what="the rules")
    assert host.sandbox.run("nft", "list", "table", "ip", "filter").stdout == shown


def create(host, *flags):
    return host.cli("network", "create", *flags, "net", check=0).stderr


def test_a_chain_that_drops_by_policy_is_named(host):
    # As docker and ufw leave it.
    rules_of(host, "add table ip filter\nadd chain ip filter FORWARD "
                   "{ type filter hook forward priority 0; policy drop; }")
    assert "WARNING: firewall chain ip filter FORWARD drops forwarded packets" in create(host)
    assert "ip filter FORWARD drops forwarded packets" in host.cli("system", "check").stdout
    warning = "WARNING: firewall chain ip filter FORWARD drops forwarded packets"
    assert warning in host.cli("info", check=0).stderr
    host.kill()
    host.start()
    assert 'ip filter FORWARD' in host.log_text(), "named in the log"
    host.cli("network", "rm", "net", check=0)
    assert create(host, "--internal") == ""


def test_a_chain_whose_last_rule_rejects_is_named(host):
    # As firewalld leaves it.
    rules_of(host, "add table inet firewalld\nadd chain inet firewalld filter_FORWARD "
                   "{ type filter hook forward priority 10; policy accept; }\n"
                   "add rule inet firewalld filter_FORWARD ct state established accept\n"
                   "add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited")
    assert "inet firewalld filter_FORWARD" in create(host)


def test_chains_that_let_pass_are_not_named(host):
    rules_of(host, "add table ip filter\nadd chain ip filter FORWARD "
                   "{ type filter hook forward priority 0; policy accept; }\n"
                   "add rule ip filter FORWARD ip saddr 192.0.2.1 drop")
    assert create(host) == ""
    assert "drops forwarded" not in host.cli("system", "check").stdout
    assert "drops forwarded" not in host.cli("info", check=0).stderr
