"""Every recorded request gets dockerd's status, content type and body."""
import json

import api_cases
import harness
import pytest

EXPECTED = json.loads((harness.EXPECTED / "api.json").read_text())
# Where we answer otherwise on purpose: the request -> why.
BLAME = "docker's 500 blames itself for what the client sent; ours says 400 or 409"
GO = "the words are of Go's JSON library and its types"
EARLY = "refused when it is made, not when it is started"
DIFFERENT = {
    "POST /containers/idle/unpause": BLAME,
    "POST /containers/busy/unpause": BLAME,
    "GET /containers/idle/logs?stdout=1&since=x": BLAME,
    "GET /containers/json?all=1&limit=x": BLAME,
    "GET /events?since=x": BLAME,
    'POST /containers/busy/exec {"Cmd": ["true"], "DetachKeys": "bogus-key"}': BLAME,
    'POST /containers/create {"Image": "busybox", "HostConfig": {"SecurityOpt": ["bogus"]}}': BLAME,
    'POST /containers/create {"Image": "busybox", "HostConfig": {"SecurityOpt": ["bogus=1"]}}': BLAME,
    'POST /containers/create {"Image": "busybox", "HostConfig": {"Binds": ["/a:relative"]}}': BLAME,
    'POST /containers/create {"Image": "busybox", "HostConfig": {"Binds": ["/tmp:/a:bogus"]}}': BLAME,
    'POST /containers/create {"Image": "busybox", "HostConfig": {"Binds": ["/tmp:/"]}}': BLAME,
    'POST /containers/create {"Image": "busybox", "HostConfig": {"Binds": ["relative"]}}': BLAME,
    "POST /containers/create {}": "docker knows an absent configuration from an empty one",
    "POST /containers/create [1]": GO,
    'POST /containers/create {"Image": "busybox", "Cmd": 5}': GO,
    'POST /containers/create {"Image": 5}': GO,
    'POST /containers/create {"Image": "busybox", "HostConfig": {"LogConfig": {"Type": "json-file",'
    ' "Config": {"max-size": "x"}}}}': EARLY,
    'POST /containers/create {"Image": "busybox", "HostConfig": {"Ulimits": [{"Name": "bogus",'
    ' "Soft": 1, "Hard": 1}]}}': EARLY,
    'POST /containers/create {"Image": "busybox", "HostConfig": {"Sysctls": {"bogus": "1"},'
    ' "NetworkMode": "host"}}': EARLY,
    "POST /images/busybox/tag": "docker takes a tag without a name and does nothing",
    "GET /containers/busy/top?ps_args=bogus": "we read /proc and run no ps",
}
# Settings that are not done yet are refused by name, whatever their value.
NOT_AVAILABLE = {
    'POST /containers/create {"Image": "busybox", "HostConfig": {"NanoCpus": 1000000000,'
    ' "CpuQuota": 5000}}',
    "POST /images/create",
}


@pytest.fixture(scope="module")
def answers(module_engine):
    return api_cases.run(str(module_engine.socket))


@pytest.mark.parametrize("number", range(len(EXPECTED["results"])),
                         ids=lambda number: EXPECTED["results"][number]["request"])
def test_request(answers, number):
    wanted, got = EXPECTED["results"][number], answers[number]
    assert got["request"] == wanted["request"], "record_api.py has not been run since a change"
    if wanted["request"] in NOT_AVAILABLE:
        assert got == wanted or (got["status"] == 501 and "is not available in" in got["body"])
    elif wanted["request"] not in DIFFERENT:
        assert got == wanted, f"{EXPECTED['recorded_with']} says\n{wanted}\nwherry says\n{got}"


def test_what_is_listed_as_different_is(answers):
    found = {wanted["request"] for wanted, got in zip(EXPECTED["results"], answers) if got != wanted}
    assert set(DIFFERENT) <= found
