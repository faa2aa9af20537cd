"""Many cycles leave nothing: neither of a run nor of a kill -9 of the engine at any moment."""
import os
import pathlib
import random
import subprocess
import time

from fixtures import BIN, wait_until

# The long forms: WHERRY_CYCLES=1000 WHERRY_KILLS=100 (docs/benchmarks.md has their outcome).
CYCLES = int(os.environ.get("WHERRY_CYCLES", "60"))
KILLS = int(os.environ.get("WHERRY_KILLS", "12"))


def open_files(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def files_below(directory):
    return {str(p.relative_to(directory)) for p in pathlib.Path(directory).rglob("*")
            if "-wal" not in p.name and "-shm" not in p.name and "pool" not in p.parts}


def spare_directories(engine):
    """What is kept ready for the next containers: named by chance, bounded, and empty."""
    found = [*(engine.data / "snapshots/spares").iterdir(), *(engine.data / "containers/.spare").iterdir()]
    return {str(p.relative_to(engine.directory)) for directory in found for p in [directory, *directory.rglob("*")]}


def namespaces():
    found = set()
    for link in pathlib.Path("/proc").glob("[0-9]*/ns/*"):
        try:
            found.add(os.readlink(link))
        except OSError:
            pass
    return found


def test_cycles_of_run_rm_leave_nothing(engine):
    for _ in range(10):
        engine.cli("run", "--rm", "busybox", "true", check=0)
    pids = sorted(engine.processes())
    wait_until(lambda: not engine.leaks(), what="settling")
    time.sleep(1)
    before = {"files": files_below(engine.directory),
              "namespaces": len(namespaces()),
              "fds": {pid: open_files(pid) for pid in pids}}
    for _ in range(CYCLES):
        engine.cli("run", "--rm", "busybox", "true", check=0)
    wait_until(lambda: not engine.leaks(), what="clean-up")

    def clean():
        left = files_below(engine.directory) - before["files"] - spare_directories(engine)
        # Tombstones are kept for ten minutes, and bounded.
        return not [f for f in left if not f.startswith("run/keeper/records/")]
    wait_until(clean, what="files to go")
    spares = spare_directories(engine)
    assert len(list((engine.data / "snapshots/spares").iterdir())) <= 8
    assert len(list((engine.data / "containers/.spare").iterdir())) <= 8
    assert {name.split("/")[-1] for name in spares if name.count("/") > 3} <= {"upper", "work"}, spares
    assert sorted(engine.processes()) == pids
    wait_until(lambda: all(open_files(pid) <= before["fds"][pid] + 8 for pid in pids),
               what="descriptors to be closed")
    # The pool may hold a few more ready namespaces than before, never one per cycle.
    # One that grew under load shrinks again; other work of the host comes and goes.
    wait_until(lambda: len(namespaces()) <= before["namespaces"] + 16, what="namespaces to go")


def test_kills_of_the_engine_leave_every_container_alive_or_cleanly_gone(engine):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    engine.cli("run", "-d", "--name", "witness", "busybox", "sleep", "900", check=0)
    witness = engine.inspect("witness")["State"]["Pid"]
    for index in range(KILLS):
        # No name may be a prefix of an id: rm of a name that a kill prevented would find it.
        verbs = [engine.sandbox.popen(
            BIN / "wherry", *command, env=engine.client_environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
            for command in (["run", "-d", "--name", f"lives{index}", "busybox", "sleep", "900"],
                            ["run", "--rm", "--name", f"removed{index}", "busybox", "true"],
                            ["rm", "-f", f"lives{index - 1}"])]
        time.sleep(dice.uniform(0, 0.06))
        engine.kill()
        for verb in verbs:
            verb.wait(30)
        engine.start()
        states = engine.cli("ps", "-a", "--format", "{{.Names}} {{.State}}", check=0).stdout
        for line in states.splitlines():
            assert line.split()[1] in ("created", "running", "exited"), states
        assert engine.inspect("witness")["State"]["Pid"] == witness
        assert os.path.exists(f"/proc/{witness}")
        engine.cli("run", "--rm", "busybox", "true", check=0)
    engine.remove_containers()
    wait_until(lambda: not engine.leaks(), what="clean-up")
