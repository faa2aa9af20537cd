"""B: handles that a start or an exec could leak. C: what a container may do."""
import hashlib
import os
import pathlib
import shutil
import socket
import time

import seccomp_table
from cases_rootfs import case
from lab import (CAPABILITIES, DEFAULT_MASK, MASKED, NO_CAPABILITIES, READ_ONLY, Failed, NotApplicable, require)


def fields(text):
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


# --- B --------------------------------------------------------------------------------------


@case("B01", "the working directory is a descriptor of the runtime")
def working_directory_on_a_descriptor(lab):
    lab.lives(lab.bundle(), lab.config("pwd", cwd="/tmp"), "/tmp")
    bundle = lab.bundle()
    name = lab.sleeping(bundle, lab.config("sleep", "1000"))
    alive = lab.call("exec", "--cwd", "/tmp", name, "pwd")
    require(alive.stdout.strip() == "/tmp", f"control: exec: {alive.stderr.strip()[-200:]}")
    attacked = lab.bundle()
    for number in range(3, 65):
        path = f"/proc/self/fd/{number}"
        done = lab.run(attacked, lab.config("pwd", cwd=path))
        require(done.returncode != 0, f"run in {path} works: {done.stdout.strip()}")
        done = lab.call("exec", "--cwd", path, name, "pwd")
        require(done.returncode != 0, f"exec in {path} works: {done.stdout.strip()}")
    for target in ("/proc/self/fd/7", "/proc/self/fd/8/../.."):
        link = attacked.rootfs / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        done = lab.run(attacked, lab.config("pwd", cwd="/link"))
        require(done.returncode != 0, f"run in a link to {target} works: {done.stdout.strip()}")


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def watched(lab, count, capabilities=()):
    """Execs `count` times into a container whose process 1 lies in wait; what it achieved."""
    bundle = lab.bundle()
    watcher = lab.add_probe(bundle, "watch")
    config = lab.config("sh", "-c", f"{watcher} /bin/busybox & trap 'kill $!; wait; exit' TERM; wait")
    config["process"]["capabilities"] = {kind: CAPABILITIES + list(capabilities)
                                         for kind in ("bounding", "effective", "permitted")}
    result = lab.directory / "watch.log"
    with open(result, "w") as output:
        name = lab.sleeping(bundle, config, output)
    works = 0
    for _ in range(count):
        works += lab.call("exec", name, "true").returncode == 0
    lab.call("kill", name, "TERM")
    end = time.monotonic() + 30
    while "seen" not in result.read_text() and time.monotonic() < end:
        time.sleep(0.02)
    words = result.read_text().split()
    require("seen" in words, f"control: the watcher said nothing: {words}")
    require(works > 0, "control: no exec worked")
    return {words[i]: int(words[i + 1]) for i in range(0, len(words), 2)}


def with_copy(lab):
    """The runtime becomes a copy: what is written to it harms nobody."""
    copy = lab.directory / "runtime"
    shutil.copy(lab.program, copy)
    lab.program = str(copy)
    return copy


@case("B02", "the runtime's program is opened for writing from inside")
def program_is_overwritten(lab):
    copy = with_copy(lab)
    before = digest(copy)
    lab.lives(lab.bundle(), lab.config("true"))
    bundle = lab.bundle()
    script = bundle.rootfs / "evil"
    script.write_text("#!/proc/self/exe\n")
    script.chmod(0o755)
    lab.run(bundle, lab.config("/evil"))
    name = lab.sleeping(bundle, lab.config("sleep", "1000"))
    lab.call("exec", name, "/evil")
    lab.delete(name)
    counts = watched(lab, 200 if lab.long_form else 50)
    require(digest(copy) == before, "the program has changed")
    require(counts["written"] == 0, f"{counts['written']} writes to the runtime's program worked")
    return f"{counts['seen']} looks at the runtime's processes"


