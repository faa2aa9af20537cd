"""`wherry system check` where the host lacks something: it says what, and never fails itself."""
import os
import shutil

import pytest
from fixtures import BIN, Engine, Sandbox, require_root


@pytest.fixture(scope="module")
def under_profile():
    program = BIN.parent / "tests/under_profile"
    if not program.exists():
        pytest.skip(f"{program} is not built")
    return program


def lines_of(done):
    assert done.returncode in (0, 1), done.stderr
    return {line.split(maxsplit=1)[1].split("  ")[0].strip(): line.split()[0]
            for line in done.stdout.splitlines() if line.split()}


def test_every_line_has_a_verdict(engine):
    found = lines_of(engine.cli("system", "check"))
    assert {"kernel", "cgroups", "network namespaces", "seccomp"} <= set(found)
    assert set(found.values()) <= {"ok", "limited", "missing"}


def check_alone(sandbox, tmp_path, *before):
    """`system check` with no engine to ask, started by `before`: the lines, all of them named."""
    require_root()
    done = sandbox.run(*before, BIN / "wherry", "system", "check",
                       env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/absent"})
    assert done.returncode == 1, "the engine itself is missing: " + done.stdout + done.stderr
    found = lines_of(done)
    assert {"engine", "kernel", "root or user namespaces", "mounts", "overlay on the data root",
            "cgroups", "network namespaces", "seccomp"} <= set(found), done.stdout
    for line in done.stdout.splitlines():
        assert line.startswith("ok ") or "->" in line, f"no remedy: {line}"
    return found


def test_without_an_engine_everything_is_tried(sandbox, tmp_path):
    found = check_alone(sandbox, tmp_path)
    assert (found["engine"], found["mounts"], found["nf_tables"]) == ("missing", "ok", "ok")


def test_without_cap_sys_admin(sandbox, tmp_path):
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    found = check_alone(sandbox, tmp_path, "setpriv", "--bounding-set", "-sys_admin",
                        "--inh-caps", "-sys_admin")
    assert found["root or user namespaces"] == "missing"
    assert found["mounts"] == "missing" and found["network namespaces"] == "missing"


def test_under_dockers_own_profile(sandbox, tmp_path, under_profile):
    found = check_alone(sandbox, tmp_path, under_profile, "docker")
    assert found["root or user namespaces"] == "missing"
    assert found["mounts"] == "missing" and found["network namespaces"] == "missing"
    assert found["kernel"] == "ok" and found["seccomp"] == "ok"


def test_without_nf_tables_all_but_the_bridge_works(scratch, images, under_profile):
    box = Sandbox()
    directory = scratch / "no-nf"
    directory.mkdir()
    engine = Engine(box, directory)
    engine.wrapper = [under_profile, "no-nf-tables"]
    engine.start()
    try:
        engine.load(images / "busybox.tar")
        done = engine.cli("system", "check")
        assert lines_of(done)["nf_tables"] == "missing", done.stdout
        line = next(line for line in done.stdout.splitlines() if "nf_tables" in line)
        assert "nf_tables" in line.split("->")[1], f"the remedy names the kernel's option: {line}"
        engine.cli("run", "--rm", "--network", "none", "busybox", "true", check=0)
        refused = engine.cli("run", "--rm", "busybox", "true")
        assert refused.returncode == 0 or "nf_tables" in refused.stderr
    finally:
        engine.remove_containers()
        engine.close()
        box.close()


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
