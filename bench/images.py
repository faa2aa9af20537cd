"""A registry on loopback inside a sandbox, and synthetic images of many layers in it."""
import gzip
import hashlib
import io
import json
import pathlib
import random
import shutil
import subprocess
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = ROOT / "build/bench-images"
PORT = 5000


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def synthetic_layer(index, megabytes):
    """(uncompressed digest, gzip bytes) of a tree of files that compress about 2:1."""
    CACHE.mkdir(parents=True, exist_ok=True)
    cached = CACHE / f"{index}-{megabytes}.tgz"
    note = CACHE / f"{index}-{megabytes}.diff"
    if note.exists():
        return note.read_text(), cached.read_bytes()
    dice = random.Random(index)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        written, number = 0, 0
        while written < megabytes << 20:
            size = dice.choice([700, 4000, 15000, 60000, 400000])
            half = dice.randbytes(size // 2)
            entry = tarfile.TarInfo(f"usr/share/l{index}/d{number % 97}/f{number}")
            entry.size, entry.mtime = len(half) * 2, 1700000000
            tar.addfile(entry, io.BytesIO(half + b"wherry! " * (len(half) // 8) +
                                          b"." * (len(half) % 8)))
            written += entry.size
            number += 1
    plain = raw.getvalue()
    data = gzip.compress(plain, 1, mtime=0)
    cached.write_bytes(data)
    note.write_text(digest_of(plain))
    return digest_of(plain), data


class Registry:
    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.address = f"127.0.0.1:{PORT}"

    def __enter__(self):
        done = subprocess.run([str(ROOT / "scripts/peers"), "docker-registry"], capture_output=True,
                              text=True, check=True)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="wherry-registry-"))
        config = self.directory / "config.yml"
        config.write_text("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: "
                          f"{self.directory}/data\nhttp:\n  addr: {self.address}\nlog:\n  level: error\n")
        self.process = self.sandbox.popen(
            f"{done.stdout.strip()}/usr/bin/docker-registry", "serve", config,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if self.sandbox.run("curl", "-fsS", f"http://{self.address}/v2/").returncode == 0:
                return self
            time.sleep(0.1)
        raise RuntimeError("the registry did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.directory)

    def _curl(self, *arguments):
        done = self.sandbox.run("curl", "-fsS", *arguments)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout

    def _blob(self, repository, data):
        head = self._curl("-X", "POST", "-o", "/dev/null", "-D", "-",
                          f"http://{self.address}/v2/{repository}/blobs/uploads/")
        location = next(line.split(": ", 1)[1].strip() for line in head.splitlines()
                        if line.lower().startswith("location: "))
        with tempfile.NamedTemporaryFile(dir=self.directory) as file:
            file.write(data)
            file.flush()
            joint = "&" if "?" in location else "?"
            self._curl("-X", "PUT", "-H", "Content-Type: application/octet-stream", "-T", file.name,
                       f"{location}{joint}digest={digest_of(data)}")
        return {"digest": digest_of(data), "size": len(data)}

    def push_synthetic(self, repository, layers, megabytes):
        made = [synthetic_layer(index, megabytes) for index in range(layers)]
        config = json.dumps({
            "architecture": "amd64", "os": "linux", "config": {"Cmd": ["true"]},
            "rootfs": {"type": "layers", "diff_ids": [diff for diff, _ in made]},
        }).encode()
        manifest = json.dumps({
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json",
                       **self._blob(repository, config)},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                        **self._blob(repository, data)} for _, data in made],
        })
        self._curl("-X", "PUT", "-H",
                   "Content-Type: application/vnd.docker.distribution.manifest.v2+json",
                   "--data-binary", manifest,
                   f"http://{self.address}/v2/{repository}/manifests/latest")