@case("B03", "a process of the runtime is traced or its descriptors are read from inside")
def joining_process_is_traced(lab):
    with_copy(lab)
    counts = watched(lab, 500 if lab.long_form else 60)
    require(counts["traced"] == 0, f"traced {counts['traced']} times")
    require(counts["listed"] == 0, f"descriptors read {counts['listed']} times")
    return f"{counts['seen']} looks at the runtime's processes"


@case("B03-ptrace", "a container with CAP_SYS_PTRACE and no user namespace gets rights or handles of the runtime")
def joining_process_has_nothing_to_give(lab):
    """The last process before the program may be traced, as the program may; nothing is won by it."""
    with_copy(lab)
    counts = watched(lab, 500 if lab.long_form else 60, ["CAP_SYS_PTRACE"])
    require(counts["seen"] > 0, "control: the watcher saw no process of the runtime")
    require(counts["gained"] == 0, f"{counts['gained']} looks at what the container has not")
    require(counts["directories"] == 0, f"{counts['directories']} directories among the descriptors")
    require(counts["written"] == 0, f"{counts['written']} writes to the runtime's program worked")
    return f"{counts['seen']} looks at the runtime's processes, {counts['traced']} traced"


@case("B04", "descriptors of the caller reach the container")
def descriptors(lab):
    bundle = lab.bundle()
    listing = ["sh", "-c", "ls /proc/self/fd | wc -l; for f in /proc/self/fd/*; do "
                           "[ -d $f ] && [ $(readlink $f) != /proc/self/fd ] && echo directory $f; done; true"]
    lab.lives(bundle, lab.config(*listing), "4")
    made = [os.open("/", os.O_RDONLY | os.O_DIRECTORY), os.open("/", os.O_PATH)]
    made += [os.open("/dev/null", os.O_RDONLY) for _ in range(300)]
    sockets = [socket.socket(socket.AF_UNIX) for _ in range(200)]
    numbers = made + [one.fileno() for one in sockets]
    try:
        done = lab.run(bundle, lab.config(*listing), pass_fds=numbers)
        require(done.stdout.split() == ["4"], f"run: {done.stdout.split()} {done.stderr.strip()[-200:]}")
        name = lab.sleeping(bundle, lab.config("sleep", "1000"))
        done = lab.call("exec", name, *listing, pass_fds=numbers)
        require(done.stdout.split() == ["4"], f"exec: {done.stdout.split()} {done.stderr.strip()[-200:]}")
    finally:
        for number in made:
            os.close(number)
        for one in sockets:
            one.close()


# --- C --------------------------------------------------------------------------------------


@case("C01", "capabilities of root and of a user")
def capabilities(lab):
    status = fields(lab.lives(lab.bundle(), lab.config("cat", "/proc/1/status")))
    for name, wanted in (("CapBnd", DEFAULT_MASK), ("CapPrm", DEFAULT_MASK), ("CapEff", DEFAULT_MASK),
                         ("CapInh", NO_CAPABILITIES), ("CapAmb", NO_CAPABILITIES)):
        require(status[name] == wanted, f"root's {name} is {status[name]}")
    config = lab.config("cat", "/proc/1/status", user={"uid": 1000, "gid": 1000})
    config["process"]["capabilities"] = {"bounding": CAPABILITIES}
    status = fields(lab.lives(lab.bundle(), config))
    require(status["CapBnd"] == DEFAULT_MASK, f"a user's CapBnd is {status['CapBnd']}")
    for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        require(status[name] == NO_CAPABILITIES, f"a user's {name} is {status[name]}")


@case("C02", "inheritable capabilities in an exec")
def inheritable(lab):
    bundle = lab.bundle()
    name = lab.sleeping(bundle, lab.config("sleep", "1000"))
    for options in ((), ("--cap", "CAP_SYS_PTRACE"), ("--user", "1000:1000")):
        done = lab.call("exec", *options, name, "cat", "/proc/self/status")
        require(done.returncode == 0, f"control: exec {options}: {done.stderr.strip()[-200:]}")
        require(fields(done.stdout)["CapInh"] == NO_CAPABILITIES, f"exec {options}: {fields(done.stdout)['CapInh']}")


