"""Every recorded command line, through our CLI under docker's name and through docker's client."""
import os
import os
import pathlib
import shutil

import fixtures
import harness
import pytest

NAMES = sorted(p.stem for p in harness.SCENARIOS.glob("*.txt"))


@pytest.fixture(params=["wherry", "docker"])
def client(request, tmp_path):
    if request.param == "wherry":
        link = tmp_path / "docker"
        link.symlink_to(fixtures.BIN / "wherry")
        return link
    found = shutil.which("docker")
    if found is None:
        pytest.skip("needs the docker client")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_scenario(name, client, sandbox, images, tmp_path_factory):
    expected = harness.read_expected(name)
    directory = pathlib.Path(os.path.realpath(tmp_path_factory.mktemp("c")))
    engine = fixtures.Engine(sandbox, directory).start()
    try:
        results = harness.run_scenario(harness.SCENARIOS / f"{name}.txt", client,
                                       engine.client_environment(),
                                       {"IMAGES": images, "TMP": directory})
    finally:
        if engine.process.poll() is None:
            engine.remove_containers()
        engine.close()
    different = [{"docker": wanted, "wherry": got}
                 for wanted, got in zip(expected["results"], results, strict=True) if wanted != got]
    assert not different, f"{expected['recorded_with']}:\n" + "\n".join(
        f"{pair['docker']['command']}\n" + "\n".join(
            f"   {key}: docker {pair['docker'].get(key)!r}\n" + " " * 3 + " " * len(key) +
            f"  wherry {pair['wherry'].get(key)!r}"
            for key in ("code", "stdout", "stderr") if pair["docker"].get(key) != pair["wherry"].get(key))
        for pair in different)
