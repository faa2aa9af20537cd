"""Bytes and round trips between a container, its host and a published port, for bench/run.

The two ends are processes of this file that enter a network namespace: no program of an image is
measured, and the same code speaks through every engine.
"""
import ctypes
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
BLOCK = 1 << 20
PORT = 8080  # published
INNER = 80
HOST_PORT = 9090  # of the host, for what a container sends
PATIENCE_S = 30


def enter(namespace):
    with open(namespace) as opened:
        if ctypes.CDLL(None, use_errno=True).setns(opened.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


def serve(port):
    """Two connections, one after the other: the first is read to its end, the second echoed."""
    with socket.create_server(("0.0.0.0", port)) as listening:
        print("ready", flush=True)
        block = bytearray(BLOCK)
        connection, _ = listening.accept()
        with connection:
            while connection.recv_into(block):
                pass
            connection.sendall(b".")
        connection, _ = listening.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while byte := connection.recv(1):
                connection.sendall(byte)


def ask(address, port, seconds):
    """Prints Gbit/s that have arrived and the median of round trips in microseconds."""
    block = bytes(BLOCK)
    with socket.create_connection((address, port), timeout=PATIENCE_S) as connection:
        began, sent = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            connection.sendall(block)
            sent += BLOCK
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)  # all of it was read
        rate = sent * 8 / (time.perf_counter() - began) / 1e9
    trips = []
    with socket.create_connection((address, port), timeout=PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.perf_counter() + seconds / 2
        while (began := time.perf_counter()) < end:
            connection.sendall(b"x")
            connection.recv(1)
            trips.append((time.perf_counter() - began) * 1e6)
    print(json.dumps([rate, statistics.median(trips)]))


def process(*arguments):
    return subprocess.Popen([sys.executable, __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def measure(server, client, seconds):
    """`server`: namespace and port; `client`: namespace, address and port."""
    with process("serve", *server) as serving:
        try:
            assert serving.stdout.readline() == "ready\n"
            with process("ask", *client, seconds) as asking:
                answer = asking.communicate(timeout=PATIENCE_S + 4 * seconds)[0]
            return json.loads(answer)
        finally:
            serving.kill()


def prepare(engine, call):
    """A container with a published port: its namespace, that of its host, its gateway."""
    call(engine, "run", "-d", "--name", "net", "-p", f"127.0.0.1:{PORT}:{INNER}", "busybox", "sleep", "9000")
    shown = json.loads(subprocess.run([*engine.client, "inspect", "net"], env=engine.environment,
                                      capture_output=True, text=True, check=True).stdout)[0]
    settings = shown["NetworkSettings"]
    gateway = settings.get("Gateway") or next(iter(settings["Networks"].values()))["Gateway"]
    return f"/proc/{shown['State']['Pid']}/ns/net", f"/proc/{engine.sandbox.holder.pid}/ns/net", gateway


def row(table, peers, call, quick):
    seconds, rounds = (1, 3) if quick else (2, 5)
    places = {engine.name: prepare(engine, call) for engine in peers}
    answers = {name: {"out": [], "in": []} for name in places}
    # In turns, so that what else the machine does is everybody's.
    for _ in range(rounds):
        for name, (inside, host, gateway) in places.items():
            answers[name]["out"].append(measure((host, HOST_PORT), (inside, gateway, HOST_PORT), seconds))
            answers[name]["in"].append(measure((inside, INNER), (host, "127.0.0.1", PORT), seconds))
    for engine in peers:
        call(engine, "rm", "-f", "net")

    def median(way, part):
        return {name: statistics.median(pair[part] for pair in ways[way]) for name, ways in answers.items()}
    figures = {"out": median("out", 0), "out-trip": median("out", 1), "in": median("in", 0),
               "in-trip": median("in", 1)}
    docker = figures["out"].get("docker")
    least = round(docker * 0.95, 2) if docker else None
    table.add("container to host, TCP", "Gbit/s", figures["out"], least, 18, lower_is_better=False)
    table.add("container to host, round trip", "us", figures["out-trip"], None, 10)
    table.add("published port on 127.0.0.1, TCP", "Gbit/s", figures["in"], 14, 18, lower_is_better=False)
    table.add("published port on 127.0.0.1, round trip", "us", figures["in-trip"], 10, 8)


if __name__ == "__main__":
    role, namespace = sys.argv[1:3]
    enter(pathlib.Path(namespace))
    if role == "serve":
        serve(int(sys.argv[3]))
    else:
        ask(sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
