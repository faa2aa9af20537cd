"""Gauntlet J01 to J03: what lies on the disk, and what an image may ask for by its words."""
import io
import json
import os
import stat
import subprocess
import tarfile

import pytest
from fake_registry import Image
from fixtures import BIN, Engine, wait_until
from test_image_store import docker_archive


def layer_with_setuid():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("bin/owned")
        info.mode, info.size = 0o4755, 5
        tar.addfile(info, io.BytesIO(b"\x7fELF!"))
    return buffer.getvalue()


def as_user(*command):
    """As an ordinary user of the host, without any group."""
    return subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *command],
                          capture_output=True, text=True, timeout=60)


@pytest.fixture
def passable(engine):
    """The test's own folder is as /var/lib: everybody may pass. What is left is the engine's doing."""
    engine.directory.chmod(0o711)
    assert as_user("stat", engine.data).returncode == 0  # the control
    yield engine
    engine.directory.chmod(0o700)


def test_j01_nothing_of_the_data_root_is_open_to_others(passable, tmp_path):
    engine = passable
    archive = tmp_path / "owned.tar"
    archive.write_bytes(docker_archive(Image([layer_with_setuid()]), "owned:1"))
    engine.load(archive)
    engine.cli("run", "-d", "--name", "j01", "-v", "j01:/v", "busybox", "sh", "-c",
               "cp /bin/busybox /v/owned; chmod 4755 /v/owned; sleep 1000", check=0)
    in_volume = engine.data / "volumes/j01/_data/owned"
    wait_until(lambda: in_volume.exists() and in_volume.stat().st_mode & stat.S_ISUID, 30, "the volume's file")
    in_layer = [path for path in engine.data.rglob("bin/owned") if path.is_file()]
    assert in_layer and in_layer[0].stat().st_mode & stat.S_ISUID  # the control: it is there, for root
    reached = [path for path in (in_volume, in_layer[0], in_volume.parent, engine.data / "wherry.db",
                                 engine.data / "containers" / engine.inspect("j01")["Id"] / "hostname")
               if as_user("stat", path).returncode == 0]
    assert not reached
    engine.cli("rm", "-f", "-v", "j01", check=0)
    engine.cli("rmi", "owned:1", check=0)


def test_j01_modes_of_the_roots(passable):
    engine = passable
    too_open = [f"{entry} {entry.lstat().st_mode & 0o777:o}" for root in (engine.data, engine.run_root)
                for entry in (root, *root.iterdir())
                if not stat.S_ISSOCK(entry.lstat().st_mode)
                and entry.lstat().st_mode & (0o066 if entry.is_dir() else 0o177)]
    assert not too_open


def test_j01_a_root_that_is_open_is_closed(sandbox, tmp_path):
    """As an older version left it."""
    (tmp_path / "data").mkdir(mode=0o755)
    engine = Engine(sandbox, tmp_path).start()
    try:
        assert engine.data.stat().st_mode & 0o777 == 0o710
    finally:
        engine.close()


def test_j01_the_socket_is_the_groups(passable):
    engine = passable
    status = os.stat(engine.socket)
    assert status.st_mode & 0o777 == 0o660 and status.st_uid == 0
    assert as_user("curl", "-s", "--unix-socket", engine.socket, "http://x/_ping").returncode != 0


# What other engines act upon when it stands among labels or annotations.
INTERNAL = {
    "containerd.io/restart.status": "running", "containerd.io/restart.policy": "always",
    "containerd.io/restart.loguri": "binary:///bin/touch?/tmp/wherry-j02-was-here",
    "io.containerd.image.config.stop-signal": "SIGKILL", "cdi.k8s.io/x": "vendor.com/device=all",
    "io.kubernetes.cri-o.userns-mode": "host", "io.kubernetes.cri-o.Devices": "/dev/mem",
    "org.opencontainers.image.privileged": "true", "run.oci.keep_original_groups": "1",
    "run.oci.hooks.stderr": "/tmp/wherry-j02-was-here", "run.oci.handler": "krun",
    "com.docker.network.bridge.name": "evil0", "io.wherry.restart": "always", "wherry.privileged": "true",
    "io.podman.annotations.privileged": "TRUE", "io.podman.annotations.init": "TRUE",
    "module.wasm.image/variant": "compat"}


@pytest.fixture
def labelled(engine, tmp_path, images):
    """busybox with those labels, and its name."""
    base = json.loads(engine.cli("inspect", "busybox", check=0).stdout)[0]
    with tarfile.open(images / "busybox.tar") as tar:
        manifest = json.load(tar.extractfile("manifest.json"))[0]
        layers = [tar.extractfile(name).read() for name in manifest["Layers"]]
    image = Image(layers, config={**base["Config"], "Labels": INTERNAL})
    archive = tmp_path / "labelled.tar"
    archive.write_bytes(docker_archive(image, "labelled:1"))
    engine.load(archive)
    yield "labelled:1"
    engine.remove_containers()
    engine.cli("rmi", "-f", "labelled:1", check=0)


def test_j02_labels_of_an_image_steer_nothing(engine, labelled):
    engine.cli("create", "--name", "plain", "busybox", "sleep", "1000", check=0)
    engine.cli("create", "--name", "steered", labelled, "sleep", "1000", check=0)
    plain, steered = engine.inspect("plain"), engine.inspect("steered")
    assert steered["Config"]["Labels"].items() >= INTERNAL.items()  # the control: they are there
    assert steered["HostConfig"] == plain["HostConfig"]
    script = ("cat /proc/1/status | grep -E 'Cap|Seccomp|NoNew|Groups'; ls /dev | grep -v stdin; "
              "cat /proc/1/comm; cut -d' ' -f5- /proc/self/mountinfo | wc -l; id -G")
    assert engine.cli("run", "--rm", labelled, "sh", "-c", script, check=0).stdout == \
        engine.cli("run", "--rm", "busybox", "sh", "-c", script, check=0).stdout
    assert not os.path.exists("/tmp/wherry-j02-was-here")


def test_j02_labels_do_not_restart_a_container(engine, labelled):
    engine.cli("run", "--name", "ends", labelled, "false", check=1)
    assert engine.inspect("ends")["RestartCount"] == 0
    assert engine.inspect("ends")["State"]["Status"] == "exited"
    assert engine.inspect("ends")["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")


# Nothing restores a checkpoint yet: whatever names one is refused before an archive is read.
@pytest.mark.parametrize("method, path, body", [
    ("POST", "/v1.50/containers/j03/checkpoints", {"CheckpointID": "../../etc", "CheckpointDir": "/etc"}),
    ("GET", "/v1.50/containers/j03/checkpoints?dir=/etc", None),
    ("DELETE", "/v1.50/containers/j03/checkpoints/a?dir=/etc", None),
    ("POST", "/v1.50/containers/j03/start?checkpoint=a&checkpoint-dir=/etc", None)])
def test_j03_a_checkpoint_is_not_available(engine, method, path, body):
    engine.cli("create", "--name", "j03", "busybox", "true", check=0)
    status, _, answer = engine.api(method, path, body)
    assert status == 501 and "not available" in json.loads(answer)["message"]
    assert engine.inspect("j03")["State"]["Status"] == "created"


@pytest.mark.parametrize("arguments", [["checkpoint", "--image-path", "/etc", "x"],
                                       ["restore", "--image-path", "/etc", "--bundle", "/", "x"]])
def test_j03_nor_to_the_runtime(arguments, tmp_path):
    done = subprocess.run([BIN / "wherry-runtime", "--root", tmp_path / "state", *arguments],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "not available" in done.stderr
