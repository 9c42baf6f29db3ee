"""Edits: nothing half-written, nobody's work lost, nothing stored that cannot stand."""

from datetime import date

import geopandas as gpd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from layers.assessment import NotFoundError
from layers.base import Edition
from layers.edits import diff, edit, undo
from layers.mosaic import MosaicError
from layers.standards import Standards
from layers.store.base import Change, ConflictError, DuplicateError, StaleError
from layers.store.memory import MemoryStore
from layers.subdivision import lineage, merge, split
from layers.wishes import BadEditError, Wish, read_json, wishes_of

CRS = "EPSG:4548"
X, Y = 500_000.0, 4_077_000.0
BOOK = Standards.load().on(date(2026, 11, 22))
LIN, WU = Change("Lin", "Doc 12"), Change("Wu", "Doc 13")


def square(k, row=0, side=10.0):
    return shapely.box(X + 10 * k, Y + 10 * row, X + 10 * k + side, Y + 10 * row + side)


@pytest.fixture
def store():
    """Three parcels in a row."""
    made = MemoryStore(CRS)
    plots = gpd.GeoDataFrame(
        {
            "id": ["A", "B", "C"],
            "status": ["ready", "ready", "built"],
            "owner": ["Wang", "Wang", None],
            "area_recorded": [100.0, 99.0, 101.0],
        },
        geometry=[square(k) for k in range(3)],
        crs=CRS,
    )
    made.add(Edition("", "parcels", "survey", date(2026, 1, 1), square(0, side=1000)), plots, LIN)
    return made


def ids(store):
    return set(store.read("parcels")["id"])


def parcel(store, id):
    return store.read("parcels", ids=[id]).iloc[0]


def wish(id, action=None, geometry=None, version=None, **values):
    return Wish("parcels", id, action, values, geometry, version)


def test_an_update_changes_what_it_names_and_nothing_else(store):
    before = parcel(store, "A")
    done = edit(store, [wish("A", status="listed", area_recorded="101.5", valid_from="2026-03-01", owner=None)], WU, BOOK)
    after = parcel(store, "A")
    assert (done.created, done.changed, done.deleted) == ((), (("parcels", "A"),), ())
    assert (after["status"], after["area_recorded"], str(after["valid_from"].date())) == ("listed", 101.5, "2026-03-01")
    assert after.isna()["owner"]
    assert (after["edition"], after.geometry) == (before["edition"], before.geometry)


