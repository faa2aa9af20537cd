"""A seccomp filter with a listener: who gets it, with what, and what its answers do."""
import array
import fcntl
import json
import os
import socket
import struct
import threading

import pytest

import runtime_util

pytestmark = pytest.mark.skipif(runtime_util.skip_reason() is not None, reason=str(runtime_util.skip_reason()))

# struct seccomp_notif and seccomp_notif_resp: id, pid, flags, data (nr, arch, ip, args); id, val, error, flags.
NOTIFICATION, ANSWER = "=QII iIQ6Q", "=QqiI"
RECEIVE = 0xC0502100
SEND = 0xC0182101
EMLINK = 31


class Listener:
    """The agent behind listenerPath: answers every call that is held up with an errno."""

    def __init__(self, path):
        self.path, self.messages, self.pids = str(path), [], []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(self.path)
        self.socket.listen()
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            data, control, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(16))
            numbers = array.array("i")
            for _level, _kind, bytes_ in control:
                numbers.frombytes(bytes_[:len(bytes_) - len(bytes_) % numbers.itemsize])
            self.messages.append((json.loads(data), len(numbers)))
            thread = threading.Thread(target=self.answer, args=(numbers[0],), daemon=True)
            self.threads.append(thread)
            thread.start()
            connection.close()

    def answer(self, number):
        while True:
            request = bytearray(struct.calcsize(NOTIFICATION))
            try:
                fcntl.ioctl(number, RECEIVE, request)
            except OSError:  # nobody has this filter any more
                os.close(number)
                return
            fields = struct.unpack(NOTIFICATION, request)
            self.pids.append(fields[1])
            try:
                fcntl.ioctl(number, SEND, struct.pack(ANSWER, fields[0], 0, -EMLINK, 0))
            except OSError:
                continue  # the process has gone meanwhile

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def runtime(tmp_path):
    made = runtime_util.Runtime(tmp_path)
    yield made
    made.close()
    assert made.leftovers() == []


@pytest.fixture
def listener(tmp_path):
    made = Listener(tmp_path / "listener")
    yield made
    made.close()


def config_of(runtime, listener, script, *names, **process):
    config = runtime.config("sh", "-c", script, **process)
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": listener.path, "listenerMetadata": "meta",
        "syscalls": [{"names": list(names or ("mkdir", "mkdirat")), "action": "SCMP_ACT_NOTIFY"}]}
    return config


@pytest.mark.parametrize("no_new_privileges", [False, True])
def test_a_call_that_is_held_up_gets_the_listeners_answer(runtime, listener, no_new_privileges):
    config = config_of(runtime, listener, "mkdir /tmp/x; echo $?; [ -e /tmp/x ] || echo missing", noNewPrivileges=no_new_privileges)
    done = runtime.run(config)
    assert done.stdout.split() == ["1", "missing"] and "Too many links" in done.stderr, done.stderr
    (message, count), = listener.messages
    assert count == 1 and message["fds"] == ["seccompFd"] and message["metadata"] == "meta"
    state = message["state"]
    assert state["id"] == runtime.ids[-1] and state["status"] == "creating" and state["pid"] == message["pid"]
    assert state["bundle"] == str(runtime.bundle)


def test_created_and_execed_processes_have_listeners_of_their_own(runtime, listener):
    name = runtime.start(config_of(runtime, listener, "exec sleep 1000"))
    assert len(listener.messages) == 1
    for _ in range(2):
        done = runtime.call("exec", name, "mkdir", "/tmp/y", check=False)
        assert done.returncode == 1 and "Too many links" in done.stderr
    assert [message["state"]["status"] for message, _ in listener.messages] == ["creating", "running", "running"]
    pid = runtime.state(name)["pid"]
    assert all(message["state"]["pid"] == pid for message, _ in listener.messages)
    assert pid not in [message["pid"] for message, _ in listener.messages[1:]]


def test_calls_of_the_runtime_itself_may_be_held_up(runtime, listener):
    """capset comes behind the filter, from the process that becomes the program."""
    done = runtime.run(config_of(runtime, listener, "true", "capset"))
    assert done.returncode == 1 and "capabilities" in done.stderr
    assert len(listener.messages) == 1


def test_no_descriptor_of_it_reaches_the_program(runtime, listener):
    assert runtime.run(config_of(runtime, listener, "ls /proc/self/fd")).stdout.split() == ["0", "1", "2", "3"]


def test_a_listener_without_a_rule_is_told_of_too(runtime, listener):
    config = config_of(runtime, listener, "echo fine")
    config["linux"]["seccomp"]["syscalls"] = []
    assert runtime.run(config).stdout == "fine\n" and len(listener.messages) == 1


def test_nobody_at_the_path(runtime, listener):
    config = config_of(runtime, listener, "true")
    config["linux"]["seccomp"]["listenerPath"] = "/nowhere/at/all"
    done = runtime.run(config)
    assert done.returncode == 1 and "linux.seccomp.listenerPath" in done.stderr
    assert runtime.call("state", runtime.ids[-1], check=False).returncode == 1


@pytest.mark.parametrize("change,reason", [
    ({"listenerPath": ""}, "listenerMetadata"), ({"defaultAction": "SCMP_ACT_NOTIFY"}, "cannot be the default"),
    ({"syscalls": [{"names": ["write"], "action": "SCMP_ACT_NOTIFY"}]}, "cannot be used for write"),
    ({"listenerPath": "", "listenerMetadata": ""}, "needs a listenerPath")])
def test_what_cannot_be_is_refused(runtime, listener, change, reason):
    config = config_of(runtime, listener, "true")
    config["linux"]["seccomp"].update(change)
    done = runtime.run(config)
    assert done.returncode == 1 and reason in done.stderr
    assert listener.messages == []
