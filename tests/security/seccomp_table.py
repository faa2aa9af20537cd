"""Docker's default seccomp profile (tests/data/seccomp-default.tsv) as an OCI profile and as an oracle.

The oracle answers what a call must give: None where it is let through, else the errno.
"""
import json
import pathlib
import re

TABLE = pathlib.Path(__file__).resolve().parents[1] / "data/seccomp-default.tsv"
EPERM, ENOSYS = 1, 38
X32_BIT = 0x40000000
# Calls that headers of Linux 6.1 do not know; the numbers are the same for both ABIs.
NEWER = {name: 451 + i for i, name in enumerate(
    "cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount "
    "lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat "
    "removexattrat open_tree_attr".split())}
# A call's name in the headers and in the profile.
X86_64_ONLY = {"uretprobe": 335, "uprobe": 336}
# Since Linux 6.14 the kernel asks no filter about them: they work from its own trampolines only.
UNFILTERED = {("64", number) for number in X86_64_ONLY.values()}
# Arguments of which the kernel reads 32 bits: (call, index).
CUT = {("socket", 0), ("personality", 0), ("clone", 0)}


def rows():
    lines = TABLE.read_text().splitlines()
    keys = lines[0].split("\t")
    for line in lines[1:]:
        row = dict(zip(keys, line.split("\t")))
        for key in ("args", "includes", "excludes"):
            row[key] = json.loads(row[key]) if row.get(key) else None
        yield row


def applies(row, capabilities, architecture):
    includes, excludes = row["includes"] or {}, row["excludes"] or {}
    if "caps" in includes and not set(includes["caps"]) & set(capabilities):
        return False
    if "arches" in includes and architecture not in includes["arches"]:
        return False
    if set(excludes.get("caps", ())) & set(capabilities):
        return False
    return architecture not in excludes.get("arches", ())


def oci_profile(capabilities, default_errno=EPERM):
    """linux.seccomp as an engine that follows moby's profile writes it for x86-64."""
    calls = []
    for row in rows():
        # 32-bit programs have modify_ldt, too: one OCI profile serves both.
        if not applies(row, capabilities, "amd64"):
            continue
        call = {"names": [row["syscall"]], "action": row["action"]}
        if row["errnoRet"]:
            call["errnoRet"] = int(row["errnoRet"])
        if row["args"]:
            # A masked comparison has its mask in value and what must be left in valueTwo.
            call["args"] = [{"valueTwo": 0, **arg} for arg in row["args"]]
        calls.append(call)
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": default_errno,
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": calls}


def numbers(abi):
    """Call name -> number from the kernel's headers, for "64" and "32"."""
    header = {"64": "unistd_64.h", "32": "unistd_32.h"}[abi]
    text = pathlib.Path("/usr/include/x86_64-linux-gnu/asm", header).read_text()
    found = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", text)}
    return {**found, **NEWER, **(X86_64_ONLY if abi == "64" else {})}


def argument_holds(arg, value):
    wanted = arg["value"]
    return {"SCMP_CMP_EQ": value == wanted, "SCMP_CMP_NE": value != wanted, "SCMP_CMP_LT": value < wanted,
            "SCMP_CMP_LE": value <= wanted, "SCMP_CMP_GT": value > wanted, "SCMP_CMP_GE": value >= wanted,
            "SCMP_CMP_MASKED_EQ": value & wanted == arg.get("valueTwo", 0)}[arg["op"]]


class Oracle:
    """What the profile answers to a call with given arguments."""

    def __init__(self, capabilities, default_errno=EPERM):
        self.default_errno = default_errno
        self.rules = {}
        for row in rows():
            if applies(row, capabilities, "amd64"):
                self.rules.setdefault(row["syscall"], []).append(row)
        self.names, self.highest = {}, {}
        for abi in ("64", "32"):
            known = numbers(abi)
            self.names[abi] = {number: name for name, number in known.items()}
            self.highest[abi] = max(known[name] for name in self.rules if name in known)

    def answer(self, abi, number, arguments):
        """None: let through. An errno: refused with it."""
        if abi == "x32":
            return self.default_errno
        if number > self.highest[abi]:
            return ENOSYS
        name = self.names[abi].get(number)
        for row in self.rules.get(name, ()):
            cut = [value & 0xffffffff if (name, i) in CUT or abi == "32" else value
                   for i, value in enumerate(arguments)]
            if all(argument_holds(arg, cut[arg["index"]]) for arg in row["args"] or ()):
                return None if row["action"] == "SCMP_ACT_ALLOW" else int(row["errnoRet"])
        return self.default_errno


def judge(lines, oracle, control):
    """(differences, number of telling calls) of what `syscalls all` printed under the profile.

    control: its lines without the profile. A refusal comes before the kernel looks at the call, so it
    must be the profile's; what is let through must not look refused, unless the kernel refuses it itself.
    A call tells something where the two answers differ."""
    without = dict(line.rsplit(" ", 1) for line in control)
    everything = (1 << 64) - 1
    wrong, telling = [], 0
    for line in lines:
        call, said = line.rsplit(" ", 1)
        abi, number = call.split()
        if (abi, int(number)) in UNFILTERED:
            continue
        wanted = oracle.answer(abi, int(number), [everything] * 3)
        refusals = {str(oracle.default_errno), str(ENOSYS)}
        by_kernel = without.get(call)
        if wanted is not None:
            right = said == str(wanted)
            telling += by_kernel != str(wanted)
        else:
            right = said == by_kernel if by_kernel in refusals else said not in refusals
            telling += by_kernel not in refusals
        if not right:
            name = oracle.names.get(abi, {}).get(int(number), "no name")
            wrong.append(f"{call} ({name}): {said}, wanted {wanted or 'let through'}")
    return wrong, telling
