"""Runs the command lines of a scenario through a client and masks what may differ: ids, times,
sizes, addresses and generated names.

A scenario is a text file: one command line per line without the word docker, '#' comments.
  < text          before a command: its standard input (\\n is a newline)
  %unordered      before a command: the lines of its output may come in any order
  %stdout         before a command: only stdout and the exit code are compared
  %numbers        before a command: numbers of stdout are masked (pids, clock times)
  %code           before a command: only the exit code is compared
  %json           before a command: stdout is JSON, written anew with what is each engine's own
                  affair masked (OWN), so that members and values are compared, not their order
A name has two letters at least, or the engine refuses it; and one that is looked up where nothing
has it contains a letter beyond f, as does what a filter seeks: ids are random hexadecimal digits.
"""
import json
import pathlib
import re
import shlex
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = HERE / "scenarios"
EXPECTED = HERE / "expected"

MASKS = [
    # The chain of programs between engine and exec is the engine's own affair.
    (r"failed to create task for container: .*?(?=exec: )", "failed to create task for container: "),
    (r"sha256:[0-9a-f]{64}", "sha256:<digest>"),
    (r"\b[0-9a-f]{64}\b", "<id64>"),
    (r"\b[0-9a-f]{12}\b", "<id12>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \w+", "<time>"),
    (r"(Less than a second|About an? \w+|\d+ \w+) ago", "<ago>"),
    (r"Up (Less than a second|About an? \w+|\d+ seconds?)", "Up <time>"),
    (r"\b\d+(\.\d+)?\s?(B|kB|MB|GB)\b", "<size>"),
    (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "<ip>"),
    (r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<mac>"),
    (r"\b[a-z]+_[a-z]+\d?$", "<name>"),
    (r'"Containers":"(N/A|\d+)"', '"Containers":"<count>"'),  # -1 below API 1.51
    (r"^SRun '", "Run '"),  # a slip of docker 28.2's
    (r"[ \t]{2,}", "  "),
    (r"[ \t]+$", ""),
]


# Members whose values are the engine's own: paths below its roots, storage, what the kernel gave.
OWN = {"ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "Pid", "Runtime",
       "AppArmorProfile", "Size"}
# As OWN, and also where one of the two has nothing: storage drivers and networks name what they
# have in their own way.
OWN_OR_NOTHING = {"Data", "NetworkID", "SandboxID", "SandboxKey", "SizeRootFs"}


def own_masked(value, name=""):
    """Objects by name, and what is in OWN as its type: "<str>", "<int>"."""
    if name in OWN_OR_NOTHING:
        return "<own>"
    if isinstance(value, dict):
        return {key: own_masked(value[key], key) for key in sorted(value)}
    if name in ("MaskedPaths", "ReadonlyPaths") and value:
        # A set. Docker 29 has added the last ones, which we mask too.
        return sorted(path for path in value if not path.endswith("/thermal_throttle"))
    if isinstance(value, list):
        return [own_masked(entry, name) for entry in value]
    return f"<{type(value).__name__}>" if name in OWN and value not in ("", None) else value


class Step:
    def __init__(self, arguments, stdin, modes):
        self.arguments, self.stdin, self.modes = arguments, stdin, modes

    def __str__(self):
        return "docker " + shlex.join(self.arguments)


def load_scenario(path, variables):
    steps, stdin, modes = [], None, set()
    for raw in path.read_text().splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("< "):
            stdin = line[2:].replace("\\n", "\n")
        elif line.startswith("%"):
            modes.add(line[1:])
        else:
            for key, value in variables.items():
                line = line.replace("$" + key, str(value))
            steps.append(Step(shlex.split(line), stdin, modes))
            stdin, modes = None, set()
    return steps


def mask(text, variables):
    for key, value in variables.items():
        text = text.replace(str(value), "$" + key)
    for pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text, flags=re.M)
    return text


def run_step(step, program, environment, variables):
    done = subprocess.run([str(program), *step.arguments], input=step.stdin or "", text=True,
                          capture_output=True, env=environment, timeout=60)
    if "json" in step.modes and done.returncode == 0:
        done.stdout = json.dumps(own_masked(json.loads(done.stdout)), indent=1)
    result = {"command": mask(str(step), variables), "code": done.returncode}
    if "code" not in step.modes:
        result["stdout"] = mask(done.stdout, variables)
        if "stdout" not in step.modes:
            result["stderr"] = mask(done.stderr, variables)
    if "numbers" in step.modes:
        result["stdout"] = re.sub(r"\d+", "<n>", result["stdout"])
    if "unordered" in step.modes:
        result["stdout"] = "\n".join(sorted(result["stdout"].splitlines()))
    return result


def run_scenario(path, program, environment, variables):
    return [run_step(step, program, environment, variables)
            for step in load_scenario(path, variables)]


def read_expected(name):
    """What was recorded, under today's masks."""
    expected = json.loads((EXPECTED / f"{name}.json").read_text())
    for result in expected["results"]:
        for key in ("stdout", "stderr"):
            if key in result:
                result[key] = mask(result[key], {})
    return expected


def write_expected(name, version, results):
    EXPECTED.mkdir(exist_ok=True)
    (EXPECTED / f"{name}.json").write_text(
        json.dumps({"recorded_with": version, "results": results}, indent=1) + "\n")
