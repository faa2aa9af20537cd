"""What the gauntlet (tests/security) does not ask of B01, B02 and C07: the verdict comes from the host."""
import hashlib
import os
import pathlib
import shutil

import pytest

import runtime_util

pytestmark = pytest.mark.skipif(bool(runtime_util.skip_reason()),
                                reason=runtime_util.skip_reason() or "")


@pytest.fixture
def runtime(tmp_path):
    made = runtime_util.Runtime(tmp_path)
    yield made
    made.close()
    assert made.leftovers() == []


def test_b01_exec_of_a_program_on_a_descriptor(runtime):
    name = runtime.sleeping()
    program = runtime.call("exec", name, "/proc/self/fd/5/../../bin/sh", "-c", "true", check=False)
    assert program.returncode == 1


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def test_b02_the_program_cannot_be_overwritten(runtime, tmp_path):
    copy = tmp_path / "wherry-runtime"
    shutil.copy(runtime.program, copy)
    runtime.program = str(copy)
    before = digest(copy)
    script = runtime.rootfs / "evil"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    runtime.run(runtime.config("/evil"))
    # While our process waits in the container, pid 1 of another view writes to its program.
    name = runtime.create(runtime.config("true"))
    pid = runtime.state(name)["pid"]
    with pytest.raises(OSError):
        os.close(os.open(f"/proc/{pid}/exe", os.O_WRONLY))
    runtime.call("delete", "--force", name)
    assert digest(copy) == before


def test_b02_children_are_not_dumpable(runtime):
    """Files of a non-dumpable process belong to root even when it runs as another user."""
    name = runtime.create(runtime.config("true", user={"uid": 1000, "gid": 1000}))
    pid = runtime.state(name)["pid"]
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0
    runtime.call("delete", "--force", name)


@pytest.mark.parametrize("key,value", [
    ("kernel.core_pattern", "|/bin/x"), ("kernel/../kernel/core_pattern", "x"),
    ("net.ipv4.ip_forward", "1\n2"), ("vm.swappiness", "1"), ("net.ipv4.+x", "1"),
    ("fs.file-max", "5")])
def test_c07_sysctls_of_the_host(runtime, key, value):
    watched = ["kernel/core_pattern", "vm/swappiness", "fs/file-max"]
    before = [pathlib.Path("/proc/sys", name).read_text() for name in watched]
    config = runtime.config("true")
    config["linux"]["sysctl"] = {key: value}
    done = runtime.run(config)
    assert done.returncode == 1 and "sysctl" in done.stderr
    assert before == [pathlib.Path("/proc/sys", name).read_text() for name in watched]


def test_c07_net_sysctl_needs_a_network_namespace(runtime):
    config = runtime.config("true")
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"]
                                     if n["type"] != "network"]
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    done = runtime.run(config)
    assert done.returncode == 1 and "is not in a separate kernel namespace" in done.stderr
