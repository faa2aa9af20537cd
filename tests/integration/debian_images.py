"""Images of real services, made from Debian's packages by unpacking them: no package is installed,
no script of theirs is run. Cached below build/service-images."""
import io
import json
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tarfile

import pytest

from fixtures import ROOT

CACHE = ROOT / "build/service-images"
# Asked for by scripts and options that no test uses, or very large.
UNUSED = re.compile(r"libperl|libllvm|libz3|libelogind|libnewt|libslang|libtextwrap|libdebian|libdb5|libgdbm|"
                    r".*-(perl|modules|bin|common|mod)\b|libnginx|libsemanage|libsepol|"
                    r"libpam-|liblocale|libc-")
NOT_COPIED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian")
USER = 999


def unpacked(packages):
    """The folders of the packages, unpacked below build/peers."""
    done = subprocess.run([str(ROOT / "scripts/peers"), *packages], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"needs Debian's packages: {done.stderr.strip()}")
    return [pathlib.Path(line) for line in done.stdout.split()]


def libraries_of(packages):
    done = subprocess.run(
        ["apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts",
         "--no-breaks", "--no-replaces", "--no-enhances", *packages], capture_output=True, text=True)
    names = {line for line in done.stdout.splitlines() if line.startswith(("lib", "zlib"))}
    return sorted(name for name in names if not UNUSED.match(name))


def make_tree(tree, packages):
    busybox = f". {ROOT}/scripts/lib/images.sh; busybox_tree {tree}"
    subprocess.run(["sh", "-c", busybox], check=True, capture_output=True)
    for folder in unpacked([*packages, *libraries_of(packages)]):
        subprocess.run(["cp", "-a", f"{folder}/.", str(tree)], check=True)
    (tree / ".complete").unlink()
    for unused in NOT_COPIED:
        shutil.rmtree(tree / unused, ignore_errors=True)
    with open(tree / "etc/passwd", "a") as passwd:
        passwd.write(f"service:x:{USER}:{USER}::/:/bin/sh\n")
    with open(tree / "etc/group", "a") as group:
        group.write(f"service:x:{USER}:\n")


def write_archive(tree, name, config, owned):
    """A docker-archive of one layer; the folders in `owned` belong to USER."""
    def settle(info):
        info.uname = info.gname = ""
        info.uid = info.gid = USER if info.name.lstrip("./") in owned else 0
        return info

    layer = CACHE / f"{name}.layer"
    with tarfile.open(layer, "w") as tar:
        tar.add(tree, arcname=".", filter=settle)
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    image = json.dumps({"architecture": machine, "os": "linux", "config": config,
                        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [f"{name}:latest"],
                            "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(CACHE / f"{name}.part", "w") as tar:
        for member, data in (("manifest.json", manifest), ("config.json", image)):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        tar.add(layer, arcname="layer.tar")
    layer.unlink()
    os.rename(CACHE / f"{name}.part", CACHE / f"{name}.tar")


def service_image(name, packages, config, files=None, owned=()):
    """The path of a docker-archive of `packages`, busybox' shell, and `files` {path: text}."""
    made = CACHE / f"{name}.tar"
    if made.exists():
        return made
    CACHE.mkdir(parents=True, exist_ok=True)
    tree = CACHE / f"{name}.tree"
    shutil.rmtree(tree, ignore_errors=True)
    make_tree(tree, packages)
    for path, text in (files or {}).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    for path in owned:
        (tree / path).mkdir(parents=True, exist_ok=True)
    config.setdefault("Env", ["PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin"])
    write_archive(tree, name, config, owned)
    shutil.rmtree(tree)
    return made
