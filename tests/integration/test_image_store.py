"""load, push, tag, remove and collection of images, by the library itself
(tests/tools/image_tool.cc), against Debian's docker-registry where a registry is needed."""
import io
import json
import os
import pathlib
import socket
import subprocess
import tarfile
import time
import urllib.request

import pytest
from fake_registry import FakeRegistry, Image, digest_of, make_layer
from fixtures import ROOT, wait_until
from test_pull_faults import TOOL, Tool, files_of, random_image, root, tool  # noqa: F401

pytestmark = pytest.mark.skipif(not TOOL.exists(), reason=f"{TOOL} is not built")


@pytest.fixture(scope="module")
def real_registry(tmp_path_factory):
    """Debian's docker-registry, unpacked below build/peers, on a free loopback port."""
    unpacked = subprocess.run([ROOT / "scripts/peers", "docker-registry"], capture_output=True,
                              text=True)
    if unpacked.returncode != 0:
        pytest.skip("docker-registry cannot be downloaded: " + unpacked.stderr.strip())
    directory = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    (directory / "config.yml").write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory}/data}}}}\nhttp: {{addr: {host}}}\n")
    process = subprocess.Popen(
        [unpacked.stdout.split()[-1] + "/usr/bin/docker-registry", "serve",
         directory / "config.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers():
        try:
            return urllib.request.urlopen(f"http://{host}/v2/").status == 200
        except OSError:
            return False

    wait_until(answers, what="docker-registry")
    yield host
    process.kill()
    process.wait()


def archive(entries):
    """A tar of {name: bytes or ("link", target)}."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            if isinstance(data, tuple):
                info.type, info.linkname = tarfile.SYMTYPE, data[1]
                tar.addfile(info)
                continue
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def docker_archive(image, *tags, layers=None):
    names = [f"{i}/layer.tar" for i in range(len(image.tars))]
    manifest = [{"Config": "config.json", "RepoTags": list(tags) or None, "Layers": names}]
    return archive({"config.json": image.config, **dict(zip(names, layers or image.tars)),
                    "manifest.json": json.dumps(manifest).encode()})


def oci_layout(image, name):
    blobs = [image.config, image.manifest, *image.blobs]
    index = {"schemaVersion": 2, "manifests": [{
        "mediaType": json.loads(image.manifest)["mediaType"], "digest": digest_of(image.manifest),
        "size": len(image.manifest), "annotations": {"io.containerd.image.name": name}}]}
    return archive({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
                    "index.json": json.dumps(index).encode(),
                    **{"blobs/sha256/" + digest_of(blob)[7:]: blob for blob in blobs}})


def test_load_of_a_docker_archive_names_what_it_loaded(tool):
    image = random_image(2)
    output = tool.good("load", input=docker_archive(image, "x:1", "y:2"))
    assert '{"stream":"Loaded image: x:1\\n"}' in output and "Loaded image: y:2" in output
    assert image.id in tool.images() and len(files_of(tool)) == 2


@pytest.mark.parametrize("packer", ["gzip", "zstd", "bzip2", "xz"])
def test_load_takes_compressed_archives_from_a_pipe(tool, packer):
    image = random_image()
    packed = subprocess.run([packer, "-c"], input=docker_archive(image, "x:1"),
                            capture_output=True, check=True).stdout
    tool.good("load", input=packed)
    assert image.id in tool.images()


def test_load_of_an_image_without_a_name_tells_its_id(tool):
    image = random_image()
    assert f"Loaded image ID: {image.id}" in tool.good("load", input=docker_archive(image))


def test_load_of_an_oci_layout_keeps_the_manifest(tool, real_registry):
    image = random_image()
    name = f"{real_registry}/kept:1"
    tool.good("load", input=oci_layout(image, name))
    assert digest_of(image.manifest) in tool.good("push", name)


def test_load_that_moves_a_tag_says_so(tool):
    first, second = random_image(seed=1), random_image(seed=2)
    tool.good("load", input=docker_archive(first, "x:1"))
    output = tool.good("load", input=docker_archive(second, "x:1"))
    assert f"The image x:1 already exists, renaming the old one with ID {first.id}" in output
    assert f"{first.id}  " in tool.images()


def test_layers_that_are_links_inside_the_archive_are_followed(tool):
    image = random_image()
    tool.good("load", input=archive({
        "config.json": image.config, "real.tar": image.tars[0], "a/layer.tar": ("link", "../real.tar"),
        "manifest.json": json.dumps([{"Config": "config.json", "RepoTags": ["x:1"],
                                      "Layers": ["a/layer.tar"]}]).encode()}))
    assert image.id in tool.images()


def hostile_archives():
    image = random_image()
    manifest = lambda **change: json.dumps([{  # noqa: E731
        "Config": "config.json", "RepoTags": ["x:1"], "Layers": ["l.tar"], **change}]).encode()
    parts = {"config.json": image.config, "l.tar": image.tars[0]}
    yield "garbage", b"\x55" * 100_000
    yield "empty", b""
    yield "no-manifest", archive(parts)
    yield "traversal", archive({"../../etc/wherry-was-here": b"x", **parts})
    yield "absolute-layer", archive({**parts, "manifest.json": manifest(Layers=["/etc/passwd"])})
    yield "escaping-link", archive({"config.json": image.config, "l.tar": ("link", "/etc/passwd"),
                                    "manifest.json": manifest()})
    yield "dotdot-config", archive({**parts, "manifest.json": manifest(Config="../../etc/passwd")})
    yield "wrong-layer", archive({**parts, "l.tar": make_layer({"other": b"x"}),
                                  "manifest.json": manifest()})
    yield "layer-count", archive({**parts, "manifest.json": manifest(Layers=["l.tar", "l.tar"])})
    yield "bad-name", archive({**parts, "manifest.json": manifest(RepoTags=["UPPER/../x"])})
    yield "deep", archive({**parts, "manifest.json": b"[" * 100_000})
    yield "big-manifest", archive({**parts, "manifest.json": b" " * (5 << 20)})
    yield "directory", archive({**parts, "manifest.json": manifest(Layers=["."])})


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in hostile_archives()])
def test_hostile_archives_leave_nothing(tool, data):
    assert tool.bad("load", input=data)
    assert tool.images() == "" and files_of(tool) == {}
    assert list((tool.root / "tmp").iterdir()) == []
    assert not pathlib.Path("/etc/wherry-was-here").exists()


def test_push_and_pull_back_keep_the_digest(tool, real_registry, tmp_path):
    image = random_image(3)
    tool.good("load", input=docker_archive(image, "x:1"))
    target = f"{real_registry}/team/x:1"
    tool.good("tag", "x:1", target)
    messages = [json.loads(line) for line in tool.good("push", target).splitlines()]
    assert messages[0]["status"] == f"The push refers to repository [{real_registry}/team/x]"
    assert [m["status"] for m in messages if m.get("status") == "Pushed"] == ["Pushed"] * 3
    aux = messages[-1]["aux"]
    assert aux["Tag"] == "1" and messages[-2]["status"] == f"1: digest: {aux['Digest']} size: {aux['Size']}"
    again = tool.good("push", target)
    assert again.count("Layer already exists") == 3 and aux["Digest"] in again

    fresh = Tool(tmp_path / "fresh")
    (tmp_path / "fresh").mkdir()
    assert f"Digest: {aux['Digest']}" in fresh.good("pull", target)
    assert image.id in fresh.images() and len(files_of(fresh)) == 3


def test_push_to_a_second_repository_mounts_the_blobs(tool, real_registry):
    image = random_image(2, seed=77)
    tool.good("load", input=docker_archive(image, f"{real_registry}/first:1"))
    tool.good("push", f"{real_registry}/first:1")
    tool.good("tag", f"{real_registry}/first:1", f"{real_registry}/second:1")
    assert tool.good("push", f"{real_registry}/second:1").count("Mounted from first") == 2


def test_push_of_an_unknown_tag_has_dockers_words(tool, real_registry):
    assert f"tag does not exist: {real_registry}/none:latest" in tool.bad("push", f"{real_registry}/none")


def test_a_refused_push_names_the_reason(tool):
    fake = FakeRegistry()
    try:
        fake.on_request = lambda handler: handler.reply(
            403, b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}') or True
        tool.good("load", input=docker_archive(random_image(), f"{fake.host}/x:1"))
        assert "denied: requested access to the resource is denied" in tool.bad("push", f"{fake.host}/x:1")
    finally:
        fake.close()


def test_remove_untags_then_deletes_everything(tool):
    image = random_image(2)
    tool.good("load", input=docker_archive(image, "x:1", "x:2"))
    assert tool.good("rm", "x:1") == "Untagged: x:1\n"
    assert image.id in tool.images()
    output = tool.good("rm", "x:2").splitlines()
    assert output[:2] == ["Untagged: x:2", f"Deleted: {image.id}"]
    assert len([line for line in output if line.startswith("Deleted:")]) == 3
    assert tool.images() == "" and files_of(tool) == {}
    assert not [path for path in tool.root.glob("content/**/*") if path.is_file()]


def test_remove_by_id_of_two_repositories_wants_force(tool):
    image = random_image()
    tool.good("load", input=docker_archive(image, "x:1", "y:1"))
    short = image.id[7:19]
    error = tool.bad("rm", short)
    assert f"conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories" in error
    tool.good("rm-force", short)
    assert tool.images() == ""


def test_a_layer_stays_while_another_image_needs_it(tool):
    shared = make_layer({"layer-shared": b"s" * 1000})
    one, two = Image([shared, make_layer({"layer-one": b"1"})]), Image([shared])
    tool.good("load", input=docker_archive(one, "one:1"))
    tool.good("load", input=docker_archive(two, "two:1"))
    tool.good("rm", "one:1")
    assert set(files_of(tool)) == {"layer-shared"}
    tool.good("collect")
    assert set(files_of(tool)) == {"layer-shared"}


def test_unknown_images_are_named_as_docker_does(tool):
    assert "No such image: nosuch:latest" in tool.bad("rm", "nosuch")
    assert "No such image: sha256:" + "0" * 64 in tool.bad("inspect", "0" * 64)


def test_a_damaged_config_drops_the_image_and_a_pull_heals_it(tool):
    fake = FakeRegistry()
    try:
        image = random_image()
        fake.add(image)
        tool.good("pull", f"{fake.host}/x")
        config = tool.root / "content/blobs/sha256" / image.id[7:]
        os.chmod(config, 0o600)
        config.write_bytes(b"\0" * len(image.config))
        assert tool.images() == ""
        tool.good("pull", f"{fake.host}/x")
        assert image.id in tool.images()
    finally:
        fake.close()


def test_login_asks_the_registry(tool):
    fake = FakeRegistry()
    try:
        def guard(handler):
            good = handler.headers.get("Authorization") == "Basic dXNlcjpzZWNyZXQ="
            if not good:
                handler.reply(401, WWW_Authenticate='Basic realm="r"')
            return not good

        fake.on_request = guard
        tool.good("login", fake.host, "user", "secret")
        assert "unauthorized" in tool.bad("login", fake.host, "user", "wrong")
    finally:
        fake.close()
