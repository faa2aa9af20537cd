"""Binds that show other ids (`idmap`): ownership without chown."""
import os

import pytest


@pytest.fixture
def tree(engine, scratch):
    """A folder of user 1000 and group 1001 with a file of theirs and one of root's."""
    folder = scratch / "tree"
    folder.mkdir(exist_ok=True)
    for name, user, group in (("own", 1000, 1001), ("roots", 0, 0), ("others", 7, 8)):
        (folder / name).write_text(name)
        os.chown(folder / name, user, group)
    os.chown(folder, 1000, 1001)
    probe = engine.cli("run", "--rm", "--network", "none", "-v", f"{folder}:/m:idmap", "busybox", "true")
    if "idmapped mounts" in probe.stderr:
        pytest.skip("the file system below /tmp has no idmapped mounts")
    yield folder
    for name in folder.iterdir():
        name.unlink()


def run(engine, *arguments, check=0):
    return engine.cli("run", "--rm", "--network", "none", *arguments, check=check).stdout


def owner(path):
    return path.stat().st_uid, path.stat().st_gid


@pytest.mark.parametrize("flag", [("-v", "{}:/m:idmap"), ("--mount", "type=bind,src={},dst=/m,idmap")])
def test_the_owner_of_the_source_is_the_containers_user(engine, tree, flag):
    shown = run(engine, flag[0], flag[1].format(tree), "busybox", "sh", "-c",
                "stat -c '%n %u:%g' /m /m/own /m/roots /m/others; echo x >/m/made; mkdir /m/folder")
    assert shown.split("\n")[:4] == ["/m 0:0", "/m/own 0:0", "/m/roots 1000:1001", "/m/others 7:8"]
    assert owner(tree / "made") == owner(tree / "folder") == (1000, 1001)
    assert owner(tree / "own") == (1000, 1001) and owner(tree / "roots") == (0, 0)
    (tree / "folder").rmdir()


def test_another_user_of_the_container(engine, tree):
    assert run(engine, "-u", "33:33", "-v", f"{tree}:/m:idmap", "busybox", "sh", "-c",
               "echo y >>/m/own && stat -c %u:%g /m/own") == "33:33\n"
    assert owner(tree / "own") == (1000, 1001)
    plain = engine.cli("run", "--rm", "--network", "none", "-u", "33:33", "-v", f"{tree}:/m", "busybox",
                       "touch", "/m/own")
    assert plain.returncode != 0, "without idmap it is somebody else's"


def test_ranges_and_what_is_outside_of_them(engine, tree):
    ids = "idmap=uids=1000-5000-1#0-0-1;gids=1001-5001-1#0-0-1"
    shown = run(engine, "-v", f"{tree}:/m:{ids}", "busybox", "stat", "-c", "%u:%g", "/m/own", "/m/roots", "/m/others")
    assert shown == "5000:5001\n0:0\n65534:65534\n"
    denied = engine.cli("run", "--rm", "--network", "none", "-u", "44", "-v", f"{tree}:/m:{ids}", "busybox", "sh",
                        "-c", "echo x >/m/made")
    assert denied.returncode != 0 and not (tree / "made").exists(), "44 has no id on the disk"


def test_it_is_there_again_after_a_restart_and_in_another_container(engine, tree):
    engine.cli("run", "-d", "--name", "first", "--network", "none", "-v", f"{tree}:/m:ro,idmap", "busybox", "sleep",
               "900", check=0)
    mount = engine.inspect("first")["Mounts"][0]
    assert (mount["Mode"], mount["RW"]) == ("ro,idmap", False)
    engine.kill()
    engine.start()
    engine.cli("restart", "-t", "0", "first", check=0)
    assert engine.cli("exec", "first", "stat", "-c", "%u", "/m/own", check=0).stdout == "0\n"
    assert "Read-only" in engine.cli("exec", "first", "touch", "/m/own").stderr
    assert run(engine, "--volumes-from", "first", "busybox", "stat", "-c", "%u", "/m/own") == "0\n"


def test_dockers_client_and_refusals(engine, tree):
    done = engine.docker("run", "--rm", "--network", "none", "-v", f"{tree}:/m:idmap", "busybox", "stat", "-c", "%u",
                         "/m/own", check=0)
    assert done.stdout == "0\n"
    for flags, words in ((("-v", "name:/m:idmap"), "BindOptions must not be specified"),
                         (("-v", f"{tree}:/m:idmap=uids=1-2-3"), "it is uids=...;gids=..."),
                         (("-v", "/proc/sys:/m:idmap"), "idmapped mounts"),
                         (("--mount", f"type=bind,src={tree},dst=/m,idmap=x"), "it is uids=...;gids=...")):
        refused = engine.cli("run", "--rm", "--network", "none", *flags, "busybox", "true", check=125)
        assert words in refused.stderr
    assert engine.sandbox.run("ps", "-eo", "args").stdout.count("--user-namespace") == 0
