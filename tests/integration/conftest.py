"""pytest finds the fixtures here; they live in fixtures.py so that tests/fault and
tests/conformance can share them under a name of its own."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from fixtures import *  # noqa: E402,F401,F403
