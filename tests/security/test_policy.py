"""Every sentence of docs/security.md names tests, and every test that it or the gauntlet's page names exists."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/security.md").read_text()
TABLE = (ROOT / "docs/security-gauntlet.md").read_text()
CASE = re.compile(r"\*([A-J]\d\d(?:-\w+)?)\*")
FUNCTION = re.compile(r"`(test_\w+)`")
UNIT = re.compile(r"`([A-Z]\w+)\.(\w+)`")


def sections():
    """Heading -> its list items, each on one line."""
    found = {}
    for part in TEXT.split("\n## ")[1:]:
        heading, body = part.split("\n", 1)
        items = re.split(r"^- ", body, flags=re.M)[1:]
        found[heading] = [" ".join(item.split()) for item in items]
    return found


def existing_cases():
    return {identity for name in ("cases_rootfs.py", "cases_process.py")
            for identity in re.findall(r'^@case\("([^"]+)"', (pathlib.Path(__file__).parent / name).read_text(), re.M)}


def existing_functions():
    return {name for path in ROOT.glob("tests/*/test_*.py")
            for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)}


def existing_units():
    return {pair for path in ROOT.glob("src/*/*_test.cc")
            for pair in re.findall(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", path.read_text(), re.M)}


def test_every_named_test_exists():
    missing = sorted({"*" + name + "*" for name in CASE.findall(TEXT.split("\n## ", 1)[1])} -
                     {"*" + name + "*" for name in existing_cases()})
    missing += sorted(set(FUNCTION.findall(TEXT + TABLE)) - existing_functions())
    missing += sorted(set(UNIT.findall(TEXT + TABLE)) - existing_units())
    assert not missing


def test_every_sentence_names_a_test():
    for heading, items in sections().items():
        assert items, heading
        if heading == "What is not there yet":
            continue
        bare = [item for item in items if not (CASE.search(item) or FUNCTION.search(item) or UNIT.search(item))]
        assert not bare, heading


def test_every_case_stands_in_the_table_of_results():
    assert {line.split("|")[1].strip() for line in TABLE.splitlines() if re.match(r"\| [A-J]\d\d", line)} == \
        existing_cases()
