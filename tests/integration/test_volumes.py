"""Volumes through the running engine: data outlives containers, kills leave nothing half-made,
nothing from an image or a volume leads out of it."""
import json
import os
import pathlib
import subprocess
import time

import pytest
from fixtures import BIN, ROOT, wait_until


@pytest.fixture(autouse=True)
def no_volumes(engine):
    yield
    engine.remove_containers()
    names = engine.cli("volume", "ls", "-q", check=0).stdout.split()
    if names:
        engine.cli("volume", "rm", "-f", *names, check=0)
    volumes = engine.data / "volumes"
    wait_until(lambda: not [p for p in volumes.iterdir() if p.name != ".trash"]
               and not list((volumes / ".trash").iterdir()), what="empty volumes directory")


def run(engine, *arguments, check=0):
    return engine.cli("run", "--rm", "--network", "none", *arguments, check=check).stdout


def volumes_of(engine, *arguments):
    return engine.cli("volume", "ls", "-q", *arguments, check=0).stdout.split()


def test_data_survives_the_container_and_its_recreation(engine):
    for number in range(3):
        run(engine, "-v", "kept:/data", "busybox", "sh", "-c", f"echo {number} >> /data/log")
    assert run(engine, "-v", "kept:/other:ro", "busybox", "cat", "/other/log") == "0\n1\n2\n"
    assert volumes_of(engine) == ["kept"]


def test_anonymous_volumes_go_with_rm_v_and_with_dash_dash_rm_only(engine):
    engine.cli("run", "--name", "one", "--network", "none", "-v", "/data", "busybox", "touch",
               "/data/x", check=0)
    name = engine.inspect("one")["Mounts"][0]["Name"]
    assert volumes_of(engine) == [name]
    engine.cli("rm", "one", check=0)
    assert volumes_of(engine) == [name]
    run(engine, "-v", "/data", "-v", "named:/n", "busybox", "true")
    assert sorted(volumes_of(engine)) == sorted([name, "named"])
    engine.cli("create", "--name", "two", "-v", "/data", "-v", "named:/n", "busybox", check=0)
    engine.cli("rm", "-v", "two", check=0)
    assert sorted(volumes_of(engine)) == sorted([name, "named"])
    assert engine.cli("volume", "prune", "-f", check=0).stdout.startswith("Deleted Volumes:\n" + name)
    assert volumes_of(engine) == ["named"]


def test_prune_spares_named_volumes_from_api_1_42_on(engine):
    engine.cli("volume", "create", "named", check=0)
    assert json.loads(engine.api("POST", "/v1.42/volumes/prune")[2])["VolumesDeleted"] is None
    deleted = json.loads(engine.api("POST", "/v1.41/volumes/prune")[2])
    assert deleted == {"VolumesDeleted": ["named"], "SpaceReclaimed": 0}


def test_events_tell_the_life_of_a_volume(engine):
    run(engine, "-v", "seen:/data:ro", "busybox", "true")
    engine.cli("volume", "rm", "seen", check=0)
    _, _, body = engine.api("GET", "/events?since=1&until=" + str(int(time.time()) + 1)
                            + '&filters={"type":["volume"],"volume":["seen"]}')
    events = [json.loads(line) for line in body.splitlines()]
    assert [e["Action"] for e in events] == ["create", "mount", "unmount", "destroy"]
    attributes = events[1]["Actor"]["Attributes"]
    assert attributes["destination"] == "/data" and attributes["read/write"] == "false"


def test_a_tmpfs_volume_is_shared_while_it_is_used_and_gone_afterwards(engine):
    engine.cli("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m",
               "mem", check=0)
    engine.cli("run", "-d", "--name", "one", "--network", "none", "-v", "mem:/m", "busybox", "sh",
               "-c", "echo shared > /m/x; exec sleep 1000", check=0)
    wait_until(lambda: engine.cli("exec", "one", "cat", "/m/x").stdout == "shared\n", what="file")
    assert run(engine, "-v", "mem:/m", "busybox", "cat", "/m/x") == "shared\n"
    engine.kill()
    engine.start()
    assert run(engine, "-v", "mem:/m", "busybox", "cat", "/m/x") == "shared\n"
    engine.cli("rm", "-f", "one", check=0)
    wait_until(lambda: not engine.leaks(), what="unmount")
    run(engine, "-v", "mem:/m", "busybox", "cat", "/m/x", check=1)


def test_a_bind_volume_is_a_directory_of_the_host(engine, scratch):
    shared = scratch / "shared"
    shared.mkdir()
    (shared / "file").write_text("host\n")
    engine.cli("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", f"device={shared}",
               "there", check=0)
    assert run(engine, "-v", "there:/x", "busybox", "sh", "-c", "cat /x/file; echo back > /x/y") == "host\n"
    assert (shared / "y").read_text() == "back\n"
    engine.cli("volume", "rm", "there", check=0)
    assert (shared / "y").exists()


