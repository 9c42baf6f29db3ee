"""Levelling through both faces, and in the sheet."""

import pytest
import shapely

from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, shudi

PLOT = "D001-B08-P01"


def test_the_command_the_service_and_the_sheet_level_alike(park, server):
    said = shudi("level", PLOT, "--base", park, "--json").body
    heard = server.client.get(f"/plots/{PLOT}/levelling").json()
    assert said == heard
    assert said["levelling"]["balanced"]
    assert said["levelling"] == shudi("explain", PLOT, "--base", park, "--on", DAY, "--json").body["levelling"]
    assert said["levelling"]["net_m3"] == 0


def test_a_given_level_is_kept_and_what_is_left_over_is_bulked_cut_less_fill(park, server):
    said = shudi("level", PLOT, "--to", 25, "--base", park, "--json").body["levelling"]
    assert said == server.client.get(f"/plots/{PLOT}/levelling", params={"level": 25}).json()["levelling"]
    assert (said["level_m"], said["balanced"]) == (25, False)
    assert said["net_m3"] == pytest.approx(said["cut_m3"] * said["bulking"]["value"] - said["fill_m3"], abs=0.02)


@pytest.mark.parametrize(
    ("lang", "words"), [("en", ("GENERATED", "Cut", "m³", "bulking 1.03")), ("zh", ("示例", "挖方", "余方", "可松性系数"))]
)
def test_a_person_reads_the_levelling(park, lang, words):
    found = shudi("level", "S-77", "--base", park, lang=lang)
    assert found.status == 0
    assert all(word in found.out for word in words)


def test_land_without_heights_is_unknown_by_status_and_words(park, write):
    store = GpkgStore.open(park, read_only=True)
    _, bottom, right, _ = store.extent("terrain")[1]
    store.close()
    beyond = write(shapely.geometry.mapping(shapely.box(right - 50, bottom + 50, right + 50, bottom + 100)), "EPSG:4548")
    found = shudi("level", beyond, "--base", park)
    assert (found.status, "unknown" in found.out) == (3, True)
    assert shudi("level", beyond, "--base", park, "--json").body["levelling"]["cut_m3"] is None


@pytest.mark.parametrize("level", ["nan", "inf", "high"])
def test_a_level_that_is_no_height_is_refused(park, server, level):
    assert shudi("level", PLOT, "--to", level, "--base", park).status == 2
    assert server.client.get(f"/plots/{PLOT}/levelling", params={"level": level}).status_code == 422


def test_levelling_of_a_plot_that_is_not_there_is_refused(server):
    assert server.client.get("/plots/nobody/levelling").status_code == 404