def test_values_are_read_by_code_or_name_in_either_language(store):
    edit(store, [wish("A", status="已挂牌"), wish("B", status="idle")], WU, BOOK)
    assert [parcel(store, id)["status"] for id in "AB"] == ["listed", "idle"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"status": "sold"}, "status cannot be 'sold'"),
        ({"statuss": "ready"}, "did you mean status"),
        ({"area_recorded": "many"}, "area_recorded cannot be 'many'"),
        ({"area_recorded": -1}, "area_recorded cannot be '-1'; it is m2, 0 or more"),
        ({"valid_from": "tomorrow"}, "valid_from cannot be"),
        ({"edition": "mine"}, "no field edition"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_stored(store, values, told):
    before = store.versions()
    with pytest.raises(BadEditError, match=told):
        edit(store, [wish("B", status="built"), wish("A", **values)], WU, BOOK)
    assert store.versions() == before


@pytest.mark.parametrize(
    ("geometry", "told"),
    [
        (shapely.Point(X, Y), "another type"),
        (shapely.Polygon(), "empty"),
        (shapely.Polygon([(X, Y), (X + 9, Y + 9), (X + 9, Y), (X, Y + 9)]), r"invalid geometry \(Self-intersection"),
        (None, "no geometry"),
    ],
)
def test_an_outline_that_cannot_be_is_refused(store, geometry, told):
    with pytest.raises(BadEditError, match=told):
        edit(store, [wish("N", "create", geometry)], WU, BOOK)


def test_actions_hold_what_they_say(store):
    with pytest.raises(DuplicateError):
        edit(store, [wish("A", "create", square(5))], WU, BOOK)
    for action in ("replace", "update", "delete"):
        with pytest.raises(NotFoundError, match="nobody"):
            edit(store, [wish("nobody", action, square(5))], WU, BOOK)
    with pytest.raises(BadEditError, match="occur twice"):
        edit(store, [wish("A", status="ready"), wish("A", "delete")], WU, BOOK)
    edit(store, [wish("A", "replace", square(0), status="idle")], WU, BOOK)
    assert parcel(store, "A").isna()["owner"]
    done = edit(store, [wish("N", geometry=square(3)), wish("A", status="ready")], WU, BOOK)
    assert (done.created, done.changed) == ((("parcels", "N"),), (("parcels", "A"),))


def test_required_fields_must_be_there(store):
    line = shapely.LineString([(X, Y), (X + 9, Y)])
    with pytest.raises(BadEditError, match="need kind"):
        edit(store, [Wish("utilities", "W", "create", {}, line)], WU, BOOK)
    edit(store, [Wish("utilities", "W", "create", {"kind": "water"}, line), wish("A", status="listed")], WU, BOOK)
    assert len(store.writes()) == 2


def test_a_stale_version_is_refused_with_both(store):
    read = store.stamps("parcels", ["A"])["A"]
    edit(store, [wish("A", status="listed", version=read)], WU, BOOK)
    with pytest.raises(ConflictError) as error:
        edit(store, [wish("A", status="idle", version=read), wish("B", status="idle")], LIN, BOOK)
    assert [(c.expected, c.found) for c in error.value.conflicts] == [(read, store.stamps("parcels", ["A"])["A"])]
    assert [parcel(store, id)["status"] for id in "AB"] == ["listed", "ready"]


def test_an_edit_without_version_is_planned_again_on_what_another_left(store, monkeypatch):
    batch, overtaken = store.batch, []

    def slow(edits, change):
        if not overtaken:
            overtaken.append(True)
            store.edit("parcels", LIN, put=store.read("parcels", ids=["A"]).assign(owner="Zhao"))
        batch(edits, change)

    monkeypatch.setattr(store, "batch", slow)
    edit(store, [wish("A", status="idle")], WU, BOOK)
    assert (parcel(store, "A")["owner"], parcel(store, "A")["status"]) == ("Zhao", "idle")


def test_a_dry_run_tells_and_changes_nothing(store):
    before = store.versions()
    assert edit(store, [wish("A", status="idle")], WU, BOOK, dry_run=True).changed == (("parcels", "A"),)
    assert store.versions() == before


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ([wish("A", geometry=shapely.box(X, Y, X + 12, Y + 10))], r"overlap of A and B of 20.00 m² at \(500011.00, 4077005.00\)"),
        ([wish("B", "delete")], r"a gap of 100.00 m² at \(500015.00, 4077005.00\)"),
        ([wish("N", geometry=square(3, side=5)), wish("M", geometry=square(3, side=5))], "overlap of N and M"),
        ([wish("N", geometry=shapely.box(X + 30.5, Y, X + 40, Y + 10))], "a gap of 5.00 m²"),
    ],
)
def test_overlaps_and_gaps_are_refused_with_their_place_or_accepted_with_a_reason(store, wishes, told):
    before = store.versions()
    with pytest.raises(MosaicError, match=told) as error:
        edit(store, wishes, WU, BOOK)
    assert store.versions() == before
    assert len(error.value.faults) == 1
    assert edit(store, wishes, WU, BOOK, accept="the road comes there").accepted == error.value.faults
    assert store.writes()[-1].reason == "Doc 13 · accepted 接受: the road comes there"


def test_a_border_may_move_if_both_parcels_move_it(store):
    left, right = shapely.box(X, Y, X + 12, Y + 10), shapely.box(X + 12, Y, X + 20, Y + 10)
    edit(store, [wish("A", geometry=left), wish("B", geometry=right)], WU, BOOK)
    assert [parcel(store, id).geometry.area for id in "AB"] == [120.0, 80.0]


