"""A registry on loopback that tests can make misbehave, and images to put into it."""
import gzip
import hashlib
import http.server
import io
import json
import socket
import tarfile
import threading

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_layer(files, links=()):
    """A tar with `files` {name: bytes} and symlinks `links` [(name, target)]."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return buffer.getvalue()


class Image:
    """Plain tar layers -> config, gzip blobs and manifest."""

    def __init__(self, layers, architecture="amd64", **config):
        self.tars = layers
        self.blobs = [gzip.compress(tar, 1, mtime=0) for tar in layers]
        self.config = json.dumps({
            "architecture": architecture, "os": "linux", "created": "2024-01-01T00:00:00Z",
            "config": {"Cmd": ["sh"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in layers]},
            **config}).encode()
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(self.config),
                       "size": len(self.config)},
            "layers": [{"mediaType": LAYER, "digest": digest_of(blob), "size": len(blob)}
                       for blob in self.blobs]}).encode()

    @property
    def id(self):
        return digest_of(self.config)


class FakeRegistry:
    """Serves manifests and blobs over plain http on `address`:port.

    `on_blob(handler, digest, data)` and `on_manifest(handler, name)` may answer instead: they
    return True if they did. `requests` lists (method, path, headers) as they came. `listener` is a
    listening socket to serve on instead, such as one of another network namespace."""

    def __init__(self, address="127.0.0.1", listener=None):
        self.manifests, self.blobs, self.requests = {}, {}, []
        self.on_blob = self.on_manifest = self.on_request = None
        self.bytes_sent = 0
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self):
                # A TLS hello to a plain http server: hang up, the client tries http next.
                if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
                    return
                try:
                    super().handle()
                except OSError:
                    pass

            def log_message(self, *_):
                pass

            def reply(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def answer(self):
                registry.requests.append((self.command, self.path, dict(self.headers)))
                if registry.on_request and registry.on_request(self):
                    return
                kind, _, name = self.path.rpartition("/")
                if kind.endswith("/manifests"):
                    self.manifest(name)
                elif kind.endswith("/blobs"):
                    self.blob(name)
                else:
                    self.reply(200, b"{}")

            def answer_with_body(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer()

            do_GET = do_HEAD = answer
            do_POST = answer_with_body

            def manifest(self, name):
                if registry.on_manifest and registry.on_manifest(self, name):
                    return
                if name not in registry.manifests:
                    return self.reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN",'
                                           b'"message":"manifest unknown"}]}')
                kind, body = registry.manifests[name]
                self.reply(200, body, Content_Type=kind, Docker_Content_Digest=digest_of(body))

            def blob(self, name):
                data = registry.blobs.get(name)
                if data is None:
                    return self.reply(404)
                if registry.on_blob and registry.on_blob(self, name, data):
                    return
                self.send_blob(data)

            def offset(self):
                return int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))

            def send_blob(self, data, upto=None):
                """From the asked offset; only `upto` bytes of it if given, then hang up."""
                start = self.offset()
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                self.send_header("Content-Length", str(len(data) - start))
                self.end_headers()
                piece = data[start:] if upto is None else data[start:start + upto]
                registry.bytes_sent += len(piece)
                self.wfile.write(piece)
                if upto is not None:
                    self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self.server = Server((address, 0), Handler, bind_and_activate=listener is None)
        if listener is not None:
            self.server.socket.close()
            self.server.socket = listener
            self.server.server_address = listener.getsockname()
            address = self.server.server_address[0]
        self.host = f"{address}:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def add(self, image, tag="latest"):
        self.manifests[tag] = self.manifests[digest_of(image.manifest)] = (MANIFEST, image.manifest)
        self.blobs[image.id] = image.config
        for blob in image.blobs:
            self.blobs[digest_of(blob)] = blob

    def paths(self, method, part):
        return [path for verb, path, _ in self.requests if verb == method and part in path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
