"""With no engine on the default socket the client starts the wherryd that lies beside it."""
import os
import subprocess
import textwrap

import pytest
from fixtures import BIN

SETUP = """
set -u
mount -t tmpfs none /run
mkdir -p /var/lib && mount -t tmpfs none /var/lib
ip link set lo up
unset DOCKER_HOST DOCKER_CONTEXT
export DOCKER_CONFIG=/run/docker-config
"""


def in_namespaces(script):
    """Runs a shell script in mount, net and pid namespaces of its own, so that default paths
    are empty and whatever it starts ends with it."""
    if os.geteuid() != 0:
        pytest.skip("needs root for its own namespaces")
    return subprocess.run(["unshare", "-mnp", "--fork", "--kill-child", "--mount-proc", "bash", "-c", SETUP + textwrap.dedent(script)],
                          capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "W": str(BIN / "wherry")})


def test_a_command_starts_the_engine_and_goes_on():
    done = in_namespaces("""
        "$W" ps -q && "$W" ps -q && echo answered
        ls -l /run/wherry/wherry.sock | cut -c1-10
        """)
    assert done.stderr == ""
    assert done.stdout == "answered\nsrw-rw----\n"


def test_many_clients_at_once_start_one_engine():
    done = in_namespaces("""
        for i in 1 2 3 4 5 6; do "$W" ps -q & clients="${clients-} $!"; done; wait $clients
        cat /proc/[0-9]*/comm | grep -cx wherryd
        """)
    assert done.stderr == ""
    assert done.stdout.split() == ["1"]


def test_the_engine_has_a_session_and_files_of_its_own():
    done = in_namespaces("""
        exec 9</dev/zero
        "$W" ps -q
        pid=$(cat /run/wherry/wherryd.pid)
        readlink /proc/$pid/cwd
        readlink /proc/$pid/fd/0 /proc/$pid/fd/1
        readlink /proc/$pid/fd/9 | grep -c zero
        cut -d' ' -f6 /proc/$pid/stat | grep -cx "$pid"
        """)
    assert done.stdout.split() == ["/", "/dev/null", "/run/wherry/wherryd.log", "0", "1"], done.stderr


def test_why_it_cannot_be_started_is_said():
    done = in_namespaces("""
        mount -t tmpfs -o ro none /var/lib
        "$W" ps; echo $?
        """)
    assert done.stdout == "1\n"
    assert done.stderr.startswith("cannot start the engine: ")
    assert "/run/wherry/wherryd.log" in done.stderr


def test_an_engine_that_was_named_is_not_started():
    done = in_namespaces("""
        "$W" -H unix:///run/other.sock ps; echo $?
        DOCKER_HOST=unix:///run/other.sock "$W" ps; echo $?
        ls /run | grep wherry
        """)
    assert done.stdout == "1\n1\n"
    assert done.stderr.count("Cannot connect to the Docker daemon at unix:///run/other.sock.") == 2


@pytest.mark.parametrize("command", ["version", "info", "system check"])
def test_looking_does_not_start_one(command):
    done = in_namespaces(f"""
        "$W" {command} >/dev/null; echo $?
        ls /run | grep wherry
        """)
    assert done.stdout == "1\n"
