"""A client that speaks bytes: what http.client is too polite to send."""
import json
import socket
import time


class Raw:
    def __init__(self, path, timeout_s=10):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout_s)
        self.sock.connect(str(path))
        self.buffer = b""

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def request(self, method, path, body=None, headers=()):
        lines = [f"{method} {path} HTTP/1.1", "Host: docker", *headers]
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            if not any(line.lower().startswith("content-type") for line in lines):
                lines.append("Content-Type: application/json")
            lines.append(f"Content-Length: {len(data)}")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + data)

    def read_until(self, mark):
        while mark not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        at = self.buffer.index(mark) + len(mark)
        taken, self.buffer = self.buffer[:at], self.buffer[at:]
        return taken

    def head(self):
        """(status, {lower-case name: value}) of the next answer."""
        lines = self.read_until(b"\r\n\r\n").decode().split("\r\n")
        fields = (line.split(":", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), {k.lower(): v.strip() for k, v in fields}

    def chunk(self):
        size = int(self.read_until(b"\r\n"), 16)
        while len(self.buffer) < size + 2:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        taken, self.buffer = self.buffer[:size], self.buffer[size + 2:]
        return taken

    def rest(self):
        """Everything until the other side ends."""
        while True:
            data = self.sock.recv(65536)
            if not data:
                taken, self.buffer = self.buffer, b""
                return taken
            self.buffer += data

    def is_open(self, wait_s=0.2):
        """False once the other side has ended the connection."""
        self.sock.settimeout(wait_s)
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            return True
        except OSError:
            return False
        self.buffer += data
        return bool(data)

    def end_sending(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()


def frames(data):
    """docker's stream format -> {stream: bytes}."""
    streams = {}
    while data:
        stream, size = data[0], int.from_bytes(data[4:8], "big")
        streams[stream] = streams.get(stream, b"") + data[8:8 + size]
        data = data[8 + size:]
    return streams


def milliseconds(work):
    start = time.monotonic()
    work()
    return (time.monotonic() - start) * 1000
