"""Pull from registries that drop, stall, lie, redirect and refuse (gauntlet D07, F01-F05; faults
R01, R20-R23), by the library itself (tests/tools/image_tool.cc): no engine, no root needed but
for unpacking."""
import base64
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import pytest
from fake_registry import (CONFIG, INDEX, MANIFEST, FakeRegistry, Image, digest_of, make_layer)
from fixtures import BIN, require_root

TOOL = pathlib.Path(os.environ.get("WHERRY_IMAGE_TOOL", BIN.parent / "tests/image_tool"))

pytestmark = pytest.mark.skipif(not TOOL.exists(), reason=f"{TOOL} is not built")


@pytest.fixture(autouse=True)
def root():
    require_root()


@pytest.fixture
def registry():
    fake = FakeRegistry()
    yield fake
    fake.close()


@pytest.fixture
def other():
    """Another origin, on another loopback address."""
    fake = FakeRegistry("127.0.0.2")
    yield fake
    fake.close()


class Tool:
    def __init__(self, directory):
        self.root = directory / "store"

    def command(self, *words, options=("--fast",)):
        return [TOOL, self.root, *options, *words]

    def run(self, *words, options=("--fast",), auth=None, **extra):
        environment = {**os.environ, **({"WHERRY_TEST_AUTH": auth} if auth else {})}
        return subprocess.run(self.command(*words, options=options), capture_output=True,
                              timeout=60, env=environment, **extra)

    def good(self, *words, **extra):
        done = self.run(*words, **extra)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def bad(self, *words, **extra):
        done = self.run(*words, **extra)
        assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
        return done.stderr.decode()

    def images(self):
        return self.good("list")


@pytest.fixture
def tool(tmp_path):
    return Tool(tmp_path)


def random_image(layers=1, size=300_000, seed=1):
    source = random.Random(seed)
    return Image([make_layer({f"layer{i}": source.randbytes(size)}) for i in range(layers)])


def files_of(tool):
    return {path.name: path.read_bytes() for path in tool.root.glob("snapshots/**/layer*")
            if path.is_file()}


def pull(registry, name="x", tag=""):
    return ["pull", f"{registry.host}/{name}{tag}"]


def test_pull_tells_dockers_progress_and_stores_the_files(registry, tool):
    image = random_image(2)
    registry.add(image)
    messages = [json.loads(line) for line in tool.good(*pull(registry)).splitlines()]
    layer = digest_of(image.blobs[0])[7:19]
    said = [m["status"] for m in messages if m.get("id") == layer and m["status"] != "Waiting"]
    assert list(dict.fromkeys(said)) == ["Pulling fs layer", "Downloading", "Verifying Checksum",
                                         "Download complete", "Extracting", "Pull complete"]
    assert messages[0] == {"status": "Pulling from x", "id": "latest"}
    assert messages[-2]["status"] == "Digest: " + digest_of(image.manifest)
    assert messages[-1]["status"] == f"Status: Downloaded newer image for {registry.host}/x:latest"
    assert len(files_of(tool)) == 2
    again = tool.good(*pull(registry))
    assert "Already exists" in again and "Image is up to date for" in again


def test_pull_of_an_unchanged_tag_asks_by_head_only(registry, tool):
    registry.add(random_image())
    tool.good(*pull(registry))
    registry.requests.clear()
    tool.good(*pull(registry))
    assert [method for method, _, _ in registry.requests] == ["HEAD"]


def test_dropped_connections_are_resumed_by_range(registry, tool):
    image = random_image(size=3_000_000)
    registry.add(image)
    blob, drops = image.blobs[0], []

    def drop(handler, digest, data):
        if digest != digest_of(blob) or len(drops) >= 4:
            return False
        drops.append(handler.offset())
        handler.send_blob(data, upto=500_000 + 1000 * len(drops))
        return True

    registry.on_blob = drop
    tool.good(*pull(registry))
    assert drops[0] == 0 and drops == sorted(set(drops)), drops
    assert registry.bytes_sent <= 1.1 * (len(blob) + len(image.config))


def test_a_server_without_ranges_is_read_again(registry, tool):
    image = random_image(size=2_000_000)
    registry.add(image)
    tries = []

    def no_ranges(handler, digest, data):
        if digest == image.id:
            return False
        tries.append(handler.offset())
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data if len(tries) > 1 else data[:700_000])
        handler.close_connection = True
        return True

    registry.on_blob = no_ranges
    tool.good(*pull(registry))
    assert len(tries) == 2 and tries[1] > 0


def test_all_layers_are_downloaded_at_once(registry, tool):
    image = random_image(layers=6)
    registry.add(image)
    barrier = threading.Barrier(6)

    def together(handler, digest, data):
        if digest != image.id:
            barrier.wait(10)
        return False

    registry.on_blob = together
    tool.good(*pull(registry))


