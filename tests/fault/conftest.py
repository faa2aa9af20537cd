"""The fixtures of the integration tests, and the check that ends every fault test."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from fixtures import *  # noqa: E402,F401,F403
from fixtures import wait_until  # noqa: E402


@pytest.fixture
def still_works(engine):
    """After the fault: nothing is left, and a container runs at once."""
    yield
    if engine.process.poll() is not None:
        engine.start()
    engine.cli("run", "--rm", "busybox", "true", check=0)
    engine.remove_containers()
    wait_until(lambda: not engine.leaks(), what="clean-up")
