"""`--link`: on the default bridge by hosts file, environment and firewall; on user networks by
the resolver."""
import json

import pytest


@pytest.fixture
def host(engine):
    yield engine
    engine.remove_containers()
    engine.cli("network", "prune", "-f", check=0)


def serve(engine, name, *flags, port=7000):
    engine.cli("run", "-d", "--name", name, *flags, "busybox", "sh", "-c",
               f"while true; do echo hello-from-{name} | nc -l -p {port}; done", check=0)


def talk(engine, container, target, port=7000):
    return engine.cli("exec", container, "sh", "-c",
                      f"for i in 1 2 3; do nc -w 1 {target} {port} </dev/null && break; sleep 0.2; done").stdout


def bridge_ip(engine, name):
    return engine.inspect(name)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]


def run(engine, name, *flags):
    engine.cli("run", "-d", "--name", name, *flags, "busybox", "sleep", "1000", check=0)


def test_a_link_reaches_its_target_and_nobody_else_does(host):
    serve(host, "db", "--hostname", "store")
    run(host, "web", "--link", "db:data")
    run(host, "other")
    ip = bridge_ip(host, "db")
    for name in ("data", "store", "db", ip):
        assert talk(host, "web", name) == "hello-from-db\n", name
    assert talk(host, "other", ip) == ""
    serve(host, "third")
    assert talk(host, "web", bridge_ip(host, "third")) == "", "a link is for its target alone"
    assert host.inspect("web")["HostConfig"]["Links"] == ["/db:/web/data"]
    assert f"{ip}\tdata store db\n" in host.cli("exec", "web", "cat", "/etc/hosts", check=0).stdout


def test_the_way_back_is_no_link(host):
    serve(host, "db")
    serve(host, "web", "--link", "db")
    assert talk(host, "web", "db") == "hello-from-db\n"
    assert talk(host, "db", bridge_ip(host, "web")) == ""


def test_variables_of_the_target(host):
    run(host, "db", "-e", "MODE=fast", "--expose", "5432", "--expose", "53/udp", "--expose", "90-92")
    run(host, "web", "--link", "db:my-db", "-e", "MY_DB_NAME=mine")
    ip = bridge_ip(host, "db")
    for command in (("exec", "web", "env"), ("exec", "web", "cat", "/proc/1/environ")):
        shown = host.cli(*command, check=0).stdout.replace("\0", "\n").splitlines()
        found = {line for line in shown if line.startswith("MY_DB_")}
        assert {f"MY_DB_PORT=udp://{ip}:53", f"MY_DB_PORT_5432_TCP=tcp://{ip}:5432",
                f"MY_DB_PORT_5432_TCP_ADDR={ip}", "MY_DB_PORT_5432_TCP_PORT=5432",
                "MY_DB_PORT_5432_TCP_PROTO=tcp", f"MY_DB_PORT_53_UDP=udp://{ip}:53",
                f"MY_DB_PORT_90_TCP_START=tcp://{ip}:90", f"MY_DB_PORT_90_TCP_END=tcp://{ip}:92",
                "MY_DB_ENV_MODE=fast", "MY_DB_NAME=mine"} <= found
        assert not any("ENV_PATH" in line for line in found)


def test_a_link_follows_its_target_to_another_address(host):
    serve(host, "db")
    run(host, "web", "--link", "db")
    before = bridge_ip(host, "db")
    host.cli("stop", "-t", "0", "db", check=0)
    serve(host, "thief")
    assert bridge_ip(host, "thief") == before
    assert talk(host, "web", before) == "", "the address is somebody else's now"
    host.cli("rename", "db", "database", check=0)
    host.cli("start", "database", check=0)
    assert bridge_ip(host, "database") != before
    assert talk(host, "web", bridge_ip(host, "database")) == "hello-from-db\n"
    assert talk(host, "web", "db") == "hello-from-db\n"
    assert host.inspect("web")["HostConfig"]["Links"] == ["/database:/web/db"]


def test_links_outlive_the_engine(host):
    serve(host, "db")
    run(host, "web", "--link", "db")
    host.kill()
    host.start()
    assert talk(host, "web", "db") == "hello-from-db\n"
    host.cli("restart", "-t", "0", "web", check=0)
    assert talk(host, "web", "db") == "hello-from-db\n"


def test_refusals(host):
    run(host, "db")
    run(host, "direct", "--network", "host")
    refuse = lambda *flags: host.cli("run", "--rm", *flags, "busybox", "true")  # noqa: E731
    assert "could not get container for nobody" in refuse("--link", "nobody").stderr
    assert "bad format for links: a:b:c" in refuse("--link", "a:b:c").stderr
    for flags in (("--network", "host", "--link", "db"), ("--link", "direct")):
        assert "host type networking can't be used with links" in refuse(*flags).stderr
    host.cli("create", "--name", "web", "--link", "db:x", "busybox", "true", check=0)
    host.cli("stop", "-t", "0", "db", check=0)
    assert "Cannot link to a non running container: /db AS /web/x" in host.cli("start", "web").stderr


def test_a_link_on_a_user_network_is_a_name_of_one_s_own(host):
    host.cli("network", "create", "net", check=0)
    serve(host, "db", "--network", "net")
    run(host, "web", "--network", "net", "--link", "db:data")
    run(host, "other", "--network", "net")
    assert talk(host, "web", "data") == "hello-from-db\n"
    assert talk(host, "other", "data") == ""
    shown = host.inspect("web")
    assert shown["NetworkSettings"]["Networks"]["net"]["Links"] == ["db:data"]
    assert shown["HostConfig"]["Links"] is None
    run(host, "late")
    host.cli("network", "connect", "--link", "db:late-data", "net", "late", check=0)
    assert talk(host, "late", "late-data") == "hello-from-db\n"


def test_docker_s_client_links_as_ours(host):
    serve(host, "db")
    host.docker("run", "-d", "--name", "web", "--link", "db:data", "busybox", "sleep", "1000", check=0)
    assert talk(host, "web", "data") == "hello-from-db\n"
    assert json.loads(host.docker("inspect", "web", check=0).stdout)[0]["HostConfig"]["Links"] == [
        "/db:/web/data"]


def test_a_link_is_removed_by_its_name(host):
    serve(host, "db")
    run(host, "web", "--link", "db:data", "--link", "db:other")
    ip = bridge_ip(host, "db")
    for name, text in (("web/none", "No such container: web/none"),
                       ("none/data", "No such container: none/data"),
                       ("web", "Conflict, cannot remove the default link name of the container")):
        assert text in host.cli("rm", "--link", name, check=1).stderr
    assert "No such container: web/data" in host.cli("rm", "web/data", check=1).stderr
    assert host.cli("rm", "--link", "/web/data", check=0).stdout == "/web/data\n"
    assert host.inspect("web")["HostConfig"]["Links"] == ["/db:/web/other"]
    assert "data" not in host.cli("exec", "web", "cat", "/etc/hosts", check=0).stdout
    assert talk(host, "web", ip) == "hello-from-db\n", "the other link is still there"
    host.cli("rm", "--link", "web/other", check=0)
    assert talk(host, "web", ip) == ""
    host.cli("restart", "-t", "0", "web", check=0)
    assert talk(host, "web", ip) == ""
    assert host.inspect("web")["HostConfig"]["Links"] is None