@case("C03", "groups of the caller")
def groups(lab):
    user = {"uid": 1000, "gid": 1000, "additionalGids": [1000, 2000]}
    before = os.getgroups()
    os.setgroups([4242, 0])
    try:
        text = lab.lives(lab.bundle(), lab.config("sh", "-c", "grep ^Groups: /proc/self/status", user=user))
        require(text.split() == ["Groups:", "1000", "2000"], f"run: {text.strip()}")
        text = lab.lives(lab.bundle(), lab.config("sh", "-c", "grep ^Groups: /proc/self/status"))
        require(text.split() in (["Groups:"], ["Groups:", "0"]), f"run as root: {text.strip()}")
    finally:
        os.setgroups(before)


@case("C04", "masked and read-only paths")
def masked_paths(lab):
    script = "; ".join(
        [f"if [ -d {p} ]; then ls -A {p}; touch {p}/x 2>/dev/null && echo wrote {p}; "
         f"elif [ -e {p} ]; then cat {p}; fi" for p in MASKED] +
        [f"[ -e {p} ] && ! grep -q ' {p} ro[ ,]' /proc/self/mountinfo && echo {p} is no read-only mount"
         for p in READ_ONLY] +
        ["for f in /proc/sys/kernel/hostname /proc/irq/default_smp_affinity /proc/sysrq-trigger; do "
         "[ -e $f ] && (: > $f) 2>&1; done",
         "true"])
    config = lab.config("sh", "-c", script)
    config["linux"]["maskedPaths"] = []
    require(len(lab.run(lab.bundle(), config).stdout) > 100, "control: there is nothing to mask")
    config["linux"]["maskedPaths"] = list(MASKED)
    wrong = [line for line in lab.lives(lab.bundle(), config).splitlines()
             if "Read-only file system" not in line]
    require(not wrong, f"{wrong[:3]}")


@case("C05", "every system call of the default seccomp profile, for x86-64 and i386 programs")
def seccomp(lab):
    if os.uname().machine != "x86_64":
        raise NotApplicable("the table of numbers is x86-64's")
    bundle = lab.bundle()
    probe = lab.add_probe(bundle, "syscalls")
    control = lab.lives(bundle, lab.config(probe, "all", "470")).splitlines()
    config = lab.config(probe, "all", "470")
    config["linux"]["seccomp"] = seccomp_table.oci_profile(CAPABILITIES)
    done = lab.run(bundle, config)
    require(done.returncode == 0, f"exit {done.returncode}: {done.stderr.strip()[-300:]}")
    oracle = seccomp_table.Oracle(CAPABILITIES)
    wrong, judged = seccomp_table.judge(done.stdout.splitlines(), oracle, control)
    require(not wrong, f"{len(wrong)} differ: {'; '.join(wrong[:6])}")
    argument_rules(lab, bundle, probe)
    return f"{judged} calls judged"


GARBAGE = 0x5a5a5a5a << 32
# (call, first arguments): what an argument rule decides; each is also tried with garbage above bit 31.
ARGUMENTS = ([("socket", (family, 1, 0)) for family in (1, 2, 10, 16, 37, 38, 39, 40, 41, 44)] +
             [("personality", (value, 0, 0)) for value in (0, 8, 0x20000, 0x20008, 0xffffffff, 4, 0x40000)] +
             [("clone", (flags, 0, 0)) for flags in (0x10000000, 0x20000000, 0x00020000, 0x40000000, 0x02000000)])


def argument_rules(lab, bundle, probe):
    oracle = seccomp_table.Oracle(CAPABILITIES)
    numbers = {abi: seccomp_table.numbers(abi) for abi in ("64", "32")}
    attempts = []
    for name, arguments in ARGUMENTS:
        for garbage in (0, GARBAGE, 1 << 32):
            attempts.append(("64", name, (arguments[0] | garbage, *arguments[1:])))
        attempts.append(("32", name, arguments))
    script = "\n".join(f"{probe} one {abi} {numbers[abi][name]} {' '.join(map(str, args))}"
                       for abi, name, args in attempts)
    config = lab.config("sh", "-c", script)
    config["linux"]["seccomp"] = seccomp_table.oci_profile(CAPABILITIES)
    lines = lab.lives(bundle, config).splitlines()
    for (abi, name, args), line in zip(attempts, lines, strict=True):
        said = line.split()[2]
        wanted = oracle.answer(abi, numbers[abi][name], args)
        refused = said == str(wanted) if wanted is not None else False
        if (wanted is not None) != refused or (wanted is None and said == "1"):
            raise Failed(f"{name}({args[0]:#x}) of a {abi}-bit program: {said}, wanted {wanted or 'let through'}")


