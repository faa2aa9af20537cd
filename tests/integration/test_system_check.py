"""`wherry system check` where the host lacks something: it says what, and never fails itself."""
import os
import shutil

import pytest
from fixtures import BIN, require_root


def lines_of(done):
    assert done.returncode in (0, 1), done.stderr
    return {line.split(maxsplit=1)[1].split("  ")[0].strip(): line.split()[0]
            for line in done.stdout.splitlines() if line.split()}


def test_every_line_has_a_verdict(engine):
    found = lines_of(engine.cli("system", "check"))
    assert {"kernel", "cgroups", "network namespaces", "seccomp"} <= set(found)
    assert set(found.values()) <= {"ok", "limited", "missing"}


def test_without_cap_sys_admin(sandbox, tmp_path):
    require_root()
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    done = sandbox.run("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin",
                       BIN / "wherry", "system", "check",
                       env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/absent"})
    assert set(lines_of(done).values()) <= {"ok", "limited", "missing"}


def test_as_an_ordinary_user(sandbox, tmp_path):
    require_root()
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    tool = tmp_path / "wherry"
    shutil.copy(BIN / "wherry", tool)
    for directory in (tmp_path, *list(tmp_path.parents)[:-2]):
        os.chmod(directory, 0o755)
    for command in (["system", "check"], ["--help"], ["run", "--help"], ["--version"]):
        done = sandbox.run("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", tool,
                           *command, env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/no",
                                          "HOME": str(tmp_path)})
        assert done.returncode in (0, 1) and done.stdout, done.stderr


def test_with_read_only_cgroups_a_container_runs(sandbox, scratch, images):
    from fixtures import Engine, Sandbox
    box = Sandbox()
    directory = scratch / "ro-cgroup"
    directory.mkdir()
    box.run("sh", "-c", "for m in /sys/fs/cgroup /sys/fs/cgroup/*; do "
                        "mountpoint -q $m && mount -o remount,bind,ro $m; done")
    engine = Engine(box, directory).start()
    try:
        engine.load(images / "busybox.tar")
        found = lines_of(engine.cli("system", "check"))
        assert found["cgroups"] in ("limited", "missing")
        engine.cli("run", "--rm", "busybox", "true", check=0)
    finally:
        engine.remove_containers()
        engine.close()
        box.close()
