"""Edits from the command line: one attribute, a file of changes, undo, difference, parcels."""

import json
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

from layers.catalogue import LAND
from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, content, shudi


def first_parcels(base: Path, count: int = 2) -> list[str]:
    store = GpkgStore.open(base, read_only=True)
    found = store.read("parcels", columns=["id"])["id"].tolist()[:count]
    store.close()
    return found


def test_one_attribute_is_edited_told_and_undone(own_park: Path) -> None:
    (id,) = first_parcels(own_park, 1)
    before = shudi("history", "parcels", id, "--base", own_park, "--json").body
    done = shudi("edit", "parcels", id, "status=idle", "owner=", "--base", own_park, "--reason", "Doc 7", "--json").body
    assert done["changed"] == [["parcels", id]]
    assert 0 < done["again"] < 40
    records = shudi("history", "parcels", id, "--base", own_park, "--json").body
    assert (records[-1]["after"]["status"], records[-1]["after"]["owner"], records[-1]["reason"]) == ("idle", None, "Doc 7")
    changed = shudi("diff", records[-1]["seq"] - 1, "--base", own_park, "--json").body
    assert [(d["id"], "status" in d["columns"]) for d in changed] == [(id, True)]
    assert "status:" in shudi("diff", before[-1]["seq"], records[-1]["seq"], "--layer", "parcels", "--base", own_park).out
    assert shudi("undo", records[-1]["seq"], "--base", own_park).status == 0
    again = shudi("history", "parcels", id, "--base", own_park, "--json").body
    assert again[-1]["after"] == before[-1]["after"]
    assert len(shudi("history", "--limit", 2, "--base", own_park, "--json").body) == 2
    assert shudi("diff", again[-1]["seq"], "--base", own_park).out.strip() == "nothing differs"


def test_a_file_of_changes_is_one_write_or_none(own_park: Path, tmp_path: Path) -> None:
    one, two = first_parcels(own_park)
    features = [
        {"type": "Feature", "id": one, "properties": {"status": "idle"}, "geometry": None},
        {"type": "Feature", "id": two, "action": "update", "properties": {"status": "sold"}, "geometry": None},
    ]
    file = tmp_path / "changes.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    held = content(own_park)
    refused = shudi("edit", "parcels", "--file", file, "--base", own_park)
    assert (refused.status, content(own_park)) == (2, held)
    assert "status cannot be 'sold'" in refused.err
    features[1]["properties"] = {"status": "built"}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    assert "dry run" in shudi("edit", "parcels", "--file", file, "--dry-run", "--base", own_park).out
    assert content(own_park) == held
    done = shudi("edit", "parcels", "--file", file, "--base", own_park, lang="zh")
    assert f"更改: parcels {one}" in done.out


@pytest.mark.parametrize(
    ("arguments", "en", "zh"),
    [
        (("edit",), "say what to edit", "请说明编辑内容"),
        (("edit", "parcels"), "say what to edit", "请说明编辑内容"),
        (("edit", "parcels", "P", "status=ready", "--delete"), "say what to edit", "请说明编辑内容"),
        (("edit", "parcels", "P", "status"), "no FIELD=VALUE", "不是 字段=值"),
        (("edit", "parcels", "nobody", "status=ready"), "no feature nobody", "没有编号 nobody"),
        (("edit", "--file", "nowhere.geojson"), "cannot be read", "无法读取"),
        (("undo", "999999"), "no entry 999999", "没有第 999999 条"),
        (("diff", "yesterday"), "no moment", "不是时间"),
        (("history", "parcels"), "say which feature", "请给出"),
        (("parcel", "split", "nobody", "500000,4077000 500001,4077001"), "no parcels nobody", "没有宗地 nobody"),
        (("parcel", "split", "nobody", "0,0 1,1e"), "is no line", "不是线"),
        (("parcel", "merge", "nobody", "none", "--into", "x"), "no parcels nobody", "没有宗地 nobody"),
        (("parcel", "lineage", "nobody"), "never was a parcel nobody", "从未有宗地 nobody"),
    ],
)
def test_what_cannot_be_edited_is_said_in_both_languages(park: Path, arguments: tuple[str, ...], en: str, zh: str) -> None:
    for language, told in (("en", en), ("zh", zh)):
        refused = shudi(*arguments, "--base", park, lang=language)
        assert (refused.status, told in refused.err) == (2, True), refused.err


