#!/usr/bin/env python3
"""Checks that the sources keep the rules of CONTRIBUTING.md: layers, sizes, banned calls and words.

usage: tidy.py [--self-test] [ROOT]    prints one line per finding; exit 1 if there is any.
"""
import pathlib
import re
import sys

# A folder may include the rows above it and itself, never its own row.
ROWS = [
    ["base"], ["sys"], ["io"], ["spec", "archive", "http"],
    ["content", "snapshot", "registry", "network", "volume", "resolver", "runtime", "keeper", "metadata"],
    ["image"], ["engine"], ["api"], ["client"],
    ["cli", "keeperd", "runtime_cli", "init", "daemon"],
]
# The process boundary: what the client side may use of the rows above.
ONLY = {
    "client": {"base", "sys", "io", "spec", "http"},
    "cli": {"base", "sys", "io", "spec", "http", "client"},
    "init": set(),
    "keeperd": {"base", "sys", "io", "spec", "runtime", "keeper"},
    "runtime_cli": {"base", "sys", "io", "spec", "runtime"},
}
LIMITS = {"function": 70, "nesting": 3, "parameters": 5, ".cc": 800, ".h": 300}
# A ratchet: the aim is 0.6. Raise it when the tests have grown, never lower it.
TEST_RATIO = 0.43

# Call -> (why, the files that may).
BANNED = {
    r"\b(system|popen)\s*\(": ("runs a shell", ()),
    r"(?<![\w.>])::fork\s*\(|\bvfork\s*\(": ("forks: use sys/spawn", ("sys/spawn", "cli/")),
    r"\b(strcpy|strcat|sprintf|vsprintf|gets)\s*\(": ("has no bound", ()),
    r"\b(getpwnam|getpwuid|getgrnam|getaddrinfo|gethostbyname)\w*\s*\(":
        ("needs NSS, which static programs lack", ("registry/",)),
    r"(?<![\w:.>])::?(sleep|usleep|nanosleep)\s*\(|this_thread::sleep":
        ("sleeps: wait for the event with a deadline", ("sys/cgroup", "engine/open", "keeper/client")),
    r"\bthrow\b(?!\()": ("throws: return an Error", ()),
    r"\bstd::regex\b": ("backtracks: parse by hand or use RE2", ()),
    r"#include <iostream>": ("costs start-up time: use fmt and sys", ()),
    r"(?<![\w:])rand\s*\(": ("is predictable: random_hex", ()),
}
WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def layer_of(path):
    return path.parts[0] if len(path.parts) > 1 else ""


def row_of(layer):
    return next((i for i, row in enumerate(ROWS) if layer in row), None)


