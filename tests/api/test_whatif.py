"""What a planned line makes serviced, and what slips when it comes on another day: as the assessment finds it once that is stored."""

from contextlib import closing

import pytest

from layers.store.gpkg import GpkgStore
from tests.api.faces import serving, shudi

TOLD = ("ready_state", "ready_from", "deciding")


def readiness(base):
    """Read what the findings say of each plot."""
    with closing(GpkgStore.open(base, read_only=True)) as store:
        found = store.findings()[0]
    days = found["ready_from"].dt.date.astype(object).where(found["ready_from"].notna(), None)
    return {
        id: (state, day and str(day), deciding)
        for id, state, day, deciding in zip(found.index, found["ready_state"], days, found["deciding"], strict=True)
    }


@pytest.mark.parametrize(("day", "stored"), [(None, ""), ("2031-06-30", "2031-06-30")])
def test_what_would_change_is_what_does_once_the_day_is_stored(own_park, tmp_path, day, stored):
    assert shudi("assess", "--base", own_park).status == 0, "as of today, which is asked about"
    before = readiness(own_park)
    with serving(own_park, tmp_path) as server:
        planned = {"limit": 500, "filter": "status='planned' AND kind='water'"}
        lines = server.client.get("/collections/utilities/items", params=planned).json()["features"]
        line = next(f["id"] for f in lines if f["properties"]["in_service_from"])
        said = server.client.post("/whatif", json={"layer": "utilities", "id": line, "day": day}).json()
    assert said["day"] == day
    assert shudi("edit", "utilities", line, f"in_service_from={stored}", "--base", own_park, "--reason", "what if").status == 0
    assert shudi("assess", "--base", own_park).status == 0
    after = readiness(own_park)
    changed = {id for id in before if before[id] != after[id]}
    assert changed
    assert {p["id"] for p in said["plots"]} == changed
    for p in said["plots"]:
        assert tuple(p[c] for c in TOLD) == before[p["id"]]
        assert tuple(p[f"new_{c}"] for c in TOLD) == after[p["id"]]
        assert day or p["ready_state"] != "dated" or p["new_ready_from"] is None or p["new_ready_from"] > p["ready_from"], (
            "without it never sooner"
        )
