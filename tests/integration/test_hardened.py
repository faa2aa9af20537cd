"""How the shipped programs are linked and compiled: what makes a memory error hard to use."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(os.environ.get("WHERRY_BIN") or REPOSITORY / "build" / "release" / "bin")
PROGRAMS = ["wherry", "wherryd", "wherry-keeper", "wherry-runtime", "wherry-init"]
STATIC = ["wherry", "wherry-keeper", "wherry-runtime", "wherry-init"]
WITH_C_LIBRARY = [name for name in PROGRAMS if name != "wherry-init"]


def is_release():
    cache = FOLDER.parent / "CMakeCache.txt"
    return not cache.exists() or "CMAKE_BUILD_TYPE:STRING=Release" in cache.read_text()


pytestmark = [
    pytest.mark.skipif(not shutil.which("readelf"), reason="needs readelf"),
    pytest.mark.skipif(not (FOLDER / "wherryd").exists(), reason="the programs are not built"),
    pytest.mark.skipif(not is_release(), reason="only the release build is hardened"),
]


def readelf(name, *flags):
    done = subprocess.run(["readelf", "-W", *flags, FOLDER / name], capture_output=True, text=True, check=True)
    return done.stdout


def segments(name):
    """Type -> flags of the program headers, as {"GNU_STACK": ["RW"]}."""
    found = {}
    for line in readelf(name, "--program-headers").splitlines():
        match = re.match(r"\s+(\w+)\s+(?:0x[0-9a-f]+\s+){5}([RWE ]{3})\s", line)
        if match:
            found.setdefault(match[1], []).append(match[2].replace(" ", ""))
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_addresses_are_random(name):
    assert re.search(r"Type:\s+DYN", readelf(name, "--file-header"))
    assert " PIE" in readelf(name, "--dynamic")


@pytest.mark.parametrize("name", STATIC)
def test_no_loader_chooses_the_code(name):
    assert "INTERP" not in segments(name)
    assert "(NEEDED)" not in readelf(name, "--dynamic")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_stack_does_not_execute(name):
    assert segments(name)["GNU_STACK"] == ["RW"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_is_writable_and_executable(name):
    assert not [flags for flags in segments(name)["LOAD"] if "W" in flags and "E" in flags]
    assert "(TEXTREL)" not in readelf(name, "--dynamic")


@pytest.mark.parametrize("name", PROGRAMS)
def test_tables_of_the_linker_turn_read_only(name):
    assert "GNU_RELRO" in segments(name)
    assert re.search(r"FLAGS_1\).*\bNOW\b", readelf(name, "--dynamic"))


@pytest.mark.parametrize("name", WITH_C_LIBRARY)
def test_stack_frames_are_guarded(name):
    assert "__stack_chk_fail" in readelf(name, "--syms")


def flags_of(source):
    """The command line that compiled `source` in the build that is tested."""
    ninja = FOLDER.parent / "build.ninja"
    if not ninja.exists():
        pytest.skip("no build folder beside the programs")
    match = re.search(rf"^build \S*{re.escape(source)}[^\n]*\.o:.*?\n((?:  .*\n)+)", ninja.read_text(), re.M)
    assert match, source
    return match[1]


@pytest.mark.parametrize("layer", ["base", "sys", "spec", "runtime", "engine", "api", "keeperd", "cli"])
def test_every_layer_is_compiled_with_the_flags(layer):
    flags = flags_of(f"src/{layer}/CMakeFiles/wherry_{layer}.dir/")
    for flag in ("-fstack-protector-strong", "-D_FORTIFY_SOURCE=3", "-ftrivial-auto-var-init=zero", "-fPIC"):
        assert flag in flags, flag


def test_the_init_needs_no_relocations():
    # It has no C library that could apply them, nor a thread pointer for a stack guard.
    assert "no relocations" in readelf("wherry-init", "--relocs")
    assert (FOLDER / "wherry-init").stat().st_size < 100 << 10
