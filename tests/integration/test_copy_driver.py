"""The core of the integration tests on the copy driver, which takes over where overlay cannot be
mounted on the data root: here because that lies on an overlay itself, as inside a container."""
import json

import pytest
from fixtures import BIN, Engine
from test_api_docker_client import test_detached_life, test_run_passes_output_and_exit_codes  # noqa: F401
from test_api_streams import (  # noqa: F401
    test_clients_that_vanish_free_what_they_held, test_exec_streams_and_tells_its_exit_code,
    test_load_streams_its_progress, test_logs_are_framed_without_a_tty)
from test_registry import (mirrored, served,  # noqa: F401
                           test_push_and_pull_back_by_digest,
                           test_run_pulls_an_image_that_is_absent)
from test_tutorial import (client, test_a_shell_leaves_a_file_that_only_its_container_has,  # noqa: F401
                           test_exit_codes)


@pytest.fixture(scope="module")
def on_overlay(sandbox, scratch):
    """A directory on an overlay file system whose upper layer is a tmpfs."""
    place = scratch / "on-overlay"
    done = sandbox.run("sh", "-ec", f"""
        mkdir {place} && mount -t tmpfs tmpfs {place} && cd {place}
        mkdir lower upper work merged
        mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
        mkdir merged/root""")
    assert done.returncode == 0, done.stderr
    return place / "merged/root"


@pytest.fixture(scope="module")
def bare_engine(sandbox, scratch, on_overlay):
    """In place of the fixture of that name: the tests imported above run on this engine."""
    directory = scratch / "copy"
    directory.mkdir()
    engine = Engine(sandbox, directory)
    engine.data = on_overlay
    engine.start()
    yield engine
    engine.close()


def test_info_names_the_driver_and_check_the_remedy(bare_engine):
    info = json.loads(bare_engine.cli("info", "--format", "json", check=0).stdout)
    assert info["Driver"] == "copy"
    line = next(line for line in bare_engine.cli("system", "check").stdout.splitlines()
                if "overlay on the data root" in line)
    assert line.startswith("limited") and "->" in line


def test_layers_cover_each_other_and_containers_are_apart(engine):
    engine.cli("run", "--name", "one", "busybox", "sh", "-c", "echo a > /etc/own; rm /etc/passwd",
               check=0)
    done = engine.cli("run", "--name", "two", "busybox", "sh", "-c", "cat /etc/own; wc -l /etc/passwd")
    assert "can't open '/etc/own'" in done.stderr and "/etc/passwd" in done.stdout
    engine.cli("start", "-a", "two", check=0)


def test_a_kill_of_the_engine_leaves_no_tree(engine, on_overlay):
    engine.cli("run", "-d", "--name", "left", "busybox", "sleep", "900", check=0)
    engine.kill()
    engine.start()
    engine.cli("rm", "-f", "left", check=0)
    assert not list(on_overlay.glob("snapshots/containers/*"))


def test_overlay_by_name_is_refused_here(sandbox, scratch, on_overlay):
    done = sandbox.run(BIN / "wherryd", "--storage-driver", "overlay", "--data-root",
                       on_overlay.parent / "other", "--exec-root", scratch / "other-run", "-H",
                       f"unix://{scratch}/other.sock", "--pidfile", scratch / "other.pid")
    assert done.returncode == 1 and "overlay" in done.stderr
