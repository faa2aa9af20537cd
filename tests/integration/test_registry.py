"""Images to and from a real registry (Debian's docker-registry) through the running engine."""
import os
import subprocess

import pytest
from fixtures import BIN, IMAGES, ROOT, Engine


@pytest.fixture(scope="module")
def served(sandbox, registry, images):
    """The registry with library/alpine and library/hello-world in it."""
    script = (f". {ROOT}/scripts/lib/images.sh; "
              f"push_image http://{registry} library/alpine latest {IMAGES}/alpine.oci && "
              f"push_image http://{registry} library/hello-world latest {IMAGES}/hello.oci")
    done = subprocess.run(sandbox.command("sh", "-c", script), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return registry


@pytest.fixture(scope="module")
def mirrored(sandbox, scratch, served):
    """An engine whose docker.io is the registry."""
    directory = scratch / "mirrored"
    directory.mkdir()
    engine = Engine(sandbox, directory, "--registry-mirror", f"http://{served}").start()
    yield engine
    engine.remove_containers()
    engine.close()


def test_run_pulls_an_image_that_is_absent(mirrored):
    done = mirrored.cli("run", "--rm", "hello-world", check=0)
    assert done.stdout.startswith("\nHello from wherry!")
    assert done.stderr.startswith("Unable to find image 'hello-world:latest' locally\n")
    assert "Status: Downloaded newer image for hello-world:latest" in done.stderr


def test_pull_twice_says_that_nothing_changed(mirrored):
    first = mirrored.cli("pull", "alpine", check=0).stdout
    assert "Digest: sha256:" in first and first.endswith("docker.io/library/alpine:latest\n")
    again = mirrored.cli("pull", "alpine", check=0).stdout
    assert "Status: Image is up to date for alpine:latest" in again


def test_the_docker_client_pulls_too(mirrored):
    assert "docker.io/library/alpine:latest" in mirrored.docker("pull", "alpine", check=0).stdout


def test_push_and_pull_back_by_digest(mirrored, served):
    mirrored.cli("pull", "-q", "alpine", check=0)
    name = f"{served}/mine/copy:v1"
    mirrored.cli("tag", "alpine", name, check=0)
    pushed = mirrored.cli("push", name, check=0).stdout
    digest = pushed.split("digest: ")[1].split()[0]
    mirrored.cli("rmi", name, check=0)
    mirrored.cli("pull", f"{served}/mine/copy@{digest}", check=0)
    images = mirrored.cli("images", "--digests", f"{served}/mine/copy", check=0).stdout
    assert digest in images


def test_an_absent_tag_and_an_absent_registry_are_named(mirrored, served):
    absent = mirrored.cli("pull", f"{served}/library/alpine:absent", check=1).stderr
    assert "manifest unknown" in absent
    refused = mirrored.cli("pull", "127.0.0.1:1/x/y", check=1).stderr
    assert "127.0.0.1:1" in refused and "refused" in refused


def test_cleanup_leaves_nothing_of_an_engine(sandbox, scratch, images):
    directory = scratch / "cleaned"
    directory.mkdir()
    def bridges():
        return sandbox.run("ip", "-o", "link", "show", "type", "bridge").stdout.count("wherry")

    before = bridges()
    engine = Engine(sandbox, directory).start()
    engine.load(images / "busybox.tar")
    engine.cli("run", "-d", "--name", "left", "busybox", "sleep", "900", check=0)
    pid = engine.inspect("left")["State"]["Pid"]
    assert bridges() > before
    engine.stop()
    assert engine.processes(), "the keeper outlives the engine"
    done = sandbox.run(BIN / "wherryd", "--cleanup", "--data-root", engine.data, "--exec-root",
                       engine.run_root, "--config-file", directory / "daemon.json")
    assert done.returncode == 0, done.stderr
    assert not engine.processes()
    assert not os.path.exists(f"/proc/{pid}")
    assert bridges() == before
    engine.close()
