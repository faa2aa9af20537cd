"""A power cut right after "done" (fault R08): the image is there with every byte, or it is not
listed. The disk is a loop-mounted ext4 whose journal is never flushed again
(EXT4_IOC_SHUTDOWN, no log flush), so what was not synced is lost exactly as in a real cut."""
import hashlib
import io
import json
import random
import subprocess
import tarfile

import pytest
from fake_registry import Image, make_layer
from fixtures import Sandbox, require_root, wait_until
from test_pull_faults import TOOL

pytestmark = pytest.mark.skipif(not TOOL.exists(), reason=f"{TOOL} is not built")

CUT = """
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(fd, 0x8004587d, struct.pack("I", 2))  # EXT4_IOC_SHUTDOWN, NOLOGFLUSH
"""
# Reads and prints what survived, inside the namespace that has the mount.
LOOK = """
import hashlib, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("snapshots/layers/*/diff/*")):
    print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
"""


class Disk:
    """An ext4 in a file, mounted inside a Sandbox; commit=1000 keeps the journal back."""

    def __init__(self, directory):
        self.box = Sandbox()
        self.image = directory / "disk"
        self.root = directory / "data"
        with open(self.image, "wb") as file:
            file.truncate(256 << 20)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True)
        self.root.mkdir()

    def mount(self):
        return self.box.run("mount", "-o", "loop,commit=1000", self.image, self.root)

    def cut_power(self):
        cut = self.box.run("python3", "-c", CUT, self.root)
        assert cut.returncode == 0, cut.stderr
        assert self.box.run("umount", self.root).returncode == 0
        assert self.mount().returncode == 0

    def tool(self, *words):
        done = self.box.run(TOOL, self.root, "--fast", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write(self, name, text):
        self.box.run("sh", "-c", f"echo {text} > {self.root}/{name}")

    def read(self, name):
        return self.box.run("cat", self.root / name).stdout

    def files(self):
        return dict(line.split() for line in
                    self.box.run("python3", "-c", LOOK, self.root).stdout.splitlines())


@pytest.fixture
def disk(tmp_path):
    require_root()
    disk = Disk(tmp_path)
    mounted = disk.mount()
    if mounted.returncode != 0:
        disk.box.close()
        pytest.skip(f"needs loop devices: {mounted.stderr.strip()}")
    yield disk
    disk.box.run("umount", disk.root)
    disk.box.close()


def image_of_201_files():
    source = random.Random(8)
    contents = {f"file{i}": source.randbytes(source.randrange(1, 20_000)) for i in range(201)}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    names = sorted(contents)
    layers = [make_layer({name: contents[name] for name in part})
              for part in (names[:100], names[100:])]
    return Image(layers), hashes


def archive_of(disk, image):
    """The image as `docker save` writes it, beside the disk."""
    path = disk.image.parent / "image.tar"
    names = [f"{i}/layer.tar" for i in range(len(image.tars))]
    manifest = [{"Config": "config.json", "RepoTags": ["cut:1"], "Layers": names}]
    entries = {"config.json": image.config, **dict(zip(names, image.tars)),
               "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(path, "w") as tar:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_a_loaded_image_survives_the_cut_with_every_byte(disk):
    image, hashes = image_of_201_files()
    archive = archive_of(disk, image)
    with open(archive, "rb") as source:
        loaded = disk.box.run(TOOL, disk.root, "--fast", "load", stdin=source)
    assert loaded.returncode == 0, loaded.stderr
    disk.write("unsynced", "lost")
    disk.cut_power()
    # The proof that the cut is one: what nobody synced is gone.
    assert disk.read("unsynced") == ""
    assert "cut" in disk.tool("list")
    assert disk.files() == hashes


def test_a_store_cut_in_the_middle_of_a_load_goes_on(disk):
    image, hashes = image_of_201_files()
    archive = archive_of(disk, image)
    for delay_ms in (5, 20, 40, 80):
        with open(archive, "rb") as source:
            loading = disk.box.popen(TOOL, disk.root, "--fast", "load", stdin=source,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                loading.wait(delay_ms / 1000)
            except subprocess.TimeoutExpired:
                pass  # still at work: the moment of the cut
            disk.box.run("python3", "-c", CUT, disk.root)
            loading.kill()
            loading.wait()
        # The unpack workers of the killed loader end by themselves a moment later.
        wait_until(lambda: disk.box.run("umount", disk.root).returncode == 0, what="umount")
        assert disk.mount().returncode == 0
        listed = "cut" in disk.tool("list")
        assert not listed or disk.files() == hashes, delay_ms
    with open(archive, "rb") as source:
        assert disk.box.run(TOOL, disk.root, "--fast", "load", stdin=source).returncode == 0
    assert disk.files() == hashes