def test_split_parcels_keep_attributes_and_know_their_parent(store):
    cut = shapely.LineString([(X + 14, Y - 1), (X + 14, Y + 11)])
    done = split(store, "B", cut, WU, BOOK)
    assert (done.created, done.deleted) == ((("parcels", "B-1"), ("parcels", "B-2")), (("parcels", "B"),))
    west, east = parcel(store, "B-1"), parcel(store, "B-2")
    assert (west.geometry.area, east.geometry.area) == (40.0, 60.0)
    assert (west["status"], west["owner"], west["parents"]) == ("ready", "Wang", '["B"]')
    assert west.isna()["area_recorded"]
    assert len(store.writes()) == 2
    up, down = lineage(store, "B")
    assert (up, [(k.child, k.parents, k.record.actor) for k in down]) == ((), [("B-1", ("B",), "Wu"), ("B-2", ("B",), "Wu")])


def test_lineage_goes_over_generations_both_ways(store):
    split(store, "B", shapely.LineString([(X + 14, Y - 1), (X + 14, Y + 11)]), WU, BOOK, ["B1", "B2"])
    merge(store, ["A", "B1"], "AB", LIN, BOOK)
    up, _ = lineage(store, "AB")
    assert [(k.child, k.parents) for k in up] == [("AB", ("A", "B1")), ("B1", ("B",))]
    _, down = lineage(store, "B")
    assert [k.child for k in down] == ["B1", "B2", "AB"]
    assert lineage(store, "C") == ((), ())


def test_a_parcel_drawn_over_others_knows_whose_land_it_took(store):
    drawn = shapely.box(X + 8, Y, X + 12, Y + 10)
    wishes = [
        wish("N", geometry=drawn),
        wish("A", geometry=shapely.box(X, Y, X + 8, Y + 10)),
        wish("B", geometry=shapely.box(X + 12, Y, X + 20, Y + 10)),
    ]
    edit(store, wishes, WU, BOOK)
    assert parcel(store, "N")["parents"] == '["A", "B"]'
    assert [k.child for k in lineage(store, "A")[1]] == ["N"]


def test_merged_parcels_keep_what_they_have_alike(store):
    merge(store, ["A", "B"], "AB", WU, BOOK)
    merged = parcel(store, "AB")
    assert (merged.geometry.area, merged["status"], merged["owner"]) == (200.0, "ready", "Wang")
    merge(store, ["AB", "C"], "ABC", WU, BOOK, {"status": "idle"})
    assert (parcel(store, "ABC")["status"], parcel(store, "ABC").isna()["owner"]) == ("idle", True)
    assert ids(store) == {"ABC"}


def test_what_cannot_be_split_or_merged_is_refused(store):
    with pytest.raises(BadEditError, match="does not part B"):
        split(store, "B", shapely.LineString([(X + 14, Y + 1), (X + 14, Y + 11)]), WU, BOOK)
    with pytest.raises(BadEditError, match="2 parcels, and 3 numbers"):
        split(store, "B", shapely.LineString([(X + 14, Y - 1), (X + 14, Y + 11)]), WU, BOOK, ["x", "y", "z"])
    with pytest.raises(DuplicateError, match="parcels A is stored"):
        split(store, "B", shapely.LineString([(X + 14, Y - 1), (X + 14, Y + 11)]), WU, BOOK, ["x", "A"])
    with pytest.raises(BadEditError, match="do not border"):
        merge(store, ["A", "C"], "AC", WU, BOOK)
    with pytest.raises(NotFoundError, match="nobody"):
        merge(store, ["A", "nobody"], "AC", WU, BOOK)
    assert ids(store) == {"A", "B", "C"}


