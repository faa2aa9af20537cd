"""The fixtures of the integration tests; WHERRY_GAUNTLET_LONG=1 runs the races at full length."""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
sys.path.insert(0, str(HERE))

from fixtures import *  # noqa: E402,F401,F403
