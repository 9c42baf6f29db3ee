"""On which day, as known when: every command and every route that speaks of the land can be asked both."""

import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib import import_module

import click
import pytest
from fastapi.routing import APIRoute

import api.commands
from api.cli import HOMES, main
from api.main import create_app
from api.settings import Settings
from layers.assessment import StaleFindingsError, supply
from layers.standards import Standards
from layers.store.base import Change
from layers.store.gpkg import GpkgStore
from tests.api.faces import DAY, shudi

STORED = {"layers", "export", "sheet", "division"}
"""Commands that show what is stored, as it was known; no day changes that. What stands nowhere here says how the land stands."""
TIMELESS = {
    "init": "makes a base", "demo": "makes a base", "import": "writes", "edit": "writes", "undo": "writes", "parcel split": "writes",
    "parcel merge": "writes", "serve": "its routes are asked", "qgis": "points at what is stored",
    "copy": "takes all times along", "migrate": "writes",
    "history": "is the record of all times", "diff": "is asked with two times of its own", "parcel lineage": "is the record of all times",
    "suitability": "takes the stored findings",
    "find": "takes the stored findings, and a day of its own by which services must serve",
}  # fmt: skip
LEDGER = {"permit": "writes", "project": "schedules from a day", "warnings": "warns on a day", "report": "figures of a year"}
LISTINGS = {"verify": "makes a verdict again of the moment that its pack names"} | {
    f"listing {name}": "speaks of the moment of the publication" for name in ("draft", "edit", "scheme", "state", "show", "pack")
}
PEOPLE = ("user", "people", "audit")
ROUTES_WITHOUT = {
    "/": "the page", "/about.json": "tells of the base as it is", "/legend.json": "words", "/style.json": "looks", "/healthz": "now",
    "/divisions/{id}": "sums the stored findings", "/plots/{id}/verdict": "tells the land as it is; what was known before is told by /plots/{id}",
    "/sitings": "takes the stored findings, and a day of its own by which services must serve",
    "/tiles/terrain/{z}/{x}/{y}.png": "shades the heights", "/sites/read": "reads a file", "/coverage": "tells of a delivery",
    "/tiles/{layer}/{z}/{x}/{y}.mvt": "carries the dates: the map moves through time without a request",
}  # fmt: skip
ROUTES_THAT_CHANGE = ("/history", "/diff", "/parcels", "/events", "/whatif")
"""Writes and their record; a change that is only imagined is told against what the findings say."""
ROUTES_OF_WORDS = ("/columns.json", "/plane", "/standards", "/places")
ROUTES_OF_THE_LEDGER = ("/projects", "/warnings", "/report", "/ledger")
ROUTES_OF_PEOPLE = ("/login", "/logout", "/me", "/people", "/audit", "/oidc", "/imports", "/listings")
ROUTES_OF_OGC = ("/collections", "/conformance", "/api", "/tileMatrixSets", "/processes", "/jobs", "/results")
OTHER_ROUTES = ROUTES_THAT_CHANGE + ROUTES_OF_WORDS + ROUTES_OF_THE_LEDGER + ROUTES_OF_PEOPLE + ROUTES_OF_OGC
"""OGC API: by the parameters of its standards; the inputs of a process are those of the command."""


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def routes(app) -> dict[str, set[str]]:
    """The parameters of each route, those of its body too."""
    schema, found = app.openapi(), {}
    for path, methods in schema["paths"].items():
        for method in methods.values():
            names = {p["name"] for p in method.get("parameters", ())}
            body = method.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            if "$ref" in body:
                names |= set(schema["components"]["schemas"][body["$ref"].rsplit("/", 1)[1]]["properties"])
            found[path] = found.get(path, set()) | names
    return found


def test_every_command_that_speaks_of_the_land_can_be_asked_both_times():
    known = {name: {o for p in command.params for o in p.opts} for name, command in commands(main)}
    for name, options in known.items():
        if name in STORED:
            assert "--as-of" in options, name
        elif name not in TIMELESS | LISTINGS | LEDGER and name.split()[0] not in PEOPLE:
            assert {"--on", "--as-of"} <= options, name
    assert known.keys() >= STORED | TIMELESS.keys() | LISTINGS.keys() | LEDGER.keys()