def test_a_subpath_never_leaves_the_volume(engine):
    run(engine, "-v", "data:/d", "busybox", "sh", "-c",
        "mkdir /d/in; echo ok > /d/in/f; ln -s / /d/absolute; ln -s ../../../../.. /d/up; "
        "ln -s in /d/link; ln -s /proc/1/root /d/magic")
    mount = "type=volume,src=data,dst=/x,volume-subpath="
    assert run(engine, "--mount", mount + "in", "busybox", "cat", "/x/f") == "ok\n"
    assert run(engine, "--mount", mount + "link", "busybox", "cat", "/x/f") == "ok\n"
    assert run(engine, "--mount", mount + "in/f", "busybox", "cat", "/x") == "ok\n"
    for subpath in ("absolute", "up", "magic", "absolute/etc", "link/../../..", "absent", "../data"):
        refused = engine.cli("run", "--rm", "--mount", mount + subpath, "busybox", "ls", "/x")
        assert refused.returncode in (125, 127), (subpath, refused)


def test_copy_up_keeps_owner_mode_and_links(engine):
    run(engine, "-v", "etc:/etc", "busybox", "true")
    copied = engine.data / "volumes/etc/_data"
    assert (copied / "passwd").read_text().startswith("root:")
    before = run(engine, "busybox", "sh", "-c", "cd /etc; find . | sort | xargs stat -c '%n %a %u %g %F' | grep -v -E 'hosts|hostname|resolv'")
    after = run(engine, "-v", "etc:/copy", "busybox", "sh", "-c", "cd /copy; find . | sort | xargs stat -c '%n %a %u %g %F' | grep -v -E 'hosts|hostname|resolv'")
    assert before == after


@pytest.fixture(scope="module")
def hostile_image(module_engine, scratch):
    """An image whose VOLUME is a link to the host's /etc and to a path that climbs out."""
    done = subprocess.run(["sh", "-c", f"""set -e
    . {ROOT}/scripts/lib/images.sh
    cd {scratch}
    busybox_tree hostile.tree
    ln -s /etc hostile.tree/evil
    ln -s ../../../../../../etc hostile.tree/climb
    ln -s /proc/self/root/etc hostile.tree/magic
    oci_image hostile.tree hostile.oci '["sh"]'
    sed -i 's|"WorkingDir":"/"|"Volumes":{{"/evil":{{}},"/climb":{{}}}},&|' hostile.oci/config.json
    archive_image hostile.oci hostile:latest hostile.tar
    """], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    module_engine.load(scratch / "hostile.tar")
    return "hostile"


def test_an_images_volume_behind_a_link_stays_in_the_image(engine, hostile_image):
    mark = pathlib.Path("/etc/wherry-volume-test")
    assert not mark.exists()
    run(engine, hostile_image, "sh", "-c", "for d in evil climb; do touch /$d/wherry-volume-test; done; true")
    assert not mark.exists()
    engine.cli("create", "--name", "hostile", hostile_image, check=0)
    for mount in engine.inspect("hostile")["Mounts"]:
        data = pathlib.Path(mount["Source"])
        hosts_own = {p.name for p in pathlib.Path("/etc").iterdir()}
        assert {p.name for p in data.iterdir()} != hosts_own
        assert not (data / "shadow").exists() or (data / "shadow").read_bytes() != pathlib.Path("/etc/shadow").read_bytes()
    engine.cli("rm", "-v", "hostile", check=0)
    # A magic link is refused: nothing is mounted behind it.
    engine.cli("run", "--rm", "-v", "data:/magic", hostile_image, "touch", f"/magic/{mark.name}", check=125)
    assert not mark.exists()


def test_volumes_from_takes_over_mounts(engine):
    engine.cli("create", "--name", "source", "-v", "/anon", "-v", "data:/data", "busybox", check=0)
    run(engine, "--volumes-from", "source", "busybox", "sh", "-c", "echo a > /anon/f; echo b > /data/f")
    assert run(engine, "--volumes-from", "source:ro", "busybox", "cat", "/anon/f", "/data/f") == "a\nb\n"
    run(engine, "--volumes-from", "source:ro", "busybox", "touch", "/data/g", check=1)


def test_killed_between_the_steps_of_create_nothing_half_made_is_left(engine):
    """Many creates, the engine killed in the middle: each volume has a container or is named."""
    for _ in range(4):
        clients = [subprocess.Popen(engine_command(engine, "create", "-v", "/data", "-v", f"n{i}:/n", "busybox"),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    env=engine.client_environment()) for i in range(6)]
        volumes = engine.data / "volumes"
        wait_until(lambda: len(list(volumes.iterdir())) > 1, what="first volume")
        engine.kill()
        for client in clients:
            client.wait(30)
        engine.start()
        used = set()
        for name in engine.cli("ps", "-aq", check=0).stdout.split():
            used |= {mount["Name"] for mount in engine.inspect(name)["Mounts"]}
        assert set(volumes_of(engine)) == used
        on_disk = {p.name for p in volumes.iterdir() if p.name != ".trash"}
        assert on_disk == used
        engine.remove_containers()
        engine.cli("volume", "prune", "-af", check=0)


def test_killed_during_removal_it_is_gone_or_whole(engine):
    engine.cli("volume", "create", "big", check=0)
    run(engine, "-v", "big:/d", "busybox", "sh", "-c", "for i in $(seq 300); do echo x > /d/$i; done")
    client = subprocess.Popen(engine_command(engine, "volume", "rm", "big"), env=engine.client_environment(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    engine.kill()
    client.wait(30)
    engine.start()
    if volumes_of(engine):
        assert len(os.listdir(engine.data / "volumes/big/_data")) == 300
    else:
        assert not (engine.data / "volumes/big").exists()


def engine_command(engine, *arguments):
    return [str(BIN / "wherry"), *arguments]
