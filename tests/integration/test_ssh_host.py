"""ssh:// hosts: our client and docker's through a program named ssh that runs the far command
here, and our `system dial-stdio` at that far end."""
import json
import shutil
import stat
import subprocess

import pytest
from fixtures import BIN, TIMEOUT_S

SSH = """#!/bin/sh
# What ssh(1) does with `ssh [options] [--] host command...`, without a network.
echo "$@" >> {log}
while [ $# -gt 0 ]; do
  case "$1" in
    --) shift; break ;;
    -o | -p | -l | -i) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
[ "$1" = down.example ] && {{ echo "ssh: connect to host down.example: No route to host" >&2; exit 255; }}
shift
exec env DOCKER_HOST=unix://{socket} PATH={far}:$PATH "$@"
"""


@pytest.fixture(scope="module")
def ssh(module_engine, scratch):
    """The log of what ssh was called with; `run(program, *arguments)` has it in PATH."""
    near, far = scratch / "near", scratch / "far"
    near.mkdir()
    far.mkdir()
    (far / "docker").symlink_to(BIN / "wherry")
    program, log = near / "ssh", scratch / "ssh.log"
    program.write_text(SSH.format(log=log, socket=module_engine.socket, far=far))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run(client, *arguments, host="ssh://me@far.example", **options):
        return subprocess.run(
            [client, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S,
            env={"PATH": f"{near}:/usr/bin:/bin", "DOCKER_HOST": host, "HOME": str(scratch)},
            **options)

    run.log = log
    return run


@pytest.fixture(params=["wherry", "docker"])
def client(request):
    program = BIN / "wherry" if request.param == "wherry" else shutil.which("docker")
    if program is None:
        pytest.skip("needs the docker client")
    return str(program)


def test_commands_streams_and_exit_codes_pass(engine, ssh, client):
    done = ssh(client, "version", "--format", "json")
    assert json.loads(done.stdout)["Server"]["Platform"]["Name"] == "Wherry", done.stderr
    done = ssh(client, "run", "--rm", "-i", "--network", "none", "busybox", "sh", "-c",
               "cat; echo err >&2; exit 7", input="typed\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, "typed\n", "err\n")


def test_ssh_gets_user_host_port_and_dockers_command(engine, ssh, client):
    ssh.log.write_text("")
    done = ssh(client, "ps", "-q", host="ssh://me@far.example:2222")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    called = ssh.log.read_text().splitlines()[0]
    assert "-p 2222" in called and "far.example" in called
    assert called.endswith("docker system dial-stdio")


def test_a_host_that_is_down_is_told(ssh, client):
    done = ssh(client, "ps", host="ssh://down.example")
    assert done.returncode == 1 and "No route to host" in done.stderr


def test_dial_stdio_carries_one_connection(engine):
    done = engine.cli("system", "dial-stdio", check=0,
                      input="GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert done.stdout.startswith("HTTP/1.1 200 OK\n") and done.stdout.endswith("OK")


def test_dial_stdio_without_an_engine_is_an_error(engine, tmp_path):
    done = subprocess.run([BIN / "wherry", "-H", f"unix://{tmp_path}/none", "system", "dial-stdio"],
                          input="", capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 1 and "Cannot connect to the Docker daemon" in done.stderr
