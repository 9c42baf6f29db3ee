"""Refusals at a terminal are read by people who may know no English."""

from __future__ import annotations

import copy
import pickle
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from string import Formatter

import pytest
from click.testing import CliRunner, Result

from api.cli import main
from api.refusals import said
from geo.crs import ImplausibleCoordinatesError
from layers.store.base import BusyError
from layers.store.connection import EXPLAINED
from layers.store.gpkg import GpkgStore

CJK = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHUDI_BASE", raising=False)


def base() -> str:
    GpkgStore.create("land.gpkg").close()
    return "land.gpkg"


def no_base() -> list[str]:
    return ["layers"]


def no_such_base() -> list[str]:
    return ["--base", "nowhere.gpkg", "layers"]


def no_base_but_a_file() -> list[str]:
    Path("notes.txt").write_text("no base " * 200)
    return ["--base", "notes.txt", "layers"]


def no_crs() -> list[str]:
    Path("plots.csv").write_text("id,x,y\nP1,500000,4060000\n")
    return ["--base", base(), "import", "plots.csv", "--layer", "parcels"]


def no_layer() -> list[str]:
    Path("plots.csv").write_text("id,x,y\nP1,500000,4060000\n")
    return ["--base", base(), "import", "plots.csv"]


def unknown_site() -> list[str]:
    return ["--base", base(), "check", "P404"]


def newer_version() -> list[str]:
    with closing(sqlite3.connect(base())) as c, c:
        c.execute("UPDATE shudi_meta SET value = '7' WHERE key = 'version'")
    return ["--base", "land.gpkg", "layers"]


@pytest.mark.parametrize(
    ("arrange", "en", "zh"),
    [
        (no_base, "no land base: name one", "没有土地库:请用 --base"),
        (no_such_base, "There is no land base", "nowhere.gpkg,请用 --base 指定"),
        (no_base_but_a_file, "notes.txt is no GeoPackage", "notes.txt 不是 GeoPackage,请指定土地库"),
        (no_crs, "plots.csv does not say its coordinate reference system", "plots.csv 没有说明坐标系:请用 --crs 给出"),
        (no_layer, "say which layer it delivers", "请说明导入到哪个图层:--layer parcels|"),
        (unknown_site, "P404 is neither a file nor", "P404 既不是文件,也不是已存选址或宗地的编号"),
        (newer_version, "has version 7, written by a newer Shudi", "的版本为 7,由更新的 Shudi 写成"),
    ],
)
def test_a_refusal_is_said_in_the_readers_language(arrange: Callable[[], list[str]], en: str, zh: str) -> None:
    command = arrange()

    def run(language: str) -> Result:
        return CliRunner().invoke(main, ["--lang", language, *command])

    english, chinese = run("en"), run("zh")
    assert (english.exit_code, chinese.exit_code) == (2, 2)
    assert en in english.stderr
    assert not CJK.search(english.stderr)
    assert zh in chinese.stderr
    assert en not in chinese.stderr


@pytest.mark.parametrize("code", EXPLAINED, ids=lambda code: EXPLAINED[code][0].__name__)
def test_what_sqlite_refuses_is_told_with_the_same_facts_in_both_languages(code: int) -> None:
    def facts(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    _, en, zh = EXPLAINED[code]
    assert facts(en) == facts(zh)
    assert CJK.search(zh)
    assert not CJK.search(en)


@pytest.mark.parametrize("error", [BusyError("in use", "正在使用"), ImplausibleCoordinatesError("too far", "太远", 3)])
def test_a_refusal_keeps_both_languages_when_it_is_copied(error: Exception) -> None:
    for same in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert said(same) == said(error)
        assert vars(same) == vars(error)
        assert str(same) == said(error).en
