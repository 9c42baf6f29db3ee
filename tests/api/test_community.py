"""Divisions and living circles: by command, over HTTP and on the page, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.faces import DAY, Server, shudi
from tests.api.test_look import barriers


def test_a_division_is_told_alike_by_command_and_over_http(server: Server, park: Path) -> None:
    told = server.client.get("/divisions/V-11").json()
    assert shudi("division", "V-11", "--base", park, "--json").body == told
    assert sum(share["area_m2"] for share in told["land"]) + told["beside_m2"] == pytest.approx(told["area_m2"], abs=1e-6)
    assert (told["chain"][0]["id"], [p["id"] for p in told["parts"]], told["stale"]) == ("V-1", ["V-111"], False)
    assert {share["verdict"] for share in told["land"]} >= {"free", "blocked"}
    every = shudi("division", "--base", park, "--json").body
    assert {row["id"] for row in every} == {f["id"] for f in server.client.get("/collections/divisions/items").json()["features"]}
    listed = shudi("--lang", "zh", "--base", park, "division")
    assert "组团" in listed.out
    assert "in no plot" in shudi("division", "V-11", "--base", park).out
    assert server.client.get("/divisions/nowhere").status_code == 404
    assert shudi("division", "nowhere", "--base", park).status == 2


def test_a_living_circle_is_told_alike_by_command_and_over_http(server: Server, park: Path) -> None:
    told = server.client.get("/living-circle/resettlements/RS-3", params={"on": DAY}).json()
    assert shudi("circle", "RS-3", "--on", DAY, "--base", park, "--json").body == told
    states = {row["kind"]: row for row in told["kinds"]}
    assert (states["market"]["state"], states["market"]["walk_m"]) == ("unknown", None)
    near = min((row for row in told["kinds"] if row["state"] == "within"), key=lambda row: row["walk_m"])
    assert 0 < near["walk_m"] <= told["reach_m"] == 1000
    assert "within reach" in shudi("circle", "RS-3", "--on", DAY, "--base", park).out
    assert "可达" in shudi("--lang", "zh", "--base", park, "circle", "RS-3", "--on", DAY).out
    of_plot = server.client.get("/living-circle/parcels/D001-B03-P02", params={"on": DAY}).json()
    assert of_plot == shudi("circle", "D001-B03-P02", "--layer", "parcels", "--on", DAY, "--base", park, "--json").body
    assert server.client.get("/living-circle/resettlements/nowhere").status_code == 404
    assert server.client.get("/living-circle/roads/R-1").status_code == 422


@pytest.mark.browser
@pytest.mark.parametrize(
    ("lang", "lies", "foot"), [("en", "What lies in it", "15 minutes on foot"), ("zh", "区内情况", "15分钟生活圈")]
)
def test_the_cards_of_divisions_and_resettlement_sites_tell_it_and_lead_on(server: Server, watch, lang, lies, foot) -> None:
    page = watch.page
    page.goto(f"{server.url}/?lang={lang}&object=divisions/V-11&on={DAY}")
    page.wait_for_selector("body[data-drawn]")
    card = page.locator("#card")
    card.get_by_role("heading", name=lies).wait_for()
    told = server.client.get("/divisions/V-11").json()
    assert card.locator(".community tbody tr").count() == len(told["land"]) + 2
    assert barriers(page) == []
    card.get_by_role("button", name="RS-3", exact=True).click()
    card.get_by_role("heading", name=foot).wait_for()
    circle = server.client.get("/living-circle/resettlements/RS-3", params={"on": DAY}).json()
    assert card.locator(".community tbody tr").count() == len(circle["kinds"])
    within = next(row for row in circle["kinds"] if row["state"] == "within")
    card.locator(".community").get_by_role("button", name=within["amenity"], exact=True).first.click()
    card.locator("h2", has_text=within["amenity"]).wait_for()
    assert watch.said == []