def test_two_pulls_of_one_image_share_its_download(registry, tool):
    image = random_image(layers=2, size=2_000_000)
    registry.add(image)

    def slowly(handler, digest, data):
        if digest != image.id:
            time.sleep(0.3)
        return False

    registry.on_blob = slowly
    registry.manifests["two"] = registry.manifests["latest"]
    tool.good(*pull(registry), "+", *pull(registry, tag=":two"))
    for blob in image.blobs:
        assert len(registry.paths("GET", digest_of(blob))) == 1
    assert "x:latest" in tool.images() and "x:two" in tool.images()


def test_429_is_tried_again_after_the_time_it_names(registry, tool):
    registry.add(random_image())
    refusals = []

    def refuse(handler, name):
        if handler.command != "GET" or refusals:
            return False
        refusals.append(time.monotonic())
        handler.reply(429, Retry_After="1")
        return True

    registry.on_manifest = refuse
    tool.good(*pull(registry))
    assert refusals and time.monotonic() - refusals[0] >= 1


def test_429_for_long_fails_at_once_with_the_reset_time(registry, tool):
    registry.on_manifest = lambda handler, name: handler.reply(
        429, b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}',
        Retry_After="1000") or True
    start = time.monotonic()
    error = tool.bad(*pull(registry))
    assert time.monotonic() - start < 30
    assert "toomanyrequests: slow down" in error and "for 1000 s, until 20" in error
    assert registry.host in error


def test_500_is_tried_five_times_then_named(registry, tool):
    registry.on_manifest = lambda handler, name: handler.reply(503) or True
    error = tool.bad(*pull(registry))
    assert "503" in error and registry.host in error
    assert len(registry.paths("HEAD", "/manifests/")) == 5


def test_a_wrong_blob_is_refused_and_a_good_one_repairs_it(registry, tool):
    image = random_image()
    registry.add(image)
    good = digest_of(image.blobs[0])
    liar = bytearray(image.blobs[0])
    liar[len(liar) // 2] ^= 1
    registry.blobs[good] = bytes(liar)
    error = tool.bad(*pull(registry))
    assert good in error or good[7:19] in error, error
    assert tool.images() == ""
    assert not list(tool.root.glob("content/blobs/sha256/" + good[7:]))
    assert files_of(tool) == {}
    registry.blobs[good] = image.blobs[0]
    tool.good(*pull(registry))
    assert len(files_of(tool)) == 1


@pytest.mark.parametrize("change", [lambda blob: blob[:-1000], lambda blob: blob + b"x" * 1000],
                         ids=["short", "long"])
def test_a_blob_of_another_length_is_refused(registry, tool, change):
    image = random_image()
    registry.add(image)
    digest = digest_of(image.blobs[0])
    registry.blobs[digest] = change(image.blobs[0])
    error = tool.bad(*pull(registry))
    assert digest in error, error
    assert tool.images() == "" and files_of(tool) == {}


def test_a_config_that_lies_about_a_layer_is_refused(registry, tool):
    image = random_image()
    image.config = image.config.replace(digest_of(image.tars[0]).encode(), digest_of(b"").encode())
    manifest = json.loads(image.manifest)
    manifest["config"].update(digest=digest_of(image.config), size=len(image.config))
    image.manifest = json.dumps(manifest).encode()
    registry.add(image)
    error = tool.bad(*pull(registry))
    assert "diff id" in error and tool.images() == "" and files_of(tool) == {}


def test_a_stalled_download_goes_on_in_a_new_attempt(registry, tool):
    image = random_image(size=1_000_000)
    registry.add(image)
    release, offsets = threading.Event(), []

    def stall(handler, digest, data):
        if digest == image.id:
            return False
        offsets.append(handler.offset())
        if len(offsets) > 1:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:100_000])
        handler.wfile.flush()
        release.wait(20)
        handler.close_connection = True
        return True

    registry.on_blob = stall
    tool.good(*pull(registry))
    release.set()
    assert offsets == [0, 100_000]


def test_cancel_ends_within_a_second_and_keeps_what_came(registry, tool):
    image = random_image(size=1_000_000)
    registry.add(image)
    release, offsets = threading.Event(), []

    def trickle(handler, digest, data):
        if digest == image.id:
            return False
        offsets.append(handler.offset())
        if len(offsets) > 1:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:400_000])
        handler.wfile.flush()
        release.wait(20)
        handler.close_connection = True
        return True

    registry.on_blob = trickle
    start = time.monotonic()
    error = tool.bad(*pull(registry), options=("--cancel-after", "700"))
    assert time.monotonic() - start < 15
    assert "context canceled" in error
    release.set()
    tool.good(*pull(registry))
    assert offsets == [0, 400_000]


