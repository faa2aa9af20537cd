"""wherry's client against docker's: the same command lines, the same scripted daemon, the same
exit code, output and requests (tests/data/cli-cases.docker-28.2.2.json, recorded by
record_client.py). No engine and no root."""
import csv
import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest

import client_cases

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORDED = json.loads(client_cases.EXPECTED.read_text())


def wherry_program():
    named = os.environ.get("WHERRY_BIN")
    places = [pathlib.Path(named)] if named else sorted((ROOT / "build").glob("*/bin"))
    for place in places:
        if (place / "wherry").exists():
            return str(place / "wherry")
    pytest.skip("wherry is not built: scripts/test builds it")


def cases():
    for options, line in client_cases.read_cases():
        key = (json.dumps(options) + " " if options else "") + line
        yield pytest.param(options, line, key, id=key[:80])


def as_docker(text):
    """Our name where docker says its own; versions are each program's."""
    text = re.sub(r"\bwherry\b", "docker", text)
    return text


@pytest.mark.parametrize("options,line,key", cases())
def test_a_command_line_answers_as_docker(options, line, key):
    ours = client_cases.run_case(wherry_program(), options, line)
    docker = RECORDED["cases"][key]
    assert ours["code"] == docker["code"], ours["stderr"]
    assert as_docker(ours["stdout"]) == docker["stdout"]
    assert as_docker(ours["stderr"]) == docker["stderr"]
    assert ours["requests"] == docker["requests"]


def rows():
    with open(client_cases.DATA / "cli.tsv", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def spellings():
    """Each command path with every other spelling of it."""
    same = {}
    for row in rows():
        names = {row["command"]} | {a for a in row["aliases"].split(";") if a.startswith("docker ")}
        same.setdefault(row["command"], set()).update(names)
    return same


def used_flags(words, shorthands):
    used = set()
    for word in words:
        if word.startswith("--"):
            used.add(word.split("=")[0])
        elif re.match(r"-[a-zA-Z]", word):
            used |= {shorthands[f"-{c}"] for c in word[1:] if f"-{c}" in shorthands}
    return used


def test_every_flag_that_is_available_has_a_case():
    """The other rows of cli.tsv answer "not available": src/cli/table_test.cc walks them."""
    program = wherry_program()
    same = spellings()
    shorthands = {}
    for row in rows():
        if row["shorthand"]:
            shorthands.setdefault(row["command"], {})[row["shorthand"]] = row["flag"]
    seen = {}
    for _, line in client_cases.read_cases():
        words = shlex.split(line)
        for length in (2, 1):
            path = "docker " + " ".join(words[:length])
            if path in same:
                for name in same[path]:
                    seen.setdefault(name, set()).update(used_flags(words, shorthands.get(path, {})))
                break
    missing = []
    for command in same:
        words = command.split()[1:]
        text = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=False).stdout
        if not words or "Commands:" in text or "(not available yet)\n" in text.split("Options:")[0] or not text:
            continue
        if command == "docker help":
            continue
        if command not in seen:
            missing.append(command)
        flat = re.sub(r"\s+", " ", text)
        for row in rows():
            flag = row["flag"]
            entry = re.search(rf"{flag}(?: \w+)? (?! *--)(.*?)(?= -\w, --| --|$)", flat) if flag.startswith("--") else None
            if row["command"] != command or not entry or flag == "--help":
                continue
            if "(not available yet)" not in entry.group(0) and flag not in seen.get(command, set()):
                missing.append(f"{command} {flag}")
    missing.remove("docker push --platform")  # docker prints advice of its own with it
    missing.remove("docker image push --platform")
    missing.remove("docker system dial-stdio")  # carries bytes: tests/integration/test_ssh_host.py
    assert not missing


def answer(line, program_name="wherry"):
    program = wherry_program()
    done = subprocess.run([program_name, *shlex.split(line)], executable=program, capture_output=True, text=True,
                          env={"DOCKER_HOST": "unix:///nonexistent", "HOME": "/nonexistent"}, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("line,code,text", [
    ("commit x", 1, "wherry: 'docker commit' is not available in wherry 0.1.0\n"),
    ("swarm init", 1, "wherry: 'docker swarm init' is not available in wherry 0.1.0\n"),
    ("build .", 1, "wherry: 'docker build' is not available in wherry 0.1.0\n"),
    ("run --userns x x", 125, "wherry: flag '--userns' is not available in wherry 0.1.0\n"),
    ("create --storage-opt a=b x", 125, "wherry: flag '--storage-opt' is not available in wherry 0.1.0\n"),
    ("start --checkpoint x y", 1, "wherry: flag '--checkpoint' is not available in wherry 0.1.0\n"),
])
def test_what_is_not_there_yet_says_so(line, code, text):
    assert answer(line) == (code, "", text)


def test_called_as_docker_it_answers_as_docker():
    assert answer("rm", "docker") == (
        1, "", "docker: 'docker rm' requires at least 1 argument\n\nUsage:  docker rm [OPTIONS] CONTAINER [CONTAINER...]\n\n"
               "See 'docker rm --help' for more information\n")
    assert answer("--version", "/usr/bin/docker")[1].startswith("Docker version ")


@pytest.mark.parametrize("line,advice", [
    ("—help", "did you mean --help?"), ("ps —all", "did you mean --all?"), ("run –i alpine", "did you mean -i?"),
    ("rnu alpine", "Did you mean 'wherry run'?"), ("container inspcet x", "Did you mean 'wherry container inspect'?"),
])
def test_slips_get_advice(line, advice):
    code, _, stderr = answer(line)
    assert code != 0
    assert advice in stderr


def wire_rows():
    """The exact requests of docker's client, for the commands that we have."""
    steps = {}
    with open(client_cases.DATA / "cli-wire.tsv", encoding="utf-8") as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(reader)
        for command, _, _, method, path, _, body in reader:
            steps.setdefault(command, []).append((method, path, body))
    skipped = ("cp ", "commit", "save", "volume", "system prune", "container prune", "image prune", "system df", "stats", "update", "diff", "export",
               "import", "history", "events", "search", "build", "dial-stdio", "-v vol")
    return [pytest.param(c, s, id=c) for c, s in steps.items() if not any(word in c for word in skipped)]


@pytest.mark.parametrize("command,steps", wire_rows())
def test_requests_are_those_of_docker_on_the_wire(command, steps, tmp_path):
    words = shlex.split(command)[1:]
    line = shlex.join(str(tmp_path / "s.tar") if w == "s.tar" else w for w in words)
    (tmp_path / "s.tar").write_bytes(b"\0" * 1024)
    line = re.sub(r"sha256:a+", "sha256:" + "a" * 64, line)
    ours = client_cases.run_case(wherry_program(), {"api_version": "1.50"}, line)["requests"]

    def plain(target):
        target = re.sub(r"^/v1\.\d+", "", target)
        return re.sub(r"(c1d2){16}|e{64}|a{64}|<cid>|<execid>", "<id>", target)

    expected = sorted(f"{m} {plain(p)}" for m, p, _ in steps if p != "/_ping")
    assert sorted(" ".join([r.split(" ")[0], plain(r.split(" ")[1])]) for r in ours) == expected