def test_undo_is_a_new_change_that_restores_all_of_a_write(store):
    before = store.read("parcels").sort_values("id", ignore_index=True)
    merge(store, ["A", "B"], "AB", WU, BOOK)
    write = store.writes()[-1]
    done = undo(store, write.last, LIN, BOOK)
    assert (set(done.created), set(done.deleted)) == ({("parcels", "A"), ("parcels", "B")}, {("parcels", "AB")})
    assert_geodataframe_equal(store.read("parcels").sort_values("id", ignore_index=True), before)
    assert len(store.writes()) == 3
    again = undo(store, store.writes()[-1].first, Change("Lin"), BOOK)
    assert again.created == (("parcels", "AB"),)
    assert store.writes()[-1].reason.startswith("undo")


def test_undo_does_not_undo_what_came_after(store):
    edit(store, [wish("A", status="listed"), wish("B", status="listed")], WU, BOOK)
    first = store.writes()[-1].first
    edit(store, [wish("B", status="idle")], LIN, BOOK)
    with pytest.raises(StaleError, match="parcels B were changed again"):
        undo(store, first, LIN, BOOK)
    with pytest.raises(BadEditError, match="is a delivery"):
        undo(store, 1, LIN, BOOK)
    with pytest.raises(NotFoundError, match="no entry 99"):
        undo(store, 99, LIN, BOOK)
    assert [parcel(store, id)["status"] for id in "AB"] == ["listed", "idle"]


def test_a_difference_tells_what_is_new_gone_and_changed_between_moments(store):
    start = store.versions()["parcels"]
    edit(store, [wish("A", status="listed"), wish("N", geometry=square(3))], WU, BOOK)
    middle = store.writes()[-1].last
    edit(store, [wish("A", status="ready"), wish("N", "delete"), wish("C", owner="Li")], WU, BOOK, accept="a road")
    told = {d.id: d for d in diff(store, start, middle)}
    assert set(told) == {"A", "N"}
    assert told["A"].columns == ("status",)
    assert (told["N"].before, told["N"].after["status"]) == (None, None)
    assert [(d.id, d.columns) for d in diff(store, start)] == [("C", ("owner",))]
    assert list(diff(store, start, middle, ["roads"])) == []


def test_a_change_file_says_action_layer_and_version():
    body = read_json(
        """{"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": "EPSG:4548"}}, "features": [
        {"type": "Feature", "id": "A", "properties": {"status": "ready", "edition": "x"}, "geometry": null, "version": 3},
        {"type": "Feature", "id": 7, "layer": "roads", "action": "delete", "properties": {}, "geometry": null},
        {"type": "Feature", "properties": {"id": "N"}, "geometry": {"type": "Point", "coordinates": [500000, 4077000]}}]}"""
    )
    first, second, third = wishes_of(body, "parcels", None, CRS)
    assert first == Wish("parcels", "A", None, {"status": "ready"}, None, 3)
    assert second == Wish("roads", "7", "delete")
    assert (third.id, third.geometry) == ("N", shapely.Point(X, Y))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("[]", "no GeoJSON"),
        ('{"features": []}', "no GeoJSON"),
        ('{"features": [3]}', "no GeoJSON"),
        ('{"type": "Feature", "properties": {}}', "feature 1 of the changes says no id"),
        ('{"type": "Feature", "id": "A", "layer": "lakes"}', "says no layer"),
        ('{"type": "Feature", "id": "A", "action": "burn"}', "action 'burn'"),
        ('{"type": "Feature", "id": "A", "version": "3"}', "version '3'"),
        ('{"type": "Feature", "id": "A", "properties": [1]}', "properties that are no plain"),
        ('{"type": "Feature", "id": "A", "properties": {"status": ["ready"]}}', "properties that are no plain"),
        ("{", "no JSON"),
    ],
)
def test_a_change_file_that_cannot_be_read_says_where(body, told):
    with pytest.raises(BadEditError, match=told):
        wishes_of(read_json(body), "parcels", None, CRS)