def test_kill_9_in_a_pull_leaves_a_store_that_goes_on(registry, tool):
    image = random_image(layers=4, size=1_000_000)
    registry.add(image)
    half, release = threading.Event(), threading.Event()

    def stop_in_the_middle(handler, digest, data):
        if digest != digest_of(image.blobs[3]) or half.is_set():
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:500_000])
        handler.wfile.flush()
        half.set()
        release.wait(20)
        handler.close_connection = True
        return True

    registry.on_blob = stop_in_the_middle
    process = subprocess.Popen(tool.command(*pull(registry)), stdout=subprocess.DEVNULL)
    assert half.wait(20)
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    release.set()
    assert tool.images() == ""
    registry.bytes_sent = 0
    tool.good(*pull(registry))
    assert len(files_of(tool)) == 4
    # At most the unfinished layer came again.
    assert registry.bytes_sent <= len(image.blobs[3]) + len(image.config)


def test_redirects_do_not_carry_authorization(registry, other, tool):
    image = random_image()
    registry.add(image)
    other.blobs = dict(registry.blobs)
    expected = "Basic " + base64.b64encode(b"user:secret").decode()

    def guard(handler):
        if handler.headers.get("Authorization") != expected:
            handler.reply(401, WWW_Authenticate='Basic realm="r"')
            return True
        return False

    registry.on_request = guard
    registry.on_blob = lambda handler, digest, data: handler.reply(
        307, Location=f"http://{other.host}{handler.path}") or True
    tool.good(*pull(registry), auth="user:secret")
    assert other.paths("GET", digest_of(image.blobs[0]))
    assert all("Authorization" not in headers for _, _, headers in other.requests)


def test_a_token_is_fetched_with_credentials_of_the_same_host(registry, tool):
    registry.add(random_image())

    def guard(handler):
        if handler.path.startswith("/token"):
            body = json.dumps({"token": "T" if handler.headers.get("Authorization") else "none"})
            handler.reply(200, body.encode())
            return True
        if handler.headers.get("Authorization") == "Bearer T":
            return False
        handler.reply(401, WWW_Authenticate=f'Bearer realm="http://{registry.host}/token",'
                                            'service="s",scope="repository:x:pull"')
        return True

    registry.on_request = guard
    tool.good(*pull(registry), auth="user:secret")
    token = registry.paths("GET", "/token")
    assert len(token) == 1 and "service=s" in token[0]
    assert "scope=repository%3Ax%3Apull" in token[0]


def test_credentials_do_not_go_to_a_realm_elsewhere(registry, other, tool):
    registry.on_request = lambda handler: handler.reply(
        401, WWW_Authenticate=f'Bearer realm="http://{other.host}/token",service="s"') or True
    error = tool.bad(*pull(registry), auth="user:secret")
    assert "token realm" in error and other.host in error
    assert other.requests == []


def test_a_401_loop_ends(registry, tool):
    registry.on_request = lambda handler: handler.reply(
        200, b'{"token":"T"}') or True if handler.path.startswith("/token") else handler.reply(
        401, WWW_Authenticate=f'Bearer realm="http://{registry.host}/token",service="s"') or True
    error = tool.bad(*pull(registry))
    assert "unauthorized" in error and len(registry.requests) < 20


def test_a_redirect_loop_ends(registry, tool):
    registry.on_request = lambda handler: handler.reply(302, Location=handler.path) or True
    error = tool.bad(*pull(registry))
    assert "stopped after 10 redirects" in error and len(registry.requests) < 30


def test_basic_auth_without_credentials_has_dockers_words(registry, tool):
    registry.on_request = lambda handler: handler.reply(
        401, WWW_Authenticate='Basic realm="r"') or True
    assert "no basic auth credentials" in tool.bad(*pull(registry))


def serve(registry, body, kind=MANIFEST):
    registry.manifests["latest"] = registry.manifests[digest_of(body)] = (kind, body)