def strip(text):
    """The text with comments, strings and character literals blanked, lines kept."""
    pattern = re.compile(r'R"(\w*)\((?:.|\n)*?\)\1"|//[^\n]*|/\*(?:.|\n)*?\*/|"(?:\\.|[^"\\\n])*"|'
                         r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'")

    def blank(match):
        found = match.group(0)
        quote = '""' if found[0] in '"R' else "" if found.startswith(("//", "/*")) else "0"
        return quote + "\n" * found.count("\n")
    return pattern.sub(blank, text)


CONTROL = re.compile(r"^\s*(?:\}?\s*else\b|if\b|for\b|while\b|switch\b|do\b|try\b|catch\b)")
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


def parameters_of(head):
    """The number of parameters in the last top-level parenthesis pair of a function head."""
    depth, angle, count, start, best = 0, 0, 0, None, 0
    for i, c in enumerate(head):
        if c == "(":
            depth += 1
            if depth == 1:
                start, count, angle = i, 0, 0
        elif c == ")":
            depth -= 1
            if depth == 0 and start is not None:
                if head[start + 1:i].strip() and not best:
                    best = count + 1
        elif depth == 1 and c == "<":
            angle += 1
        elif depth == 1 and c == ">":
            angle = max(0, angle - 1)
        elif depth == 1 and c == "," and angle == 0:
            count += 1
    return best


def functions(text):
    """Yields (line, name, lines, nesting, parameters) of every function body."""
    text = "\n".join("" if line.lstrip().startswith("#") else line for line in strip(text).split("\n"))
    stack, head_start, line, parens = [], 0, 1, 0
    for i, c in enumerate(text):
        if c == "\n":
            line += 1
        elif c in "()":
            parens += 1 if c == "(" else -1
        elif c == ";" and parens == 0:
            head_start = i + 1
        elif c == "{":
            head = text[head_start:i]
            inside = any(kind == "function" for kind, *_ in stack)
            if inside:
                kind = "control" if CONTROL.match(head.lstrip("\n ")) and parens == 0 else "other"
            elif SCOPE.search(head) and not head.rstrip().endswith(")"):
                kind = "scope"
            elif ")" in head and "=" not in head.split("(")[0]:
                kind = "function"
            else:
                kind = "other"
            stack.append([kind, line, head, 0, parens])
            parens = 0
            depth = sum(1 for entry in stack if entry[0] == "control")
            for entry in stack:
                if entry[0] == "function":
                    entry[3] = max(entry[3], depth)
            head_start = i + 1
        elif c == "}" and stack:
            kind, start, head, nesting, parens = stack.pop()
            head_start = i + 1
            if kind == "function":
                name = re.search(r"([\w:~]+(?:\s*operator\S+)?)\s*\(", head)
                yield (start, name.group(1) if name else "?", line - start + 1, nesting,
                       parameters_of(head))


def check_layers(path, text):
    layer = layer_of(path)
    row = row_of(layer)
    if row is None:
        yield f"src/{path}: unknown layer '{layer}'"
        return
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#include "(\w+)/', line)
        if not match or match.group(1) == layer:
            continue
        other = match.group(1)
        other_row = row_of(other)
        allowed = ONLY.get(layer)
        if other_row is None or other_row >= row or (allowed is not None and other not in allowed):
            yield f"src/{path}:{number}: {layer} may not include {other}"


def check_calls(path, text):
    for number, line in enumerate(strip(text).split("\n"), 1):
        for pattern, (why, may) in BANNED.items():
            if re.search(pattern, line) and not any(str(path).startswith(m) for m in may):
                yield f"src/{path}:{number}: {line.strip()[:60]}: {why}"


def check_sizes(path, text):
    lines = text.count("\n")
    if "_test" in path.name or "NOLINT(tidy-size)" in text:
        return
    limit = LIMITS[path.suffix]
    if lines > limit:
        yield f"src/{path}: {lines} lines (limit {limit})"
    for start, name, length, nesting, parameters in functions(text):
        for what, value in (("function", length), ("nesting", nesting), ("parameters", parameters)):
            if value > LIMITS[what]:
                yield f"src/{path}:{start}: {name}: {what} {value} (limit {LIMITS[what]})"


def check_words(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if WORDS.search(line):
            yield f"src/{path}:{number}: unfinished: {line.strip()[:60]}"


def check_tree(root):
    code = tests = 0
    for file in sorted((root / "src").rglob("*")):
        if file.suffix not in (".cc", ".h"):
            continue
        path = file.relative_to(root / "src")
        text = file.read_text()
        if "_test" in path.name:
            tests += text.count("\n")
        else:
            # Tables of data need no test a line.
            code += 0 if path.stem.startswith("table_") else text.count("\n")
            yield from check_calls(path, text)
            yield from check_words(path, text)
        yield from check_layers(path, text)
        yield from check_sizes(path, text)
    tests += sum(f.read_text().count("\n") for f in (root / "tests").rglob("*.py"))
    if code and tests / code < TEST_RATIO:
        yield f"tests: {tests} lines of tests for {code} of code (at least {TEST_RATIO})"


def self_test():
    long_function = "void f() {\n" + "  g();\n" * 80 + "}\n"
    nested = "void f(int a, std::map<int, int> b) {\n if (x) { for (;;) { while (y) { if (z) { g(); } } } }\n}\n"
    assert list(functions(nested)) == [(1, "f", 3, 4, 2)], list(functions(nested))
    assert next(functions(long_function))[2] == 82
    path = pathlib.PurePath("sys/x.cc")
    assert any("limit 70" in f for f in check_sizes(path, long_function))
    assert list(check_layers(path, '#include "engine/engine.h"\n'))
    assert not list(check_layers(path, '#include "base/result.h"\n'))
    assert list(check_layers(pathlib.PurePath("runtime/x.cc"), '#include "keeper/client.h"\n'))
    assert list(check_layers(pathlib.PurePath("cli/x.cc"), '#include "engine/engine.h"\n'))
    assert list(check_calls(path, "int x = system(y);"))
    assert not list(check_calls(path, '// system(y)\nauto s = "system(x)";'))
    assert list(check_words(path, "// TO" + "DO: later"))


def main(arguments):
    if "--self-test" in arguments:
        self_test()
        arguments.remove("--self-test")
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parents[2]
    findings = list(check_tree(root))
    print("\n".join(findings) if findings else "tidy: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
