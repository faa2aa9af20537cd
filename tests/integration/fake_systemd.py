"""A manager of systemd's kind on a D-Bus socket, as far as a runtime needs it: what it is asked is kept for
the test, a scope is a group of the unified hierarchy. Wire format by the D-Bus specification."""
import pathlib
import re
import socket
import struct
import threading

SIGNATURES = re.compile(r"a*(?:[ybnqiuxtdsogv]|\((?:[^()]|\([^()]*\))*\))")


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, to):
        self.at += -self.at % to

    def number(self, form):
        self.align(struct.calcsize(form))
        value, = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def bytes(self, length):
        value = self.data[self.at:self.at + length]
        assert len(value) == length and self.data[self.at + length] == 0
        self.at += length + 1
        return value.decode()

    def value(self, kind):
        if kind in "yiuxt":
            return self.number({"y": "B", "i": "i", "u": "I", "x": "q", "t": "Q"}[kind])
        if kind == "b":
            word = self.number("I")
            assert word in (0, 1)
            return bool(word)
        if kind in "so":
            return self.bytes(self.number("I"))
        if kind == "g":
            return self.bytes(self.number("B"))
        if kind == "v":
            return self.value(self.bytes(self.number("B")))
        if kind.startswith("("):
            self.align(8)
            return tuple(self.value(one) for one in SIGNATURES.findall(kind[1:-1]))
        assert kind.startswith("a"), kind
        length = self.number("I")
        self.align(8 if kind[1] in "(xt" else 1 if kind[1] in "yv" else 4)
        end, found = self.at + length, []
        while self.at < end:
            found.append(self.value(kind[1:]))
        assert self.at == end
        return found

    def all(self, signature):
        return [self.value(kind) for kind in SIGNATURES.findall(signature)]


def text(value):
    return struct.pack("<I", len(value)) + value.encode() + b"\0"


def message(kind, body=b"", signature="", reply_to=None, **names):
    fields = b""
    codes = {"path": (1, b"o"), "interface": (2, b"s"), "member": (3, b"s"), "error": (4, b"s")}
    for name, value in names.items():
        fields += b"\0" * (-len(fields) % 8) + bytes([codes[name][0], 1]) + codes[name][1] + b"\0" + text(value)
    if signature:
        fields += b"\0" * (-len(fields) % 8) + b"\x08\x01g\0" + bytes([len(signature)]) + signature.encode() + b"\0"
    if reply_to is not None:
        fields += b"\0" * (-len(fields) % 8) + b"\x05\x01u\0" + struct.pack("<I", reply_to)
    head = struct.pack("<cBBBIII", b"l", kind, 0, 1, len(body), 7, len(fields)) + fields
    return head + b"\0" * (-len(head) % 8) + body


class Systemd(threading.Thread):
    """`answers`: member -> bytes to send in place of the right answer, or None to hang up."""

    def __init__(self, folder, hierarchy):
        super().__init__(daemon=True)
        self.path = folder / "bus"
        self.hierarchy = pathlib.Path(hierarchy)
        self.calls, self.answers, self.failures = [], {}, []
        self.outcome, self.loaded = "done", set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.start()

    def asked(self, member):
        return [values for name, values in self.calls if name == member]

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join()
        assert not self.failures, self.failures

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            try:
                with peer:
                    self.serve(peer)
            except Exception as wrong:  # the test reads it
                self.failures.append(repr(wrong))

    def serve(self, peer):
        stream = peer.makefile("rb")
        assert stream.read(1) == b"\0"
        words = stream.readline().split()
        assert words[:2] == [b"AUTH", b"EXTERNAL"] and bytes.fromhex(words[2].decode()) == b"0", words
        peer.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
        assert stream.readline() == b"BEGIN\r\n"
        while True:
            head = stream.read(16)
            if not head:
                return
            order, kind, _, version, body_length, serial, fields_length = struct.unpack("<cBBBIII", head)
            assert (order, kind, version) == (b"l", 1, 1)
            fields = stream.read(fields_length + -fields_length % 8)[:fields_length]
            reader, header = Reader(struct.pack("<I", fields_length) + b"\0\0\0\0" + fields), {}
            reader.at = 8
            while reader.at < len(reader.data):
                reader.align(8)
                code = reader.number("B")
                header[code] = reader.value("v")
            body = Reader(stream.read(body_length))
            values = body.all(header.get(8, ""))
            assert body.at == body_length
            self.calls.append((header[3], values))
            answer = self.answers.get(header[3], ())
            if answer is None:
                return
            for piece in [answer] if answer else self.answer(header[3], values, serial):
                peer.sendall(piece)

    def answer(self, member, values, serial):
        if member == "Hello":
            return [message(2, text(":1.7"), "s", serial)]
        if member not in ("StartTransientUnit", "StopUnit"):
            return [message(2, reply_to=serial)]
        unit = values[0]
        if member == "StopUnit" and unit not in self.loaded:
            words = text(f"Unit {unit} not loaded.")
            return [message(3, words, "s", serial, error="org.freedesktop.systemd1.NoSuchUnit")]
        if member == "StartTransientUnit":
            self.loaded.add(unit)
            properties = dict(values[2])
            if self.outcome == "done":
                group = self.hierarchy / properties["Slice"] / unit
                group.mkdir(parents=True, exist_ok=True)
                (group / "cgroup.procs").write_text(str(properties["PIDs"][0]))
        else:
            self.loaded.discard(unit)
        ended = struct.pack("<I", 9) + text("/org/freedesktop/systemd1/job/9")
        ended += b"\0" * (-len(ended) % 4) + text(unit)
        ended += b"\0" * (-len(ended) % 4) + text(self.outcome)
        names = {"path": "/org/freedesktop/systemd1", "interface": "org.freedesktop.systemd1.Manager"}
        other = message(4, text("x"), "s", member="UnitNew", **names)
        reply = message(2, text("/org/freedesktop/systemd1/job/9"), "o", serial)
        signal = message(4, ended, "uoss", member="JobRemoved", **names)
        # As systemd does it: the job may end before its number is told.
        return [other, signal, reply]
