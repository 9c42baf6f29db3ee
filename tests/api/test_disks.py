"""Disks that take no more, and changes that cannot be made: the command and the service say so in a sentence, the base is unchanged."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.api.faces import DAY, content, serving, shudi
from tests.api.test_bad_input import INSIDE, PLOTS, polygon, refused

MANY = json.dumps({"type": "FeatureCollection", "features": [
    {"type": "Feature", "properties": {"id": f"P-{k}"}, "geometry": {"type": "Polygon", "coordinates": [[[x + 2_000 + k, y] for x, y in INSIDE]]}}
    for k in range(0, 200_000, 200)
]})  # fmt: skip


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def patched(client, values, **headers):
    """Change a parcel over HTTP."""
    told = {"Content-Type": "application/merge-patch+json", "If-Match": "*", **headers}
    return client.patch("/collections/parcels/items/D001-B08-P01", content=json.dumps({"properties": values}), headers=told)


def uploaded(client):
    """Send a delivery over HTTP."""
    return client.post("/imports", params={"layer": "parcels", "name": "p.geojson", "crs": "EPSG:4548"}, content=PLOTS)


def test_a_base_on_a_disk_that_cannot_be_written_still_answers(own_park, small_disk, tmp_path):
    base = small_disk / "land.gpkg"
    base.write_bytes(own_park.read_bytes())
    before = content(base)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert shudi("check", "S-77", "--base", base, "--on", DAY).status == 0
    plot = tmp_path / "p.geojson"
    plot.write_text(json.dumps({"type": "Feature", "properties": {"id": "P"}, "geometry": polygon(*INSIDE)}))
    commands = (("assess", "--full"), ("import", plot, "--layer", "parcels", "--crs", "EPSG:4548", "--accept", "x"))
    for command in commands:
        found = shudi(*command, "--base", base)
        assert (found.status, "write" in found.err) == (2, True), found
        assert len(found.err.strip().splitlines()) == 1
    found = shudi("map", "--base", base, "--out", small_disk / "m.html")
    assert (found.status, "written" in found.err) == (2, True), found
    with serving(base, tmp_path) as running:
        assert running.client.get("/plots/D001-B08-P01").status_code == 200
        for answer in (patched(running.client, {"owner": "me"}), uploaded(running.client)):
            refused(answer, 507, base)
            assert "write" in answer.json()["detail"]
    assert content(base) == before


def test_a_full_disk_is_told_and_changes_nothing(own_park, small_disk, tmp_path):
    plots = tmp_path / "plots.geojson"
    plots.write_text(MANY)
    base = small_disk / "land.gpkg"
    base.write_bytes(own_park.read_bytes())
    before = content(base)
    with (small_disk / "filler").open("wb") as filler:
        filler.write(b"\0" * (os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize))
    found = shudi("assess", "--full", "--base", base)
    assert (found.status, "full" in found.err or "space" in found.err) == (2, True), found
    assert len(found.err.strip().splitlines()) == 1
    for command in (
        ("demo", small_disk / "b.gpkg"),
        ("init", small_disk / "c.gpkg", "--crs", "EPSG:4548"),
        ("map", "--base", base, "--out", small_disk / "m.html"),
        ("import", plots, "--layer", "parcels", "--crs", "EPSG:4548", "--base", base),
    ):
        found = shudi(*command)
        assert found.status == 2, found
        assert len(found.err.strip().splitlines()) == 1
    assert sorted(p.name for p in Path(small_disk).iterdir() if not p.name.startswith("land.gpkg-")) == ["filler", "land.gpkg"]
    (small_disk / "filler").unlink()
    assert content(base) == before
    assert shudi("assess", "--base", base).status == 0


@pytest.fixture(scope="module")
def before(park):
    return content(park)


@pytest.mark.parametrize(
    ("values", "headers", "status", "word"),
    [
        ({"colour": "red"}, {}, 422, "no field colour: there are"),
        ({"status": "sold out"}, {}, 422, "sold out"),
        ({"area_recorded": "much"}, {}, 422, "much"),
        ({"valid_from": "soon"}, {}, 422, "it is date"),
        ({"id": "P"}, {}, 422, "send one"),
        ({"owner": {"name": "me"}}, {}, 422, "write field: value"),
        ({"owner": "me"}, {"If-Match": '"1"'}, 412, "read it again"),
    ],
    ids=str,
)
def test_a_change_that_cannot_be_made_is_refused_by_the_service(server, park, before, values, headers, status, word):
    answer = patched(server.client, values, **headers)
    refused(answer, status, park)
    assert word in answer.json()["detail"]
    assert content(park) == before
