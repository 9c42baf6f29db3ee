"""The walls of the house that import-linter does not see."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from layers.base import Layer
from layers.catalogue import LAND, LAYERS

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("geo", "layers", "maps", "api")
LONGEST_FUNCTION, LONGEST_FILE = 60, 450
KERNELS: dict[str, str] = {
    # "geo/overlay.py:clip": "why the kernel cannot be shorter",
}
"""Functions that may be longer than the rest, each with its reason."""
FOREIGN_BASES = ("layers/formats/gdal.py",)
"""Readers that look into a database that somebody sent, before GDAL may open it."""
PLURAL_ROOMS = ("geo", "layers", "maps")
LOOPS = re.compile(r"\.(?:iterrows|itertuples|iterfeatures)\(|\.apply\(")
UNKNOWN_TO_FALSE = re.compile(r"\.fillna\(\s*(?:False|value=False)|\.any\([^)]*axis\s*=\s*(?:1|['\"]columns)|\.any\(1\)")
SQL = re.compile(
    r"\b(?:SELECT\s.+\sFROM|INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE\s.+\sSET|DELETE\s+FROM|(?:CREATE|DROP)\s+TABLE|PRAGMA)\b"
)
INDEX_ADDRESS = re.compile(
    r"(?i)https?://[^\s\"'`)>]*(?:pypi|pythonhosted|/simple\b|registry\.|artifactory|nexus|devpi)"
    r"|--(?:extra-)?index-url[ =]\S|find-links"
)
MACHINE_PATH = re.compile(r"(?<![\w.$~-])/(?:root|farm|work|home/[a-z]\w*|Users/\w+|opt/pypi)(?=/|[\"'\s]|$)")
CJK = re.compile(r"[\u4e00-\u9fff]")
LAYER_FILES = sorted(p for p in (ROOT / "layers").glob("*.py") if re.search(r"^LAYER\b", p.read_text("utf-8"), re.M))


def tracked() -> list[Path]:
    """List the files of the repository, those that a coming commit would add among them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def sources(*rooms: str) -> list[Path]:
    """List the Python files of rooms."""
    return sorted(p for room in rooms for p in (ROOT / room).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Give the name and the length in lines of each function of a file, docstring apart."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            yield node.name, (node.end_lineno or 0) - first.lineno + 1


def code(path: Path) -> Iterator[tuple[int, str]]:
    """Give the lines of a Python file without its docstrings and comments."""
    text = path.read_text("utf-8")
    prose: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            prose |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    for number, line in enumerate(text.splitlines(), 1):
        if number not in prose:
            yield number, re.sub(r"(?:^|\s)#\s.*", "", line)


def found(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """List where code matches a pattern."""
    return [f"{name(p)}:{n}: {line.strip()}" for p in paths for n, line in code(p) if pattern.search(line)]


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Give the string constants of a Python file but its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, " ".join(node.value.split())


def refusals() -> set[str]:
    """Name the classes that descend from Refusal or GeoError."""
    nodes = [node for p in sources(*ROOMS) for node in ast.walk(ast.parse(p.read_text("utf-8")))]
    bases = {n.name: {b.id for b in n.bases if isinstance(b, ast.Name)} for n in nodes if isinstance(n, ast.ClassDef)}
    known = {"Refusal", "GeoError"}
    while new := {n for n, of in bases.items() if of & known} - known:
        known |= new
    return known


def raised(known: set[str]) -> Iterator[tuple[str, list[ast.expr]]]:
    """Give the place and the arguments of every refusal that is made, those of the class of a caught one too."""
    for path in sources(*ROOMS):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                again = isinstance(node.func, ast.Call) and isinstance(node.func.func, ast.Name) and node.func.func.id == "type"
                if again or (isinstance(node.func, ast.Name) and node.func.id in known):
                    yield f"{name(path)}:{node.lineno}", node.args


def words(node: ast.expr, language: str) -> str:
    """Read the literal words of a text; of a caught refusal's own, its attribute."""
    if isinstance(node, ast.Attribute):
        return "passed on 转述" if node.attr == language else ""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)).strip()


def facts(node: ast.expr) -> set[str]:
    """Name the variables that a text tells; those named for their language, and tables that translate, apart."""
    tables = {n.value.id for n in ast.walk(node) if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name)}
    told = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return told - {"en", "zh"} - {t for t in tables if t.isupper()}


def test_every_refusal_speaks_both_languages() -> None:
    made = list(raised(refusals()))
    assert len(made) > 150
    dumb = [
        p
        for p, a in made
        if len(a) < 2 or not words(a[0], "en") or CJK.search(words(a[0], "zh")) or not CJK.search(words(a[1], "zh"))
    ]
    assert dumb == []


