#!/usr/bin/python3
"""Records what dockerd answers to the requests of api_cases.py; needs what record.py needs."""
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[1] / "bench"))
sys.path.insert(0, str(HERE.parent / "integration"))

import api_cases  # noqa: E402
import engines  # noqa: E402
import fixtures  # noqa: E402
import harness  # noqa: E402


def main():
    images = fixtures.make_images()
    with tempfile.TemporaryDirectory(prefix="wherry-conf-") as directory:
        engine = engines.Docker(directory)
        try:
            subprocess.run([engine.client[0], "load", "-q", "-i", images / "busybox.tar"], check=True,
                           env=engine.environment, capture_output=True)
            socket = engine.environment["DOCKER_HOST"].removeprefix("unix://")
            results = api_cases.run(socket)
            (harness.EXPECTED / "api.json").write_text(json.dumps(
                {"recorded_with": f"engine {engine.version}", "results": results}, indent=1) + "\n")
            print(f"{len(results)} requests")
        finally:
            engine.close()


main()
