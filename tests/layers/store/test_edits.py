"""Batches, versions of features and spans of the history, held against every store."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from layers.store.base import ConflictError, Edit, StaleError, Store, StoreError
from tests.layers.store.samples import LIN, WU, Clock, delivery, ids, plots, road


def test_a_batch_over_layers_is_one_write_or_none(store: Store) -> None:
    store.add(delivery(), plots("P1"), LIN)
    store.batch([Edit("parcels", plots("P2"), ["P1"]), Edit("roads", road("R1"))], WU)
    assert (ids(store.read("parcels")), ids(store.read("roads"))) == (["P2"], ["R1"])
    assert [(w.actor, w.reason) for w in store.writes()] == [("Lin", "Doc 12"), ("Wu", "Doc 13")]
    first, second = store.writes()
    assert second.first == first.last + 1
    assert (store.writes(first.last), store.writes(limit=1)) == ((second,), (second,))
    assert second.last > second.first
    assert store.writes(second.first - 1, second.first) == store.writes(second.last - 1, second.last) == (second,)
    assert store.writes(until=first.last) == store.writes(until=first.at) == (first,)
    assert store.writes(second.last) == ()
    assert second.last == max(store.versions().values())
    with pytest.raises(StaleError):
        store.batch([Edit("roads", road("R2")), Edit("parcels", delete=["nobody"])], WU)
    assert ids(store.read("roads")) == ["R1"]
    assert store.writes() == (first, second)


def test_features_have_versions_that_grow_with_their_changes_only(store: Store) -> None:
    store.add(delivery(), plots("P1", "P2"), LIN)
    born = store.stamps("parcels", ["P1", "P2", "nobody"])
    assert set(born) == {"P1", "P2"}
    store.edit("parcels", WU, put=plots("P1"))
    changed = store.stamps("parcels", ["P1", "P2"])
    assert changed["P1"] > born["P1"]
    assert changed["P2"] == born["P2"]
    assert changed["P1"] == store.versions()["parcels"] == store.history("parcels", "P1")[-1].seq
    store.edit("parcels", WU, delete=["P1"])
    assert set(store.stamps("parcels", ["P1", "P2"])) == {"P2"}
    store.add(delivery(), plots("P1"), LIN)
    assert store.stamps("parcels", ["P1"])["P1"] > changed["P1"]


def test_an_edit_of_what_was_changed_meanwhile_is_refused_with_both_versions(store: Store) -> None:
    store.add(delivery(), plots("P1", "P2"), LIN)
    read = store.stamps("parcels", ["P1"])["P1"]
    store.edit("parcels", WU, put=plots("P1", status=["built"]))
    now = store.stamps("parcels", ["P1"])["P1"]
    put = Edit("parcels", plots("P1", "P2", status=["ready", "ready"]), expect={"P1": read, "P3": 0})
    with pytest.raises(ConflictError, match=f"parcels P1 has version {now}, not {read}") as error:
        store.batch([put], LIN)
    assert [tuple(c) for c in error.value.conflicts] == [("parcels", "P1", read, now)]
    assert store.read("parcels")["status"].isna().tolist() == [False, True]
    with pytest.raises(ConflictError, match="P2"):
        store.batch([Edit("parcels", plots("P2"), expect={"P2": 0})], LIN)
    with pytest.raises(ConflictError):
        store.batch([Edit("parcels", plots("P4"), seen=read)], LIN)
    store.batch([Edit("parcels", plots("P4"), expect={"P1": now, "P4": 0}, seen=store.versions()["parcels"])], LIN)
    assert ids(store.read("parcels")) == ["P1", "P2", "P4"]


def test_a_span_of_the_history_names_what_it_concerns(store: Store, clock: Clock) -> None:
    store.add(delivery(), plots("P1", "P2", "P3"), LIN)
    moments: list[Any] = [store.versions()["parcels"]]
    store.batch([Edit("parcels", plots("P1", "P4"), ["P2"]), Edit("roads", road("R1"))], WU)
    moments.append(store.versions()["parcels"])
    then = clock.at
    store.add(delivery(), plots("P5"), LIN)
    store.edit("parcels", WU, delete=["P5"])
    assert store.changed("parcels", 0) == ("P1", "P2", "P3", "P4", "P5")
    assert store.changed("parcels", moments[0], moments[1]) == store.changed("parcels", moments[0], then) == ("P1", "P2", "P4")
    assert store.changed("parcels", moments[1]) == store.changed("parcels", then) == ("P5",)
    assert store.changed("parcels", store.versions()["parcels"]) == ()
    assert store.changed("roads", moments[1]) == ("R1",)
    assert ids(store.read("parcels", as_of=moments[0])) == ["P1", "P2", "P3"]
    assert ids(store.read("parcels", as_of=moments[1])) == ["P1", "P3", "P4"]
    assert len(store.editions("parcels", as_of=moments[1])) == 1


def test_findings_of_some_plots_take_the_places_of_the_old(store: Store) -> None:
    def frame(*rows: tuple[str, float | None, str | None]) -> pd.DataFrame:
        ids, free, ready = zip(*rows, strict=True)
        columns = {"free_area": pd.array(free, "float64"), "ready_from": pd.to_datetime(list(ready)).astype("datetime64[s]")}
        return pd.DataFrame(columns, index=pd.Index(ids, dtype="str", name="id"))

    store.save_findings(frame(("P1", 1.5, "2026-01-01"), ("P2", 2.5, None), ("P3", None, None)), {"layers": {"parcels": 1}})
    new = frame(("P4", 0.1 + 0.2, None), ("P2", None, None))
    store.update_findings(
        new[["ready_from", "free_area"]], ["P3", "nobody"], {"layers": {"parcels": 2}}, {"layers": {"parcels": 1}}
    )
    found, inputs = store.findings()
    expected = frame(("P1", 1.5, "2026-01-01"), ("P2", None, None), ("P4", 0.1 + 0.2, None))
    assert_frame_equal(found.sort_index(), expected)
    assert inputs == {"layers": {"parcels": 2}}
    with pytest.raises(ConflictError, match="assessed the plots meanwhile"):
        store.update_findings(new, [], {"layers": {}}, {"layers": {"parcels": 1}})
    with pytest.raises(StoreError, match="other columns"):
        store.update_findings(new[["free_area"]], ["P1"], {}, inputs)
    store.update_findings(new[:0], ["P4"], {"layers": {"parcels": 3}}, inputs)
    assert_frame_equal(store.findings()[0].sort_index(), expected[:2])


def test_one_at_a_time_makes_findings_fresh_and_nobody_waits(store: Store) -> None:
    found: list[bool] = []

    def ask() -> None:
        with store.alone() as mine:
            found.append(mine)

    def elsewhere() -> None:
        thread = Thread(target=ask)
        thread.start()
        thread.join(10)

    with store.alone() as mine:
        elsewhere()
        store.add(delivery(), plots("P1"), LIN)
    elsewhere()
    assert (mine, found) == (True, [False, True])


def test_versions_as_of_a_moment_are_those_that_were_then(store: Store) -> None:
    store.add(delivery(), plots("P1"), LIN)
    first, then = store.writes()[-1], store.versions()
    store.batch([Edit("parcels", plots("P2")), Edit("roads", road("R1"))], WU)
    assert store.versions(first.last) == store.versions(first.at) == then
    assert store.versions(0) == dict.fromkeys(then, 0)
    assert store.versions(store.writes()[-1].at) == store.versions() != then
