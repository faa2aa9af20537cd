"""The order of a first Docker tutorial, typed at a terminal, with our client and with docker's."""
import shutil

import pytest
from fixtures import BIN, wait_until
from terminal import Terminal


@pytest.fixture(params=["wherry", "docker"])
def client(request, engine):
    program = BIN / "wherry" if request.param == "wherry" else shutil.which("docker")
    if program is None:
        pytest.skip("needs the docker client")

    def run(*arguments, **options):
        return engine.cli(*arguments, program=program, **options)

    def terminal(*arguments, **options):
        return Terminal([program, *arguments], engine.client_environment(), **options)

    run.terminal = terminal
    return run


def test_a_shell_leaves_a_file_that_only_its_container_has(client):
    shell = client.terminal("run", "-it", "--name", "first", "alpine", "/bin/sh")
    shell.expect(r"/ # ")
    shell.type("echo made > /hello-file\n")
    shell.expect(r"/ # ")
    shell.type("ls /\n")
    shell.expect(r"hello-file")
    shell.expect(r"/ # ")
    shell.type("exit\n")
    assert shell.wait() == 0
    assert shell.settings_unchanged()
    shell.close()

    listed = client("run", "--name", "second", "alpine", "ls", check=0)
    assert "hello-file" not in listed.stdout and "bin" in listed.stdout
    table = client("ps", "-a", check=0).stdout
    assert "first" in table and "second" in table

    identifier = client("ps", "-aq", "--no-trunc", "--filter", "name=first", check=0).stdout.strip()
    client("start", identifier[:12], check=0)
    assert client("inspect", "-f", "{{.State.Running}}", "first", check=0).stdout == "true\n"
    assert "hello-file" in client("exec", identifier[:6], "ls", "/", check=0).stdout
    assert "hello-file" in client("exec", "first", "ls", "/", check=0).stdout
    client("stop", "-t", "0", "first", check=0)


def test_the_exit_code_is_the_shell_s(client):
    shell = client.terminal("run", "--rm", "-it", "alpine", "sh")
    shell.expect(r"/ # ")
    shell.type("exit 42\n")
    assert shell.wait() == 42
    shell.close()


def test_a_resize_reaches_the_container(client):
    shell = client.terminal("run", "--rm", "-it", "alpine", "sh", rows=30, columns=100)
    shell.expect(r"/ # ")
    shell.type("stty size\n")
    shell.expect(r"30 100")
    shell.resize(41, 123)
    shell.process.send_signal(__import__("signal").SIGWINCH)
    shell.expect(r"/ # ")

    def resized():
        shell.type("stty size\n")
        shell.expect(r"\d+ \d+")
        return "41 123" in shell.text
    wait_until(resized, what="new size inside")
    shell.type("exit\n")
    shell.wait()
    shell.close()


def test_ctrl_c_reaches_the_program_inside(client):
    shell = client.terminal("run", "--rm", "-it", "alpine", "sh")
    shell.expect(r"/ # ")
    # Said by the job itself, which then is the terminal's foreground: ^C before that would reach
    # the shell, which goes on to wait for its job.
    shell.type("sh -c \"echo rea''dy; exec sleep 100\"\n")
    shell.expect(r"ready\r\n")
    shell.type("\x03")
    shell.expect(r"/ # ")
    shell.type("echo still-$((40+2))\n")
    shell.expect(r"still-42")
    shell.type("exit\n")
    shell.wait()
    shell.close()


def test_detach_keys_leave_the_container_running(client):
    shell = client.terminal("run", "-it", "--name", "stays", "alpine", "sh")
    shell.expect(r"/ # ")
    shell.type("\x10\x11")
    shell.wait()
    assert shell.settings_unchanged()
    shell.close()
    assert client("inspect", "-f", "{{.State.Running}}", "stays", check=0).stdout == "true\n"

    again = client.terminal("attach", "stays")
    again.type("\n")
    again.expect(r"/ # ")
    again.type("exit 3\n")
    assert again.wait() == 3
    again.close()


def test_an_interactive_exec(client):
    client("run", "-d", "--name", "target", "alpine", "sleep", "600", check=0)
    shell = client.terminal("exec", "-it", "target", "sh")
    shell.expect(r"/ # ")
    shell.type("tty; exit 5\n")
    shell.expect(r"/dev/pts/\d+")
    assert shell.wait() == 5
    assert shell.settings_unchanged()
    shell.close()


def test_the_terminal_is_restored_when_our_client_is_killed(engine):
    shell = Terminal([BIN / "wherry", "run", "-it", "--name", "orphan", "alpine", "sh"],
                     engine.client_environment())
    shell.expect(r"/ # ")
    assert not shell.settings_unchanged()
    shell.kill()
    wait_until(shell.settings_unchanged, what="the terminal's settings as before")
    shell.close()


def test_output_to_a_pipe_is_the_container_s_alone(client):
    done = client("run", "--rm", "alpine", "sh", "-c", "echo out; echo err >&2", check=0)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_input_from_a_pipe(client):
    done = client("run", "--rm", "-i", "alpine", "cat", input="one\ntwo\n", check=0)
    assert done.stdout == "one\ntwo\n"


@pytest.mark.parametrize("command, code", [(["true"], 0), (["false"], 1), (["sh", "-c", "exit 9"], 9),
                                           (["sh", "-c", "sleep 9 & kill -9 $!; wait $!"], 137),
                                           (["/no/such/program"], 127), (["/etc"], 126),
                                           (["/etc/passwd"], 126)])
def test_exit_codes(client, command, code):
    assert client("run", "--rm", "alpine", *command).returncode == code
