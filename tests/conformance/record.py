#!/usr/bin/python3
"""Records what docker answers to every scenario: tests/conformance/record.py [NAME...]

Needs root, docker's client on PATH and dockerd: WHERRY_PEER_ROOT=FOLDER (scripts/peer-root) or
Debian's docker.io, which is unpacked below build/peers.
"""
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[1] / "bench"))

import engines  # noqa: E402
import harness  # noqa: E402
import fixtures  # noqa: E402


def main():
    names = sys.argv[1:] or sorted(p.stem for p in harness.SCENARIOS.glob("*.txt"))
    images = fixtures.make_images()
    for name in names:
        with tempfile.TemporaryDirectory(prefix="wherry-conf-") as directory:
            engine = engines.Docker(directory)
            environment = {**engine.environment, "DOCKER_CONFIG": f"{directory}/config"}
            try:
                results = harness.run_scenario(
                    harness.SCENARIOS / f"{name}.txt", engine.client[0], environment,
                    {"IMAGES": images, "TMP": directory})
                client = engines.version_of(engine.client[0], "--version")
                harness.write_expected(name, f"{client}; engine {engine.version}", results)
                print(f"{name}: {len(results)} steps")
            finally:
                engine.close()


main()
