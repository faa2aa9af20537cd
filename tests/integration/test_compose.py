"""Debian's docker-compose 1.29 brings up an app of three services, and takes it down."""
import json
import os
import subprocess

import pytest

from fixtures import ROOT, wait_until

PACKAGES = ["docker-compose", "python3-docker", "python3-distro", "python3-dockerpty", "python3-docopt",
            "python3-dotenv", "python3-jsonschema", "python3-attr", "python3-pyrsistent",
            "python3-texttable", "python3-websocket", "python3-yaml", "python3-requests", "python3-urllib3",
            "python3-chardet", "python3-idna", "python3-certifi", "python3-six", "python3-setuptools",
            "python3-pkg-resources", "python3-distutils", "python3-lib2to3"]
APP = """
version: "3.7"
services:
  store:
    image: busybox
    command: ["sh", "-c", "echo stored > /data/file; echo store is up; exec sleep 900"]
    volumes: ["data:/data"]
    networks: [back]
  app:
    image: busybox
    command: ["sh", "-c", "while true; do echo from $$HOSTNAME | nc -l -p 7000; done"]
    depends_on: [store]
    environment: {MODE: fast}
    volumes: ["data:/shared:ro"]
    networks:
      back: {aliases: [backend]}
      front: {}
    restart: unless-stopped
  web:
    image: busybox
    command: ["sh", "-c", "while true; do nc app 7000 </dev/null | nc -l -p 80; done"]
    depends_on: [app]
    ports: ["8090:80"]
    networks: [front]
    stop_grace_period: 1s
    labels: {tier: edge}
networks:
  front: {}
  back: {internal: true}
volumes:
  data: {}
"""


@pytest.fixture(scope="module")
def paths():
    done = subprocess.run([str(ROOT / "scripts/peers"), *PACKAGES], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"needs Debian's packages: {done.stderr.strip()}")
    folders = done.stdout.split()
    return folders[0] + "/usr/bin/docker-compose", ":".join(f"{folder}/usr/lib/python3/dist-packages"
                                                            for folder in folders)


@pytest.fixture
def compose(engine, paths, scratch):
    project = scratch / "shop"
    project.mkdir(exist_ok=True)
    (project / "docker-compose.yml").write_text(APP)
    program, search = paths

    def run(*arguments, check=0, **environment):
        done = subprocess.run(
            ["/usr/bin/python3", program, "--no-ansi", *arguments], cwd=project, capture_output=True, text=True,
            timeout=60, env={**os.environ, **engine.client_environment(), "PYTHONPATH": search,
                             "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore", **environment})
        assert check is None or done.returncode == check, f"{arguments}: {done.stdout}{done.stderr}"
        return done
    yield run
    run("down", "-v", "-t", "0", check=None)


def names(engine):
    return set(engine.cli("ps", "--format", "{{.Names}}", check=0).stdout.split())


def test_an_app_of_three_services_comes_up_and_goes_down(engine, compose):
    compose("up", "-d")
    assert names(engine) == {"shop_store_1", "shop_app_1", "shop_web_1"}
    rows = compose("ps").stdout.splitlines()[2:]
    assert len(rows) == 3 and all(" Up " in row for row in rows)
    assert "0.0.0.0:8090->80/tcp" in next(row for row in rows if "web" in row)
    assert compose("ps", "-q", "app").stdout.strip() == engine.inspect("shop_app_1")["Id"]
    wait_until(lambda: "store is up" in compose("logs", "store").stdout, what="log of the store")
    assert compose("exec", "-T", "app", "cat", "/shared/file").stdout == "stored\n"
    assert compose("exec", "-T", "app", "sh", "-c", "echo $MODE; exit 3", check=3).stdout == "fast\n"
    assert "Read-only" in compose("exec", "-T", "app", "touch", "/shared/x", check=1).stderr
    asked = engine.sandbox.run("busybox", "nc", "-w", "5", "127.0.0.1", "8090").stdout
    assert asked == f"from {engine.inspect('shop_app_1')['Id'][:12]}\n"
    assert engine.cli("exec", "shop_store_1", "nslookup", "web").returncode != 0, "another network"
    compose("down", "-v", "-t", "0")
    assert names(engine) == set()
    assert "shop" not in engine.cli("network", "ls", check=0).stdout
    assert "shop" not in engine.cli("volume", "ls", check=0).stdout


def test_up_again_changes_what_has_changed_only(engine, compose, scratch):
    compose("up", "-d")
    before = {name: engine.inspect(name)["Id"] for name in names(engine)}
    compose("up", "-d")
    assert {name: engine.inspect(name)["Id"] for name in names(engine)} == before
    (scratch / "shop/docker-compose.yml").write_text(APP.replace("MODE: fast", "MODE: slow"))
    # It reads a member that images have before 1.45 only: against dockerd it needs this, too.
    compose("up", "-d", "-t", "0", COMPOSE_API_VERSION="1.44")
    after = {name: engine.inspect(name)["Id"] for name in names(engine)}
    assert after["shop_store_1"] == before["shop_store_1"]
    assert after["shop_app_1"] != before["shop_app_1"]
    assert compose("exec", "-T", "app", "sh", "-c", "echo $MODE").stdout == "slow\n"


def test_scale_restart_stop_and_start(engine, compose):
    compose("up", "-d", "--scale", "app=3")
    assert {f"shop_app_{number}" for number in (1, 2, 3)} <= names(engine)
    found = engine.cli("exec", "shop_store_1", "nslookup", "-type=a", "backend", check=0).stdout
    addresses = {engine.inspect(f"shop_app_{n}")["NetworkSettings"]["Networks"]["shop_back"]["IPAddress"]
                 for n in (1, 2, 3)}
    assert len(addresses) == 3 and all(address in found for address in addresses)
    compose("up", "-d", "-t", "0", "--scale", "app=1")
    assert "shop_app_2" not in names(engine)
    started = engine.inspect("shop_app_1")["State"]["StartedAt"]
    compose("restart", "-t", "0", "app")
    assert engine.inspect("shop_app_1")["State"]["StartedAt"] > started
    compose("stop", "-t", "0")
    assert names(engine) == set()
    compose("start")
    assert len(names(engine)) == 3
    compose("kill", "web")
    compose("rm", "-f", "web")
    assert "shop_web_1" not in engine.cli("ps", "-a", check=0).stdout


def test_run_top_port_events_and_config(engine, compose):
    compose("up", "-d")
    done = compose("run", "--rm", "-T", "-e", "X=y", "app", "sh", "-c", "echo $X; nc -w 2 store 1; exit 4", check=4)
    assert done.stdout == "y\n"
    assert compose("port", "web", "80").stdout == "0.0.0.0:8090\n"
    assert "nc -l -p 7000" in compose("top", "app").stdout
    compose("pause", "app")
    assert engine.inspect("shop_app_1")["State"]["Paused"]
    compose("unpause", "app")
    assert "busybox" in compose("images").stdout
    labels = json.loads(engine.cli("inspect", "-f", "{{json .Config.Labels}}", "shop_web_1", check=0).stdout)
    assert labels["tier"] == "edge" and labels["com.docker.compose.service"] == "web"
