"""Gauntlet D01 to D06 through load and through pull: both doors give the same verdict, and nothing
outside of the layer changes. D07 is in tests/integration/test_pull_faults.py."""
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile

import pytest
from fake_registry import Image
from lab import snapshot
from test_image_store import docker_archive
from test_pull_faults import TOOL, pull, registry, root, tool  # noqa: F401

pytestmark = pytest.mark.skipif(not TOOL.exists(), reason=f"{TOOL} is not built")


class Tar:
    """A layer, entry by entry, with names that no honest program writes."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name, data=b"", kind=tarfile.REGTYPE, link="", **facts):
        info = tarfile.TarInfo(name)
        info.size, info.type, info.linkname, info.mode = len(data), kind, link, 0o644
        for key, value in facts.items():
            setattr(info, key, value)
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def link(self, name, target):
        return self.add(name, kind=tarfile.SYMTYPE, link=target)

    def hard(self, name, target, **facts):
        return self.add(name, kind=tarfile.LNKTYPE, link=target, **facts)

    def folder(self, name):
        return self.add(name, kind=tarfile.DIRTYPE, mode=0o755)

    def done(self):
        self.tar.close()
        return self.buffer.getvalue()


# Name -> (what must become of it, the layers). OUT: a directory of the host that holds "secret".
ATTACKS = {
    "d01-dotdot": ("refused", lambda out: [Tar().add("../../../../../.." + out + "/evil", b"x")]),
    "d01-inner-dotdot": ("refused", lambda out: [Tar().add("a/../../../../../../.." + out + "/evil", b"x")]),
    "d01-absolute": ("contained", lambda out: [Tar().add(out + "/evil", b"x")]),
    "d01-slashes": ("contained", lambda out: [Tar().add("//" + out + "///evil", b"x")]),
    "d01-long": ("refused", lambda out: [Tar().add("a" * 4096, b"x")]),
    "d01-nul": ("refused", lambda out: [Tar().add("x", b"x", pax_headers={"path": "a\0/../../x"})]),
    "d02-link-then-file": ("refused", lambda out: [Tar().link("l", out).add("l/evil", b"x")]),
    "d02-relative-link": ("refused", lambda out: [Tar().link("l", "../../../../../../.." + out).add("l/evil", b"x")]),
    "d02-link-to-file": ("contained", lambda out: [Tar().link("l", out + "/secret").add("l", b"x")]),
    "d02-across-layers": ("contained", lambda out: [Tar().link("l", out), Tar().add("l/evil", b"x")]),
    "d02-opaque-across-layers": ("contained", lambda out: [Tar().link("l", out), Tar().add("l/.wh..wh..opq")]),
    "d03-absolute": ("refused", lambda out: [Tar().hard("h", out + "/secret")]),
    "d03-dotdot": ("refused", lambda out: [Tar().hard("h", "../../../../../.." + out + "/secret")]),
    "d03-through-link": ("refused", lambda out: [Tar().link("l", out).hard("h", "l/secret")]),
    "d03-lower-layer": ("refused", lambda out: [Tar().add("f", b"x"), Tar().hard("h", "f")]),
    "d03-itself": ("refused", lambda out: [Tar().hard("h", "h")]),
    "d04-mode-through-link": ("contained", lambda out: [
        Tar().add("l", kind=tarfile.SYMTYPE, link=out + "/secret", mode=0o4777, uid=99, gid=99, mtime=1,
                  pax_headers={"SCHILY.xattr.user.evil": "x"})]),
    "d04-hard-link-to-link": ("contained", lambda out: [
        Tar().link("l", out + "/secret").hard("h", "l", mode=0o4777, uid=99, gid=99)]),
    "d05-nothing": ("refused", lambda out: [Tar().add("d/.wh.")]),
    "d05-dotdot": ("refused", lambda out: [Tar().add("d/.wh...")]),
    "d05-parent": ("refused", lambda out: [Tar().add(".wh./x")]),
    "d05-children": ("refused", lambda out: [Tar().add(".wh.a/b")]),
    "d05-through-link": ("refused", lambda out: [Tar().link("l", out).add("l/.wh.secret")]),
    "d05-through-link-across-layers": ("contained", lambda out: [Tar().link("l", out), Tar().add("l/.wh.secret")]),
}


@pytest.fixture
def outside(tmp_path):
    """A folder of the host; afterwards the same to the inode, link count and time."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("canary")
    before = snapshot(folder)
    yield str(folder)
    assert snapshot(folder) == before


