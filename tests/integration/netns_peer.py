"""Peers inside network namespaces without a process of their own: threads of the test that moved.

A Service answers every TCP connection and UDP packet with the address that it saw; ask() asks.
"""
import ctypes
import os
import socket
import struct
import threading

CLONE_NEWNET = 0x40000000
ANSWER_S = 3
PROTOCOLS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def inside(namespace, function):
    """What `function` returns in the network namespace `namespace` (a path)."""
    outcome = {}

    def run():  # setns(2) moves the calling thread alone
        try:
            with open(namespace) as opened:
                if ctypes.CDLL(None, use_errno=True).setns(opened.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            outcome["value"] = function()
        except BaseException as error:  # noqa: BLE001 - raised again below
            outcome["error"] = error

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def namespace_of(pid):
    return f"/proc/{pid}/ns/net"


def named_namespace(sandbox, name):
    """Of `ip netns add NAME` in the sandbox."""
    return f"/proc/{sandbox.holder.pid}/root/run/netns/{name}"


class Service:
    """Port `port` of a namespace, for both protocols and families."""

    def __init__(self, namespace, port):
        self.sockets = [inside(namespace, lambda kind=kind: self._bound(kind, port))
                        for kind in PROTOCOLS.values()]
        self.stop_read, self.stop_write = os.pipe()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    @staticmethod
    def _bound(kind, port):
        try:
            made = socket.socket(socket.AF_INET6, kind)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        except OSError:
            made = socket.socket(socket.AF_INET, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("", port))
        if kind == socket.SOCK_STREAM:
            made.listen()
        return made

    def _serve(self):
        import select
        stream, packets = self.sockets
        while True:
            ready, _, _ = select.select([stream, packets, self.stop_read], [], [])
            if self.stop_read in ready:
                return
            if stream in ready:
                connection, client = stream.accept()
                with connection:
                    connection.sendall(client[0].encode())
            if packets in ready:
                _, client = packets.recvfrom(2048)
                packets.sendto(client[0].encode(), client)

    def close(self):
        os.write(self.stop_write, b"x")
        self.thread.join()
        for one in (self.stop_read, self.stop_write):
            os.close(one)
        for one in self.sockets:
            one.close()


def ask(namespace, address, port, protocol="tcp"):
    """The address that the service saw, without "::ffff:"; None without an answer."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def question():
        with socket.socket(family, PROTOCOLS[protocol]) as asking:
            asking.settimeout(ANSWER_S)
            asking.connect((address, port))
            if protocol == "udp":
                asking.send(b"who am I")
            return asking.recv(256).decode().removeprefix("::ffff:")
    try:
        return inside(namespace, question)
    except OSError:
        return None


def _crc32c(data):
    value = 0xffffffff
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
    return value ^ 0xffffffff


def sctp_init(source_port, port):
    """The first packet of an association (RFC 9260), for hosts without SCTP sockets."""
    chunk = struct.pack(">BBHIIHHI", 1, 0, 20, 0x1234, 65536, 1, 1, 1)
    header = struct.pack(">HHI", source_port, port, 0)
    checksum = struct.pack("<I", _crc32c(header + b"\0" * 4 + chunk))
    return header + checksum + chunk


def raw_sctp():
    """A socket that hears every SCTP packet of its namespace, and sends any."""
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_SCTP)
    made.settimeout(ANSWER_S)
    return made
