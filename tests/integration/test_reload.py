"""SIGHUP: the engine reads daemon.json again and takes what it can without a restart."""
import json
import os
import signal
import time

import pytest
from fake_registry import FakeRegistry, Image, make_layer
from fixtures import Engine, wait_until


@pytest.fixture(scope="module")
def reloaded(sandbox, scratch):
    directory = scratch / "reloaded"
    directory.mkdir()
    engine = Engine(sandbox, directory).start()
    yield engine
    engine.close()


def reload(engine, text):
    """Gives the new lines of the log."""
    before = len(engine.log_text())
    (engine.directory / "daemon.json").write_text(text)
    os.kill(engine.process.pid, signal.SIGHUP)
    wait_until(lambda: "SIGHUP" in engine.log_text()[before:], what="answer to SIGHUP")
    return engine.log_text()[before:]


def info(engine):
    return json.loads(engine.cli("info", "--format", "json", check=0).stdout)


def test_labels_and_debug_are_taken_and_told(reloaded):
    said = reload(reloaded, '{"labels": ["a=b"], "debug": true}')
    assert "labels: default -> [a=b]" in said and "debug: default -> [true]" in said
    assert info(reloaded)["Labels"] == ["a=b"] and info(reloaded)["Debug"] is True
    said = reload(reloaded, "{}")
    assert "labels: [a=b] -> default" in said
    assert info(reloaded)["Labels"] in ([], None) and info(reloaded)["Debug"] is False


def test_a_mirror_serves_the_next_pull(sandbox, reloaded):
    mirror = FakeRegistry(listener=sandbox.listen(("127.0.0.1", 6100)))
    mirror.add(Image([make_layer({"file": b"content"})]))
    try:
        reload(reloaded, json.dumps({"registry-mirrors": [f"http://{mirror.host}"]}))
        reloaded.cli("pull", "-q", "some/image", check=0)
        assert mirror.paths("GET", "/v2/some/image/")
        mirrors = info(reloaded)["RegistryConfig"]["IndexConfigs"]["docker.io"]["Mirrors"]
        assert mirrors == [f"http://{mirror.host}"]
    finally:
        mirror.close()


def test_what_needs_a_restart_is_named(reloaded):
    said = reload(reloaded, '{"bip": "10.77.0.1/24"}')
    assert "bip has changed and needs a restart" in said


@pytest.mark.parametrize("text", ["{", '{"nope": 1}', '{"registry-mirrors": ["http://u@h/?q"]}'])
def test_a_wrong_file_changes_nothing(reloaded, text):
    reload(reloaded, '{"labels": ["kept=yes"]}')
    assert "nothing was changed" in reload(reloaded, text)
    assert info(reloaded)["Labels"] == ["kept=yes"]
    reloaded.cli("ps", check=0)


def test_the_event_is_dockers(reloaded):
    since = f"{time.time():.9f}"
    reload(reloaded, '{"labels": ["x=y"]}')
    until = f"{time.time():.9f}"
    status, _, body = reloaded.api("GET", f"/events?since={since}&until={until}&filters="
                                          '%7B%22type%22%3A%7B%22daemon%22%3Atrue%7D%7D')
    assert status == 200
    events = [json.loads(line) for line in body.decode().splitlines()]
    assert [event["Action"] for event in events] == ["reload"]
    assert events[0]["Actor"]["Attributes"]["labels"] == '["x=y"]'
    assert events[0]["Actor"]["ID"] == info(reloaded)["ID"]


def test_containers_live_through_it(reloaded, images):
    reloaded.load(images / "busybox.tar")
    reloaded.cli("run", "-d", "--name", "on", "busybox", "sleep", "900", check=0)
    reload(reloaded, '{"max-concurrent-downloads": 2}')
    assert reloaded.inspect("on")["State"]["Running"]
    reloaded.cli("rm", "-f", "on", check=0)
