"""The mount option tmpcopyup: a tmpfs begins with what the image has at its place."""
import os
import pathlib
import shutil
import socket

import pytest

import runtime_util

pytestmark = pytest.mark.skipif(runtime_util.skip_reason() is not None, reason=str(runtime_util.skip_reason()))


@pytest.fixture
def runtime(tmp_path):
    made = runtime_util.Runtime(tmp_path)
    yield made
    made.close()
    assert made.leftovers() == []


def content(runtime, name="data"):
    folder = runtime.rootfs / name
    folder.mkdir()
    return folder


def with_tmpfs(runtime, script, *options, destination="/data", **process):
    config = runtime.config("sh", "-c", script, **process)
    config["mounts"].append({"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", *options]})
    return config


def output(runtime, config):
    done = runtime.run(config)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_files_folders_links_and_what_they_are(runtime):
    data = content(runtime)
    (data / "deep" / "er").mkdir(parents=True)
    (data / "deep" / "er" / "file").write_text("text\n")
    (data / "deep" / "er" / "file").chmod(0o4751)
    os.chown(data / "deep" / "er" / "file", 12, 34)
    (data / "deep" / "er" / "file").chmod(0o4751)
    (data / "link").symlink_to("deep/er/file")
    (data / "lost").symlink_to("../../../nowhere")
    os.mkfifo(data / "pipe", 0o640)
    os.utime(data / "deep" / "er", (1000000000, 1000000000))
    os.chown(data, 56, 78)
    data.chmod(0o1755)
    script = ("cat /data/link; stat -c '%a %u %g' /data /data/deep/er/file; stat -c %F /data/pipe; readlink /data/lost; "
              "stat -c %Y /data/deep/er; grep ' /data ' /proc/mounts | cut -d' ' -f3")
    assert output(runtime, with_tmpfs(runtime, script)).splitlines() == [
        "text", "1755 56 78", "4751 12 34", "fifo", "../../../nowhere", "1000000000", "tmpfs"]


def test_a_change_stays_in_the_container(runtime):
    (content(runtime) / "file").write_text("before")
    assert output(runtime, with_tmpfs(runtime, "echo after > /data/file; rm -f /data/x; cat /data/file")) == "after\n"
    assert (runtime.rootfs / "data" / "file").read_text() == "before"


def test_more_names_than_one_reading_holds_and_bytes_to_the_last(runtime):
    data = content(runtime)
    for number in range(500):
        (data / f"a-rather-long-name-of-a-file-{number}").write_text("x")
    (data / "big").write_bytes(os.urandom(5 << 20))
    (runtime.rootfs / "copy").write_bytes((data / "big").read_bytes())
    assert output(runtime, with_tmpfs(runtime, "ls /data | wc -l; cmp /data/big /copy && echo same")).split() == ["501", "same"]


def test_extended_attributes_come_along(runtime):
    file = content(runtime) / "tool"
    shutil.copy(runtime_util.BUSYBOX, file)
    capability = bytes.fromhex("0100000200040000000000000000000000000000")  # cap_net_bind_service=ep
    os.setxattr(file, "security.capability", capability)
    name = runtime.start(with_tmpfs(runtime, "exec sleep 1000"))
    inside = f"/proc/{runtime.state(name)['pid']}/root/data/tool"
    assert os.getxattr(inside, "security.capability") == capability


def test_links_of_the_image_are_followed_inside_of_it(runtime):
    (content(runtime, "real") / "file").write_text("inside\n")
    (runtime.rootfs / "data").symlink_to("/../../real")
    assert output(runtime, with_tmpfs(runtime, "cat /real/file; grep -c ' /real ' /proc/mounts")).split() == ["inside", "1"]


def test_a_link_to_the_host_copies_nothing_of_it(runtime, tmp_path):
    outside = tmp_path / "secret"
    outside.mkdir()
    (outside / "file").write_text("host")
    data = content(runtime)
    (data / "file").symlink_to(outside / "file")
    (data / "folder").symlink_to(outside)
    (runtime.rootfs / "other").symlink_to(outside)
    assert output(runtime, with_tmpfs(runtime, "cat /data/file /data/folder/file; ls -A /data")) == "file\nfolder\n"
    assert runtime.run(with_tmpfs(runtime, "true", destination="/other")).returncode != 0
    assert sorted(path.name for path in outside.iterdir()) == ["file"]


def test_a_place_that_the_image_lacks_is_empty(runtime):
    assert output(runtime, with_tmpfs(runtime, "ls -A /data | wc -l")) == "0\n"


def test_a_tree_above_the_size_is_refused_and_leaves_nothing(runtime):
    (content(runtime) / "big").write_bytes(bytes(2 << 20))
    done = runtime.run(with_tmpfs(runtime, "true", "size=1m"))
    assert done.returncode != 0
    assert "copy into tmpfs /data: no space left on device" in done.stderr.lower()


def test_folders_without_end_are_refused(runtime):
    path = content(runtime)
    here = os.open(path, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    done = runtime.run(with_tmpfs(runtime, "true"))
    assert done.returncode != 0 and "copy into tmpfs" in done.stderr


def test_a_socket_is_a_name_of_its_own(runtime):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(content(runtime) / "socket"))
        assert output(runtime, with_tmpfs(runtime, "stat -c %F /data/socket")) == "socket\n"


def test_read_only_and_the_mode_and_owner_that_were_asked_for(runtime):
    (content(runtime) / "file").write_text("kept\n")
    os.chown(runtime.rootfs / "data", 5, 6)
    script = "cat /data/file; stat -c '%a %u %g' /data; touch /data/x 2>/dev/null || echo refused"
    config = with_tmpfs(runtime, script, "ro", "mode=700", "uid=7", "gid=8")
    assert output(runtime, config).splitlines() == ["kept", "700 7 8", "refused"]


def test_of_a_user_namespace(runtime):
    data = content(runtime)
    (data / "file").write_text("mine\n")
    os.chown(data / "file", 100000, 100000)
    os.chown(runtime.rootfs, 100000, 100000)
    config = with_tmpfs(runtime, "cat /data/file; stat -c '%u %g' /data/file")
    config["linux"]["namespaces"].append({"type": "user"})
    mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    config["linux"].update(uidMappings=mapping, gidMappings=mapping, sysctl={})
    for folder in [runtime.directory, *runtime.directory.parents]:
        if folder == pathlib.Path("/tmp"):
            break
        folder.chmod(folder.stat().st_mode | 0o111)
    assert output(runtime, config).splitlines() == ["mine", "0 0"]


@pytest.mark.parametrize("mount", [
    {"destination": "/data", "type": "bind", "source": "/tmp", "options": ["bind", "tmpcopyup"]},
    {"destination": "/data", "type": "mqueue", "source": "mqueue", "options": ["tmpcopyup"]},
    {"destination": "/", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}])
def test_it_is_of_a_tmpfs_below_the_root_alone(runtime, mount):
    config = runtime.config("true")
    config["mounts"].append(mount)
    done = runtime.run(config)
    assert done.returncode != 0 and "tmpcopyup" in done.stderr