@case("C06", "device nodes of every kind")
def devices(lab):
    bundle = lab.bundle()
    probe = lab.add_probe(bundle, "devices")
    config = lab.config("sh", "-c", f"cd /tmp && {probe}")
    config["linux"]["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    free = lab.lives(bundle, config).splitlines()
    require(len(free) > 800, f"control: {free[0]}, {len(free)} open with every device allowed")
    config = lab.config("sh", "-c", f"cd /tmp && {probe}; echo works > /dev/null && dd if=/dev/zero bs=4 count=1 "
                                    "2>/dev/null | wc -c")
    text = lab.lives(bundle, config).splitlines()
    allowed = {line for line in text[1:] if ":" in line} - {"c 0:0", "b 0:0"}  # no device: overlay's mark
    wanted = {"c 1:3", "c 1:5", "c 1:7", "c 1:8", "c 1:9", "c 5:0", "c 5:1", "c 5:2", "c 10:200", "c 136:0"}
    require(text[-1] == "4", f"control: /dev/zero gives {text[-1]}")
    require(allowed <= wanted, f"allowed: {sorted(allowed - wanted)[:8]}")
    require(int(text[0].split()[3]) > 1000, f"control: {text[0]}")


@case("C07", "parameters of the host's kernel")
def host_sysctls(lab):
    config = lab.config("cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/shmmni")
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "1234"}
    require(lab.lives(lab.bundle(), config).split() == ["1", "1234"], "control: namespaced ones are not set")
    attempts = [({"kernel.core_pattern": "|/bin/x"}, ()), ({"kernel/../kernel/core_pattern": "x"}, ()),
                ({"vm.swappiness": "1"}, ()), ({"fs.file-max": "5"}, ()), ({"net/../kernel/modprobe": "/x"}, ()),
                ({"kernel.modprobe": "/x"}, ()), ({"net.ipv4.ip_forward": "1"}, ("network",)),
                ({"kernel.shmmax": "1"}, ("ipc",)), ({"net..kernel.core_pattern": "x"}, ())]
    for parameters, shared in attempts:
        config = lab.config("true")
        config["linux"]["sysctl"] = parameters
        config["linux"]["namespaces"] = [one for one in config["linux"]["namespaces"] if one["type"] not in shared]
        done = lab.run(lab.bundle(), config)
        require(done.returncode != 0, f"{parameters} is accepted with the host's {' '.join(shared) or 'kernel'}")
        lab.check()


@case("C08", "no new privileges, and a setuid program")
def no_new_privileges(lab):
    bundle = lab.bundle()
    program = lab.add_probe(bundle, "identity")
    (bundle.rootfs / "bin/identity").chmod(0o4755)
    user = {"uid": 1000, "gid": 1000}
    free = lab.lives(bundle, lab.config(program, user=user)).split()
    require(free[:3] == ["1000", "0", "0"], f"control: setuid does nothing: {free}")
    bound = lab.run(bundle, lab.config(program, user=user, noNewPrivileges=True)).stdout.split()
    require(bound[:3] == ["1000"] * 3 and bound[5] == "1", f"run: {bound}")
    name = lab.sleeping(bundle, lab.config("sleep", "1000", user=user, noNewPrivileges=True))
    for options in ((), ("--user", "1000:1000")):
        done = lab.call("exec", *options, name, program).stdout.split()
        require(done[:3] == ["1000"] * 3 and done[5] == "1", f"exec {options}: {done}")