def test_a_stale_version_is_refused(own_park: Path) -> None:
    (id,) = first_parcels(own_park, 1)
    read = shudi("history", "parcels", id, "--base", own_park, "--json").body[-1]["seq"]
    assert shudi("edit", "parcels", id, "status=idle", "--version", read, "--base", own_park).status == 0
    refused = shudi("edit", "parcels", id, "status=ready", "--version", read, "--base", own_park)
    assert (refused.status, f"not {read}" in refused.err) == (2, True)


def test_parcels_are_split_and_merged_with_their_lineage(own_park: Path) -> None:
    (id,) = first_parcels(own_park, 1)
    store = GpkgStore.open(own_park, read_only=True)
    west, south, east, north = store.read("parcels", ids=[id]).total_bounds.tolist()
    store.close()
    middle = (west + east) / 2
    line = f"{middle},{south - 1} {middle},{north + 1}"
    refused = shudi("edit", "parcels", id, "--delete", "--base", own_park)
    assert (refused.status, "a gap of" in refused.err) == (2, True)
    done = shudi("parcel", "split", id, line, "--base", own_park, "--json").body
    assert done["created"] == [["parcels", f"{id}-1"], ["parcels", f"{id}-2"]]
    kin = shudi("parcel", "lineage", id, "--base", own_park, "--json").body
    assert [k["child"] for k in kin["became"]] == [f"{id}-1", f"{id}-2"]
    merged = shudi("parcel", "merge", f"{id}-1", f"{id}-2", "--into", "M", "--set", "status=idle", "--base", own_park)
    assert "created: parcels M" in merged.out
    assert f"M 由 {id}-1, {id}-2 形成" in shudi("parcel", "lineage", "M", "--base", own_park, lang="zh").out


def test_after_an_edit_the_findings_are_those_of_a_full_assessment(own_park: Path) -> None:
    store = GpkgStore.open(own_park)
    line = store.read("utilities").query("role == 'main' and kind == 'water'")["id"].iloc[0]
    assert shudi("edit", "utilities", line, "status=retired", "--base", own_park).status == 0
    kept, inputs = store.findings()
    again = shudi("assess", "--on", DAY, "--base", own_park, "--json").body
    assert (again["again"], again["plots"]) == (0, len(kept))
    assert shudi("assess", "--on", DAY, "--full", "--base", own_park, "--json").body == {**again, "again": len(kept)}
    found, anew = store.findings()
    assert_frame_equal(kept.sort_index(), found.sort_index(), check_exact=True)
    assert inputs == anew
    store.close()


def test_explain_names_the_versions_of_all_inputs_and_what_is_stale(own_park: Path) -> None:
    (id,) = first_parcels(own_park, 1)
    told = shudi("explain", id, "--base", own_park, "--json").body
    assert set(told["inputs"]) == {"on", "known", "standards", "engine", "layers"}
    assert set(told["inputs"]["layers"]) == set(LAND)
    assert told["stored"]["changed"] == []
    store = GpkgStore.open(own_park)
    store.edit("roads", Change("someone"), delete=[store.read("roads", columns=["id"])["id"].iloc[0]])
    store.close()
    told = shudi("explain", id, "--base", own_park, "--json").body
    assert (told["stored"]["assessed"], told["stored"]["changed"]) == (True, ["roads"])
    words = shudi("explain", id, "--base", own_park, lang="zh").out
    assert "已存结论过期(roads已变)" in words
    assert "依据" in words