def test_every_route_that_speaks_of_the_land_can_be_asked_both_times(tmp_path):
    app = create_app(Settings(base=tmp_path / "none.gpkg"))
    found = routes(app)
    for path, names in found.items():
        if path not in ROUTES_WITHOUT and not path.startswith(OTHER_ROUTES):
            assert {"on", "as_of"} <= names, path
    assert found.keys() >= ROUTES_WITHOUT.keys() - {"/"}
    hidden = {r.path for r in app.routes if isinstance(r, APIRoute) and not r.include_in_schema}
    assert hidden <= {"/"}


@pytest.fixture
def moved(own_park):
    """A park in which somebody retired the water's source, and the moment before that."""
    store = GpkgStore.open(own_park)
    before = datetime.now(UTC).isoformat()
    source = store.read("utilities", ids=["W-D001-SRC"])
    store.edit("utilities", Change("tester"), put=source.assign(status="retired"))
    store.close()
    return own_park, before


def ask(base, *command):
    return shudi(*command, "--base", base, "--json", "--on", DAY).body


def test_what_was_known_before_an_edit_is_answered_as_it_was(moved, park):
    base, before = moved
    assert ask(base, "assess", "--as-of", before)["ready_state"] == ask(park, "assess", "--as-of", before)["ready_state"]
    assert ask(base, "supply", "--as-of", before)["groups"] == shudi("supply", "--base", park, "--json").body["groups"]
    water = {n["kind"]: n["connected"] for n in ask(base, "networks", "--as-of", before)["networks"]}
    assert water["water"] == 1
    assert next(n for n in ask(base, "networks")["networks"] if n["kind"] == "water")["connected"] != 1


def test_the_supply_of_another_day_is_found_anew_and_of_a_stale_base_refused(moved, park, server):
    later = shudi("supply", "--base", park, "--json", "--on", "2035-01-01").body
    now = shudi("supply", "--base", park, "--json").body
    assert later["on"] == "2035-01-01"
    assert {r["state"] for r in later["groups"][0]["rows"]}.isdisjoint({"dated"})
    assert sum(r["area_m2"] for r in later["groups"][0]["rows"]) == pytest.approx(
        sum(r["area_m2"] for r in now["groups"][0]["rows"])
    )
    assert later == server.client.get("/supply", params={"on": "2035-01-01"}).json()
    assert shudi("supply", "--base", moved[0], "--json").status == 2


def test_a_request_does_not_assess_a_city_anew(park):
    store = GpkgStore.open(park, read_only=True)
    with pytest.raises(StaleFindingsError, match="run shudi supply --on 2035-01-01"):
        supply(store, Standards.load(), on=date(2035, 1, 1), most=399)
    store.close()


def test_the_networks_are_told_alike_by_command_and_service(park, server):
    said = ask(park, "networks")
    assert said == server.client.get("/networks", params={"on": DAY}).json()
    assert [n["kind"] for n in said["networks"]][:2] == ["road", "water"]
    assert all(n["connected"] == 1 and not n["why"] for n in said["networks"])
    assert shudi("networks", "--base", park, lang="zh").out.startswith("道路")


def test_layers_tell_what_was_known(own_park):
    assert sum(layer["features"] for layer in shudi("layers", "--base", own_park, "--json", "--as-of", "2000-01-01").body) == 0
    now = shudi("layers", "--base", own_park, "--json", "--as-of", "2100-01-01").body
    assert [x["features"] for x in now] == [x["features"] for x in shudi("layers", "--base", own_park, "--json").body]


def test_the_map_shows_what_was_known(moved, tmp_path):
    base, before = moved
    pages = [tmp_path / "then.html", tmp_path / "now.html"]
    for page, times in zip(pages, (["--as-of", before], []), strict=True):
        assert shudi("map", "--base", base, "--on", DAY, "--out", page, *times).status == 0
    then, now = (re.search(r'"water_state":\{"pool":(\[.*?\])', page.read_text("utf-8"))[1] for page in pages)
    assert "available" in then
    assert "available" not in now


def test_every_command_of_a_module_has_its_home():
    assert {module: tuple(c.name for c in import_module(f"api.commands.{module}").COMMANDS) for module in HOMES} == HOMES
    modules = {module.name for module in pkgutil.iter_modules(api.commands.__path__)}
    assert {m for m in modules if hasattr(import_module(f"api.commands.{m}"), "COMMANDS")} == set(HOMES)