@pytest.mark.parametrize("size", [5 << 20, 200 << 20], ids=["5MiB", "200MiB"])
def test_a_huge_manifest_is_refused_without_reading_it_all(registry, tool, size):
    def endless(handler, name):
        if handler.command == "HEAD":
            handler.reply(405)
            return True
        handler.send_response(200)
        handler.send_header("Content-Length", str(size))
        handler.end_headers()
        try:
            for _ in range(size >> 20):
                handler.wfile.write(b" " * (1 << 20))
        except OSError:
            pass
        handler.close_connection = True
        return True

    registry.on_manifest = endless
    start = time.monotonic()
    assert "4 MiB" in tool.bad(*pull(registry))
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("body,kind,words", [
    (json.dumps({"schemaVersion": 2, "manifests": [], "layers": [], "config": {}}).encode(),
     MANIFEST, "ambiguous manifest"),
    (random_image().manifest, INDEX, "ambiguous manifest"),
    (b'{"schemaVersion":1,"name":"x","tag":"latest","fsLayers":[]}',
     "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1"),
    (b"[" * 200_000, MANIFEST, "manifest"),
    (json.dumps({"schemaVersion": 2, "config": {
        "mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": digest_of(b""),
        "size": 0}, "layers": []}).encode(), MANIFEST, "helm"),
    (json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": digest_of(b""), "size": 1,
         "platform": {"os": "linux", "architecture": "s390x"}}]}).encode(), INDEX,
     "no matching manifest for linux/"),
    (json.dumps({"schemaVersion": 2, "layers": [], "config": {
        "mediaType": CONFIG, "digest": digest_of(b""), "size": 1 << 30}}).encode(), MANIFEST,
     "limit"),
], ids=["both", "type", "schema1", "deep", "artifact", "platform", "config-size"])
def test_hostile_manifests_are_refused(registry, tool, body, kind, words):
    serve(registry, body, kind)
    assert words in tool.bad(*pull(registry))
    assert tool.images() == ""


def test_a_manifest_other_than_its_digest_is_refused(registry, tool):
    image = random_image()
    registry.add(image)
    wanted = digest_of(b"something else")
    registry.manifests[wanted] = (MANIFEST, image.manifest)
    error = tool.bad(*pull(registry, tag="@" + wanted))
    assert "manifest verification failed for digest " + wanted in error


@pytest.mark.parametrize("name,words", [
    ("x@sha256:../../../etc/passwd", "invalid reference format"),
    ("x@sha1:" + "a" * 40, "unsupported digest algorithm"),
    ("x@sha256:" + "A" * 64, "invalid checksum digest format"),
    ("X", "must be lowercase")])
def test_malformed_names_never_reach_the_registry(registry, tool, name, words):
    assert words in tool.bad("pull", f"{registry.host}/{name}")
    assert registry.requests == []


def test_an_index_is_resolved_to_the_wanted_platform(registry, tool):
    amd, arm = random_image(seed=1), random_image(seed=2)
    entries = []
    for image, architecture in ((amd, "amd64"), (arm, "arm64")):
        registry.add(image, architecture)
        entries.append({"mediaType": MANIFEST, "digest": digest_of(image.manifest),
                        "size": len(image.manifest),
                        "platform": {"os": "linux", "architecture": architecture}})
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    serve(registry, index, INDEX)
    output = tool.good(*pull(registry), "linux/arm64")
    assert "Digest: " + digest_of(index) in output
    assert arm.id in tool.images() and amd.id not in tool.images()
    assert "x@" + digest_of(index) in tool.images()


def test_a_mirror_serves_docker_io_without_getting_credentials(registry, tool):
    registry.add(random_image())
    options = ("--fast", "--mirror", f"http://{registry.host}")
    output = tool.good("pull", "alpine", options=options, auth="user:secret")
    assert "Pulling from library/alpine" in output
    assert "alpine:latest" in tool.images()
    assert registry.paths("HEAD", "/v2/library/alpine/manifests/latest")
    assert all("Authorization" not in headers for _, _, headers in registry.requests)


def test_a_mirror_without_the_image_falls_back_to_the_next(registry, other, tool):
    other.add(random_image())
    tool.good("pull", "alpine",
              options=("--fast", "--mirror", f"http://{registry.host}", "--mirror",
                       f"http://{other.host}"))
    assert registry.requests and other.paths("GET", "/blobs/")


def test_a_mirror_that_breaks_in_a_blob_is_replaced_at_the_same_byte(registry, other, tool):
    image = random_image(size=2_000_000)
    registry.add(image)
    other.add(image)

    def die(handler, digest, data):
        if digest == image.id:
            return False
        if handler.offset():
            handler.reply(404)
        else:
            handler.send_blob(data, upto=700_000)
        return True

    registry.on_blob = die
    tool.good("pull", "alpine", options=("--fast", "--mirror", f"http://{registry.host}",
                                         "--mirror", f"http://{other.host}"))
    assert other.bytes_sent <= len(image.blobs[0]) - 700_000


def test_refused_and_unknown_hosts_are_named_within_ten_seconds(tool):
    start = time.monotonic()
    assert "127.0.0.1:1: connect: connection refused" in tool.bad("pull", "127.0.0.1:1/x")
    assert "lookup no.such.host.invalid: no such host" in tool.bad(
        "pull", "no.such.host.invalid/x", options=())
    assert time.monotonic() - start < 10


def test_a_server_that_never_answers_is_given_up(tool):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = tool.bad("pull", f"127.0.0.1:{silent.getsockname()[1]}/x")
    assert "127.0.0.1" in error and "s" in error
