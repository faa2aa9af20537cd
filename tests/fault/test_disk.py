"""A full disk: the error says so, the engine goes on, what frees space works, and space given back is
enough."""
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from fixtures import BIN, Engine, Sandbox, make_images, require_root, wait_until


@pytest.fixture
def small_engine():
    """An engine whose data root is a loop-mounted file system of 48 MiB."""
    require_root()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="wherry-it-"))
    box = Sandbox()
    image = scratch / "disk"
    with open(image, "wb") as file:
        file.truncate(48 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    (scratch / "data").mkdir()
    mounted = box.run("mount", "-o", "loop", image, scratch / "data")
    if mounted.returncode != 0:
        box.close()
        shutil.rmtree(scratch)
        pytest.skip(f"needs loop devices: {mounted.stderr.strip()}")
    engine = Engine(box, scratch).start()
    try:
        yield engine
        make_room(engine)
        if engine.process.poll() is not None:
            engine.start()
        engine.remove_containers()
    finally:
        engine.close()
        box.run("umount", scratch / "data")
        box.close()
        shutil.rmtree(scratch)


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


def fill(engine):
    """Takes every free block of the data root: what the last byte needs is not there."""
    ballast = engine.data / "ballast"
    script = (f"dd if=/dev/zero of={ballast} bs=1M oflag=append conv=notrunc,fsync;"
              f"dd if=/dev/zero of={ballast} bs=4k oflag=append conv=notrunc,fsync;"
              f"stat -f -c %a {engine.data}")
    done = engine.sandbox.run("sh", "-c", script)
    assert done.stdout.split()[-1] == "0", done.stdout + done.stderr


def make_room(engine):
    engine.sandbox.run("rm", "-f", engine.data / "ballast")


@pytest.fixture
def full_engine(small_engine):
    """Containers of every state, a volume, a network and a second image, then not one free block."""
    engine = small_engine
    engine.load(make_images() / "busybox.tar", make_images() / "hello.tar")
    for name in ("stopme", "killme", "forced", "ends"):
        engine.cli("run", "-d", "--tmpfs", "/t", "--name", name, "busybox", "sh", "-c",
                   "while [ ! -e /t/end ]; do usleep 100000; done; exit 7", check=0)
    engine.cli("create", "--name", "created", "-v", "kept:/kept", "-v", "/anonymous", "busybox", check=0)
    engine.cli("volume", "create", "spare", check=0)
    engine.cli("network", "create", "spare", check=0)
    fill(engine)
    yield engine
    make_room(engine)


def names(engine, *arguments):
    return engine.cli(*arguments, "--format", "{{.Name}}", check=0).stdout.split()


def test_everything_that_frees_space_works_on_a_full_disk(full_engine):
    engine = full_engine
    engine.cli("stop", "-t", "0", "stopme", check=0)
    engine.cli("kill", "killme", check=0)
    engine.cli("rm", "stopme", "killme", check=0)
    engine.cli("rm", "-f", "forced", check=0)
    engine.cli("rm", "-v", "created", check=0)
    engine.cli("volume", "rm", "kept", "spare", check=0)
    engine.cli("network", "rm", "spare", check=0)
    engine.cli("rmi", "hello-world", check=0)
    assert engine.cli("ps", "-a", "--format", "{{.Names}}", check=0).stdout.split() == ["ends"]
    assert names(engine, "volume", "ls") == []
    assert "spare" not in names(engine, "network", "ls")
    assert engine.cli("images", "--format", "{{.Repository}}", check=0).stdout.split() == ["busybox"]


def test_what_was_done_on_a_full_disk_outlives_the_engine(full_engine):
    engine = full_engine
    engine.cli("rm", "-f", "forced", "killme", check=0)
    engine.cli("stop", "-t", "0", "stopme", check=0)
    engine.cli("volume", "rm", "spare", check=0)
    # Killed while the disk is full, and started on the full disk again.
    engine.kill()
    fill(engine)
    engine.start()
    states = dict(line.split() for line in engine.cli(
        "ps", "-a", "--format", "{{.Names}} {{.State}}", check=0).stdout.splitlines())
    assert states == {"stopme": "exited", "ends": "running", "created": "created"}
    assert "spare" not in names(engine, "volume", "ls")
    engine.cli("rm", "-f", "stopme", "ends", "created", check=0)


def test_an_engine_starts_on_a_full_disk_after_a_clean_stop(full_engine):
    engine = full_engine
    engine.stop()
    fill(engine)
    engine.start()
    engine.cli("rm", "-f", "stopme", "killme", "forced", "ends", "created", check=0)
    assert engine.cli("ps", "-aq", check=0).stdout == ""


def test_the_end_of_a_container_is_recorded_on_a_full_disk(full_engine):
    engine = full_engine
    waiter = engine.sandbox.popen(BIN / "wherry", "wait", "ends", stdout=subprocess.PIPE, text=True,
                                  env=engine.client_environment())
    engine.cli("exec", "ends", "touch", "/t/end", check=0)
    assert waiter.communicate(timeout=60)[0].strip() == "7"
    engine.kill()
    engine.start()
    state = engine.inspect("ends")["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 7)


def test_what_needs_space_says_so_by_name(full_engine):
    engine = full_engine
    for arguments in (["create", "busybox"], ["run", "--rm", "busybox", "true"],
                      ["volume", "create", "more"], ["network", "create", "more"],
                      ["load", "-i", make_images() / "alpine.tar"]):
        fill(engine)
        done = engine.cli(*arguments)
        assert done.returncode != 0, arguments
        assert "no space left on device" in done.stderr.lower(), (arguments, done.stderr)
    for name in ("stopme", "killme", "forced", "ends"):
        assert engine.inspect(name)["State"]["Running"], name


def test_the_reserve_is_made_again_when_there_is_space(full_engine):
    engine = full_engine
    reserve = engine.data / "wherry.db-reserve"

    def allocated():
        return int(engine.sandbox.run("stat", "-c", "%b", reserve).stdout) * 512
    whole = allocated()
    assert whole >= 1 << 20
    engine.stop()
    fill(engine)
    engine.start()
    assert allocated() < whole
    make_room(engine)
    wait_until(lambda: allocated() == whole, 60, "the reserve is whole")