def contents(tool):
    return sorted(path.name for path in tool.root.glob("snapshots/layers/*")) + [
        path.name for path in (tool.root / "tmp").iterdir()]


@pytest.mark.parametrize("door", ["load", "pull"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_layer(tool, registry, outside, attack, door):  # noqa: F811
    verdict, build = ATTACKS[attack]
    image = Image([layer.done() for layer in build(outside)])
    registry.add(image)
    arguments = {"load": (["load"], {"input": docker_archive(image, "evil:1")}), "pull": (pull(registry), {})}[door]
    if verdict == "contained":
        tool.good(*arguments[0], **arguments[1])
        assert contents(tool)
        return
    assert tool.bad(*arguments[0], **arguments[1])
    # A good layer below the refused one is kept for another attempt, until the store is opened again.
    assert tool.images() == "" and contents(tool) == []


def test_d02_control_what_was_refused_is_not_in_the_way(tool, registry, outside):  # noqa: F811
    registry.add(Image([Tar().link("l", outside).add("l/evil", b"x").done()]))
    assert tool.bad(*pull(registry))
    honest = Image([Tar().add("fine", b"x").done()])
    registry.add(honest)
    tool.good(*pull(registry))
    assert honest.id in tool.images()


# --- D06 ------------------------------------------------------------------------------------

TEN_GIB = 10 << 30
PIECE = 64 << 20
SPACE = 300 << 20


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


PACKERS = {"gzip": lambda data: gzip.compress(data, 6, mtime=0), "zstd": zstd,
           "xz": lambda data: lzma.compress(data, preset=0)}


def bomb(pack):
    """A file of ten GiB of zeros, in as many members as it takes: they decompress one after another."""
    info = tarfile.TarInfo("zeros")
    info.size = TEN_GIB
    return pack(info.tobuf(tarfile.PAX_FORMAT)) + pack(bytes(PIECE)) * (TEN_GIB // PIECE)


@pytest.fixture
def small_disk(sandbox, tool):
    """The store lies on a disk of 300 MiB, in a mount namespace that the tool runs in."""
    tool.root.mkdir()
    mounted = sandbox.run("mount", "-t", "tmpfs", "-o", f"size={SPACE}", "small", tool.root)
    assert mounted.returncode == 0, mounted.stderr
    yield sandbox
    sandbox.run("umount", tool.root)


def used_bytes(box, folder):
    return int(box.run("du", "-sb", folder).stdout.split()[0])


def run_measured(box, command, data):
    """(exit code, standard error, peak resident set in bytes of the largest process)."""
    script = ("import os, resource, subprocess, sys; d = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024); sys.exit(d.returncode)")
    done = subprocess.run([sys.executable, "-c", script, *box.command(*command)], input=data, capture_output=True,
                          timeout=120)
    return done.returncode, done.stderr.decode(errors="replace"), int(done.stdout)


@pytest.mark.parametrize("packer", PACKERS)
def test_d06_a_bomb_ends_with_the_space(small_disk, tool, packer, tmp_path):  # noqa: F811
    data = bomb(PACKERS[packer])
    image = Image([Tar().add("fine", b"x").done()])
    if packer != "xz":  # of which layers are not made: there the archive itself is the bomb
        data = docker_archive(image, "b:1", layers=[data])
    code, error, peak = run_measured(small_disk, tool.command("load"), data)
    assert code == 1 and ("space" in error.lower() or "more than" in error), error
    assert peak < 256 << 20, peak
    left = small_disk.run(*tool.command("list"))
    assert left.stdout == "" and left.returncode == 0
    assert used_bytes(small_disk, tool.root) < 4 << 20
    # There is room for an honest one at once.
    code, error, _ = run_measured(small_disk, tool.command("load"), docker_archive(image, "b:1"))
    assert code == 0, error


def test_d06_a_million_members(tool):  # noqa: F811
    """Each is a whole gzip stream of nothing."""
    tar = Tar().add("fine", b"x").done()
    data = gzip.compress(tar, 1, mtime=0) + gzip.compress(b"", 1, mtime=0) * 1_000_000
    image = Image([tar])
    tool.run("load", input=docker_archive(image, "m:1", layers=[data]))
    assert os.listdir(tool.root / "tmp") == []


def test_d06_thousands_of_entries_of_one_name(tool):  # noqa: F811
    info = tarfile.TarInfo("same")
    tar = info.tobuf(tarfile.USTAR_FORMAT) * 20_000 + bytes(1024)
    tool.good("load", input=docker_archive(Image([tar]), "e:1"))