def test_a_refusal_tells_the_same_facts_in_both_languages() -> None:
    assert {place: facts(a[0]) ^ facts(a[1]) for place, a in raised(refusals()) if facts(a[0]) != facts(a[1])} == {}


def test_nothing_turns_unknown_into_false() -> None:
    assert found(UNKNOWN_TO_FALSE, [p for p in sources("layers") if not name(p).startswith("layers/formats/")]) == []


def test_no_python_loop_runs_over_features() -> None:
    assert found(LOOPS, sources(*PLURAL_ROOMS)) == []


def test_sql_is_spoken_in_the_store_only() -> None:
    paths = [p for p in sources(*ROOMS) if not name(p).startswith("layers/store/") and name(p) not in FOREIGN_BASES]
    assert [f"{name(p)}:{n}: {s}" for p in paths for n, s in strings(p) if SQL.search(s)] == []


def test_no_file_names_a_package_index_or_a_path_of_somebodys_machine() -> None:
    hits = []
    for path in tracked():
        if path == Path(__file__).resolve():
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if INDEX_ADDRESS.search(line) or MACHINE_PATH.search(line):
                hits.append(f"{name(path)}:{number}: {line.strip()[:120]}")
    assert hits == []


def test_functions_are_short_enough_to_be_read_at_once() -> None:
    long = {
        f"{name(p)}:{function}": lines for p in sources(*ROOMS) for function, lines in functions(p) if lines > LONGEST_FUNCTION
    }
    assert {place: lines for place, lines in long.items() if place not in KERNELS} == {}
    assert set(KERNELS) <= set(long), "a kernel that became short needs no exception"


def test_files_are_short_enough_to_be_one_thing() -> None:
    lengths = {name(p): len(p.read_text("utf-8").splitlines()) for p in sources(*ROOMS, "tests")}
    assert {place: lines for place, lines in lengths.items() if lines > LONGEST_FILE} == {}


ROWS = {"A": 13, "B": 14, "C": 16}
"""Rows of each part of the list of threats that touch what exists."""


def test_every_row_of_the_list_of_threats_has_its_tests() -> None:
    table = re.findall(r"^\| ([A-C]\d+) \|.*\| ([^|]+) \|$", (ROOT / "docs" / "reliability.md").read_text("utf-8"), re.M)
    assert [row for row, _ in table] == [f"{part}{k}" for part, last in ROWS.items() for k in range(1, last + 1)]
    there = {f"{p.stem}::{function}" for p in sources("tests") for function, _ in functions(p)}
    assert [f"{row}: {test}" for row, tests in table for test in tests.split(", ") if test not in there] == []


def test_there_is_no_room_for_leftovers() -> None:
    assert [name(p) for p in sources(*ROOMS) if re.fullmatch(r"utils?|helpers?|misc|common", p.stem)] == []


@pytest.mark.parametrize("path", LAYER_FILES, ids=lambda p: p.stem)
def test_every_layer_is_in_the_catalogue(path: Path) -> None:
    assert path.stem in LAYERS


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_every_layer_is_behind_the_walls_of_import_linter(layer: Layer) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    module = f"layers.{layer.name}" if layer.name in LAND else "layers.ledger"
    assert module in next(c["modules"] for c in contracts if c["type"] == "independence")
    assert any(
        module in c["source_modules"] and "layers.store" in c["forbidden_modules"] for c in contracts if c["type"] == "forbidden"
    )


def test_the_order_of_the_rooms_is_the_architectures() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    order = next(c["layers"] for c in contracts if c["type"] == "layers")
    assert list(pairwise(order)) == [("api", "maps"), ("maps", "layers"), ("layers", "geo")]


@pytest.mark.parametrize(
    ("pattern", "bad", "good"),
    [
        (UNKNOWN_TO_FALSE, "flags.fillna(False)", "roads.fillna(0.0)"),
        (UNKNOWN_TO_FALSE, "flags.any(axis=1)", "found.any()"),
        (LOOPS, "for plot in plots.itertuples():", "reduce(or_, flags)"),
        (SQL, "SELECT id FROM parcels", "select the parcels from the map"),
        (INDEX_ADDRESS, "--index-url" + " https://x", "https://epsg.org"),
        (MACHINE_PATH, '"/root/.venv/bin"', "https://example.org/root/x"),
    ],
)
def test_the_walls_see_what_they_should(pattern: re.Pattern[str], bad: str, good: str) -> None:
    assert pattern.search(bad)
    assert not pattern.search(good)
