"""The real docker client against our engine: what a user of docker types, unchanged."""
import json


def test_version_names_both(engine):
    out = engine.docker("version", "--format", "json", check=0).stdout
    server = json.loads(out)["Server"]
    assert server["ApiVersion"] == "1.51" and server["MinAPIVersion"] == "1.24"
    assert server["Platform"]["Name"] == "Wherry"


def test_info_works(engine):
    info = json.loads(engine.docker("info", "--format", "json", check=0).stdout)
    assert info["ServerVersion"] == "0.1.0" and info["Swarm"]["LocalNodeState"] == "inactive"


def test_run_passes_output_and_exit_codes(engine):
    done = engine.docker("run", "--rm", "--network", "none", "busybox", "sh", "-c",
                         "echo out; echo err >&2; exit 7", check=7)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    assert "executable file not found" in engine.docker(
        "run", "--rm", "--network", "none", "busybox", "nosuch", check=127).stderr
    engine.docker("run", "--rm", "--network", "none", "busybox", "/etc", check=126)
    done = engine.docker("run", "--rm", "-i", "--network", "none", "busybox", "cat", check=0,
                         input="through stdin\n")
    assert done.stdout == "through stdin\n"


def test_detached_life(engine):
    engine.docker("run", "-d", "--name", "life", "--network", "none", "busybox", "sleep", "100",
                  check=0)
    assert engine.docker("ps", "--format", "{{.Names}}", check=0).stdout == "life\n"
    assert engine.docker("exec", "life", "echo", "hi", check=0).stdout == "hi\n"
    engine.docker("exec", "life", "nosuch", check=127)
    engine.docker("exec", "life", "sh", "-c", "exit 4", check=4)
    assert "sleep 100" in engine.docker("top", "life", check=0).stdout
    engine.docker("pause", "life", check=0)
    engine.docker("unpause", "life", check=0)
    engine.docker("rename", "life", "lives", check=0)
    engine.docker("stop", "-t", "0", "lives", check=0)
    assert engine.docker("wait", "lives", check=0).stdout == "137\n"
    engine.docker("rm", "lives", check=0)


def test_logs(engine):
    engine.docker("run", "--name", "words", "--network", "none", "busybox", "sh", "-c",
                  "echo one; echo two", check=0)
    assert engine.docker("logs", "words", check=0).stdout == "one\ntwo\n"
    assert engine.docker("logs", "--tail", "1", "words", check=0).stdout == "two\n"


def test_inspect_of_nothing_says_so(engine):
    done = engine.docker("inspect", "nothing", check=1)
    assert "no such object: nothing" in done.stderr.lower()


def test_images(engine):
    engine.docker("tag", "busybox", "example/box:1", check=0)
    assert "example/box" in engine.docker("images", check=0).stdout
    assert engine.docker("rmi", "example/box:1", check=0).stdout == "Untagged: example/box:1\n"
    engine.docker("rmi", "nope", check=1)


def test_absent_commands_answer_in_one_sentence(engine):
    done = engine.docker("image", "history", "busybox", check=1)
    assert "wherry: 'docker image history' is not available in wherry 0.1.0" in done.stderr
