"""A full disk: the error says so, the engine goes on, and space given back is enough."""
import subprocess
import tempfile

import pytest
from fixtures import Engine, Sandbox, make_images, require_root


@pytest.fixture
def small_engine(scratch):
    """An engine whose data root is a loop-mounted file system of 48 MiB."""
    require_root()
    box = Sandbox()
    image = scratch / "disk"
    with open(image, "wb") as file:
        file.truncate(48 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    (scratch / "data").mkdir()
    mounted = box.run("mount", "-o", "loop", image, scratch / "data")
    if mounted.returncode != 0:
        box.close()
        pytest.skip(f"needs loop devices: {mounted.stderr.strip()}")
    engine = Engine(box, scratch).start()
    yield engine
    engine.remove_containers()
    engine.close()
    box.run("umount", scratch / "data")
    box.close()


def test_no_space_is_named_and_survived(small_engine):
    engine = small_engine
    engine.load(make_images() / "busybox.tar")
    engine.cli("run", "-d", "--name", "lives", "busybox", "sleep", "900", check=0)
    engine.cli("run", "--name", "fills", "busybox", "sh", "-c",
               "dd if=/dev/zero of=/big bs=1M count=100 2>&1")
    with tempfile.NamedTemporaryFile() as tar:
        subprocess.run(["tar", "-cf", tar.name, "-C", make_images(), "alpine.tar"], check=True)
        loaded = engine.cli("load", "-i", make_images() / "alpine.tar")
    if loaded.returncode != 0:
        assert "no space left on device" in loaded.stderr.lower()
    for arguments in (["ps"], ["inspect", "lives"], ["logs", "lives"], ["images"]):
        engine.cli(*arguments, check=0)
    engine.cli("stop", "-t", "0", "lives", check=0)
    engine.cli("rm", "fills", "lives", check=0)
    engine.cli("run", "--rm", "busybox", "true", check=0)
