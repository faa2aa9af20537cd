"""Every case of gauntlet.py against wherry-runtime, and gauntlet.py itself against a runtime that does
what no runtime may."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from fixtures import BIN

HERE = pathlib.Path(__file__).resolve().parent
LONG = os.environ.get("WHERRY_GAUNTLET_LONG") == "1"
IDENTITIES = [line.split('"')[1] for name in ("cases_rootfs.py", "cases_process.py")
              for line in (HERE / name).read_text().splitlines() if line.startswith("@case(")]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts, namespaces and cgroups"),
    pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc for the attackers' programs"),
    pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox-static"),
]


@pytest.fixture(scope="module")
def probes(tmp_path_factory):
    from lab import build_probes
    return build_probes(tmp_path_factory.mktemp("probes"))


def gauntlet(runtime, probes, identity):
    done = subprocess.run(
        [sys.executable, HERE / "gauntlet.py", "--runtime", runtime, "--probes", probes, "--case", identity,
         *(["--long"] if LONG else [])], capture_output=True, text=True, timeout=1500 if LONG else 300)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("identity", IDENTITIES)
def test_attack(probes, identity):
    code, said = gauntlet(BIN / "wherry-runtime", probes, identity)
    if " N/A " in said:
        pytest.skip(said.strip())
    assert code == 0 and said.startswith(f"{identity} PASS "), said


@pytest.mark.parametrize("identity", ["A01", "B01", "C05"])
def test_a_runtime_that_starts_nothing_does_not_pass(probes, identity, tmp_path):
    useless = tmp_path / "useless"
    useless.write_text("#!/bin/sh\necho refused >&2\nexit 1\n")
    useless.chmod(0o755)
    code, said = gauntlet(useless, probes, identity)
    assert code == 1 and f"{identity} FAIL" in said and "control" in said, said


def test_a_change_of_the_canary_fails_the_case(probes, tmp_path):
    """A runtime that works, and touches the file that the image's /dev points to."""
    leaky = tmp_path / "leaky"
    leaky.write_text(f"""#!/bin/sh
for word; do [ -h "$word/rootfs/dev" ] && touch "$(readlink "$word/rootfs/dev")/made"; done
exec {BIN / "wherry-runtime"} "$@"
""")
    leaky.chmod(0o755)
    code, said = gauntlet(leaky, probes, "A01")
    assert code == 1 and "has changed: made" in said, said
