"""Runs a command line of tests/data/cli-cases.txt against the scripted daemon and returns what
can be compared: exit code, output and requests, with paths, ages and the program's name masked.
"""
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile

import mock_daemon

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
CASES = DATA / "cli-cases.txt"
EXPECTED = DATA / "cli-cases.docker-28.2.2.json"

MASKS = [
    (r"/tmp/wherry-case-\w+", "<tmp>"),
    (r"(Less than a second|About an? \w+|\d+ \w+) ago", "<ago>"),
    (r"[ \t]{2,}", "  "),
    (r"[ \t]+$", ""),
]


def read_cases():
    """(options of the daemon, command line) per line; "{key: value}" first gives the options."""
    cases = []
    for line in CASES.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        options = {}
        if line.startswith("{"):
            options, end = json.JSONDecoder().raw_decode(line)
            line = line[end:].strip()
        cases.append((options, line))
    return cases


def mask(text):
    for pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def request_of(request):
    """Method, path without version, headers that matter, body: as one line of text."""
    headers = {k: v for k, v in request["headers"].items()
               if k in ("content-type", "connection", "upgrade", "x-registry-auth", "transfer-encoding")}
    body = request["body"]
    try:
        value = json.loads(body)
        if isinstance(value.get("Env"), list):
            value["Env"].sort()  # docker's client keeps them in a map
        body = json.dumps(value, sort_keys=True)
    except (ValueError, AttributeError):
        pass
    target = re.sub(r"^/v1\.\d+", "", request["target"])
    target = re.sub(r"since=\d+", "since=N", target)
    return mask(f"{request['method']} {target} {json.dumps(headers, sort_keys=True)} {body}")


def run_case(program, options, line):
    options = dict(options)
    stdin = options.pop("stdin", "")
    with tempfile.TemporaryDirectory(prefix="wherry-case-", dir="/tmp") as directory:
        path = f"{directory}/s.sock"
        daemon = mock_daemon.Daemon(path, **options)
        environment = {"PATH": os.environ["PATH"], "HOME": directory, "DOCKER_CONFIG": directory,
                       "DOCKER_HOST": f"unix://{path}", "TZ": "UTC", "CASE_SET": "here"}
        (pathlib.Path(directory) / "env").write_text("# note\nFILE=1\nCASE_SET\nCASE_UNSET\n")
        (pathlib.Path(directory) / "labels").write_text("one=1\nbare\n")
        (pathlib.Path(directory) / "image.tar").write_bytes(b"\0" * 1024)
        try:
            done = subprocess.run([program, *shlex.split(line)], input=stdin.encode(), capture_output=True,
                                  env=environment, cwd=directory, timeout=30, check=False)
        finally:
            daemon.close()
        # How many pings there are is the client's affair; verbs for several names go out at once.
        requests = sorted(request_of(r) for r in daemon.requests if r["target"] != "/_ping")
        return {"code": done.returncode, "stdout": mask(done.stdout.decode()), "stderr": mask(done.stderr.decode()),
                "requests": requests}
