#!/usr/bin/python3
"""DNS by hand, run inside a network namespace by test_dns.py.

ask NAME TYPE [tcp]       one question to 127.0.0.11: a JSON object
flood NAME RATE COUNT     COUNT questions, RATE a second, and more until stdin ends; each sent
                          once: the latencies in ms, and how many had no answer within a second
serve ADDRESS LOGFILE     a name server that answers A with 192.0.2.53 (TTL 60), cut over UDP for
                          names that begin with "big", and writes each name that it is asked for
"""
import json
import select
import socket
import struct
import sys
import time

RESOLVER = ("127.0.0.11", 53)
TYPES = {"A": 1, "PTR": 12, "TXT": 16, "AAAA": 28}


def query(name, kind, number):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def skip_name(packet, at):
    while packet[at] and packet[at] < 0xc0:
        at += packet[at] + 1
    return at + (2 if packet[at] else 1)


def name_at(packet, at):
    parts = []
    while packet[at]:
        parts.append(packet[at + 1:at + 1 + packet[at]].decode())
        at += packet[at] + 1
    return ".".join(parts)


def read(packet):
    number, flags, _, count = struct.unpack(">4H", packet[:8])
    at = skip_name(packet, 12) + 4
    answers = []
    for _ in range(count):
        at = skip_name(packet, at)
        kind, _, ttl, size = struct.unpack(">HHIH", packet[at:at + 10])
        data = packet[at + 10:at + 10 + size]
        at += 10 + size
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        answers.append(socket.inet_ntop(family, data) if family else name_at(data, 0))
    return {"id": number, "rcode": flags & 15, "cut": bool(flags & 0x200), "answers": answers}


def exactly(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        assert piece, "hung up"
        data += piece
    return data


def ask(name, kind, transport="udp"):
    packet = query(name, TYPES[kind], 4711)
    began = time.monotonic()
    if transport == "tcp":
        with socket.create_connection(RESOLVER, 5) as connection:
            connection.sendall(struct.pack(">H", len(packet)) + packet)
            answer = exactly(connection, struct.unpack(">H", exactly(connection, 2))[0])
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(6)
            client.sendto(packet, RESOLVER)
            answer = client.recv(4096)
    print(json.dumps({**read(answer), "ms": (time.monotonic() - began) * 1000}))


def flood(name, rate, count):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(RESOLVER)
    sent, late, refused, latencies = {}, 0, 0, []
    number, following, told_to_end = 0, time.monotonic(), False
    while sent or number < count or not told_to_end:
        now = time.monotonic()
        asks = number < count or not told_to_end
        if asks and now >= following:
            number += 1
            sent[number & 0xffff] = now
            client.send(query(name, 1, number & 0xffff))
            following += 1 / rate
        patience = following - now if asks else 0.05
        inputs = [client] if told_to_end else [client, sys.stdin]
        ready, _, _ = select.select(inputs, [], [], max(0, min(patience, 0.05)))
        told_to_end = told_to_end or sys.stdin in ready
        if client in ready:
            try:
                answer = read(client.recv(4096))
            except ConnectionRefusedError:
                refused += 1
                continue
            if answer["id"] in sent and answer["answers"]:
                latencies.append((time.monotonic() - sent.pop(answer["id"])) * 1000)
        for old in [one for one, at in sent.items() if now - at > 1]:
            del sent[old]
            late += 1
    latencies.sort()
    at = lambda share: latencies[min(len(latencies) - 1, int(len(latencies) * share))]  # noqa: E731
    print(json.dumps({"asked": number, "answered": len(latencies), "unanswered": late, "refused": refused,
                      "median_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1)}))


def respond(packet, transport, log):
    end = skip_name(packet, 12) + 4
    name = name_at(packet, 12)
    log.write(f"{transport} {name}\n")
    log.flush()
    cut = transport == "udp" and name.startswith("big")
    header = packet[:2] + struct.pack(">5H", 0x8380 if cut else 0x8180, 1, 0 if cut else 1, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton("192.0.2.53")
    return header + packet[12:end] + (b"" if cut else record)


def serve(address, log_file):
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    streams = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for one in (datagrams, streams):
        one.bind((address, 53))
    streams.listen(16)
    print("ready", flush=True)
    with open(log_file, "a") as log:
        while True:
            ready, _, _ = select.select([datagrams, streams], [], [])
            if datagrams in ready:
                packet, peer = datagrams.recvfrom(4096)
                datagrams.sendto(respond(packet, "udp", log), peer)
            if streams in ready:
                connection, _ = streams.accept()
                packet = exactly(connection, struct.unpack(">H", exactly(connection, 2))[0])
                answer = respond(packet, "tcp", log)
                connection.sendall(struct.pack(">H", len(answer)) + answer)
                connection.close()


if __name__ == "__main__":
    verb, arguments = sys.argv[1], sys.argv[2:]
    if verb == "flood":
        flood(arguments[0], int(arguments[1]), int(arguments[2]))
    else:
        {"ask": ask, "serve": serve}[verb](*arguments)
