"""Each class of a standard that the service claims is asked for as its clients ask; one that nobody asks for here is not claimed."""

import json
from contextlib import closing

import geopandas as gpd
import mapbox_vector_tile
import pytest
import shapely

from api.routes.features import CONFORMANCE, OGC
from layers.store.gpkg import GpkgStore
from tests.api.faces import Server
from tests.bench.serve import address

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
PARCELS = "/collections/parcels/items"
TILES = "/collections/parcels/tiles"
QUAD = "WebMercatorQuad"
ANYWHERE = {"type": "Polygon", "coordinates": [[[117, 36.8], [117.001, 36.8], [117.001, 36.801], [117, 36.8]]]}


@pytest.fixture(scope="module")
def land(park):
    """The plots in longitude and latitude, and the roads."""
    with closing(GpkgStore.open(park, read_only=True)) as store:
        return store.read("parcels").to_crs("OGC:CRS84"), store.read("roads")


def told(server: Server, path: str, media: str = "application/json", **params: str):
    """Ask for a document that must be there."""
    answer = server.client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(media), path
    return answer.json() if "json" in media else answer


def linked(document, *relations: str) -> bool:
    return set(relations) <= {link["rel"] for link in document["links"]}


def found(server: Server, filter: object, collection: str = "parcels") -> set[str]:
    """Ask for the numbers that a filter finds."""
    text = filter if isinstance(filter, str) else json.dumps(filter)
    asked = {"filter": text, "filter-lang": "cql2-text" if isinstance(filter, str) else "cql2-json", "limit": "10000"}
    answer = told(server, f"/collections/{collection}/items", "application/geo+json", properties="id", **asked)
    return {f["id"] for f in answer["features"]}


def common(server: Server) -> None:
    """Landing page, conformance, collections, in JSON and in HTML, and their description."""
    assert linked(told(server, "/", f="json"), "self", "service-desc", "conformance", "data")
    assert told(server, "/conformance", f="json")["conformsTo"] == CONFORMANCE
    assert {"id", "links", "extent"} <= set(told(server, "/collections", f="json")["collections"][0])
    for path in ("/conformance", "/collections", "/collections/parcels", PARCELS):
        assert "<title>" in told(server, path, "text/html", f="html").text
    assert told(server, "/api", "application/vnd.oai.openapi+json;version=3.0")["openapi"].startswith("3.0")


def items(server: Server) -> None:
    """Features as GeoJSON: limit, bbox, datetime, one by its number."""
    page = told(server, PARCELS, "application/geo+json", limit="2")
    assert (page["type"], page["numberReturned"], linked(page, "self", "next")) == ("FeatureCollection", 2, True)
    one = page["features"][0]
    west, south, east, north = shapely.geometry.shape(one["geometry"]).bounds
    near = told(server, PARCELS, "application/geo+json", bbox=f"{west},{south},{east},{north}", datetime="2026-01-01/..")
    assert one["id"] in {f["id"] for f in near["features"]}
    assert told(server, f"{PARCELS}/{one['id']}", "application/geo+json")["properties"] == one["properties"]
    assert server.client.get(PARCELS, params={"colour": "red"}).status_code == 400


def systems(server: Server) -> None:
    """Other coordinate reference systems, in the order of their authority, and none that is not listed."""
    offered = told(server, "/collections/parcels")["crs"]
    for uri in offered:
        answer = server.client.get(PARCELS, params={"crs": uri, "limit": "1"})
        assert answer.headers["content-crs"] == f"<{uri}>"
    here, there = (
        shapely.geometry.shape(
            told(server, PARCELS, "application/geo+json", crs=uri, limit="1")["features"][0]["geometry"]
        ).bounds
        for uri in (CRS84, "http://www.opengis.net/def/crs/EPSG/0/4326")
    )
    assert there == pytest.approx((here[1], here[0], here[3], here[2]))
    assert server.client.get(PARCELS, params={"crs": "http://www.opengis.net/def/crs/EPSG/0/2056"}).status_code == 400


def queryables(server: Server) -> None:
    """The columns that filters may name, each a parameter too."""
    columns = told(server, "/collections/parcels/queryables", "application/schema+json")["properties"]
    assert {"status", "area_recorded", "geometry"} <= set(columns)
    assert found(server, "status = 'ready'") == {
        f["id"] for f in told(server, PARCELS, "application/geo+json", status="ready", limit="10000")["features"]
    }
    assert server.client.get(PARCELS, params={"filter": "colour = 'red'"}).status_code == 400


def changes(server: Server) -> None:
    """Creating, replacing, updating and deleting: there, but not without the version on which a change rests."""
    one = told(server, PARCELS, "application/geo+json", limit="1")["features"][0]
    address, stale = f"{PARCELS}/{one['id']}", {"If-Match": '"old"'}
    assert "POST" in server.client.options(PARCELS).headers["allow"]
    assert (
        server.client.post(PARCELS, json={"type": "Feature", "id": one["id"], "properties": {}, "geometry": ANYWHERE}).status_code
        == 409
    )
    for method in ("PUT", "PATCH", "DELETE"):
        body = None if method == "DELETE" else one
        assert method in server.client.options(address).headers["allow"]
        assert server.client.request(method, address, json=body).status_code == 428
        assert server.client.request(method, address, json=body, headers=stale).status_code == 412
    answer = server.client.get(address)
    assert server.client.get(address, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def tiles(server: Server) -> None:
    """Tile sets of a collection, their matrices, and a tile that can be read."""
    assert linked(told(server, "/collections/parcels"), "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector")
    listed = told(server, TILES)["tilesets"]
    assert [(t["dataType"], t["tileMatrixSetURI"].rpartition("/")[2]) for t in listed] == [("vector", QUAD)]
    assert linked(told(server, f"{TILES}/{QUAD}"), "item")
    assert told(server, f"/tileMatrixSets/{QUAD}")["id"] == QUAD
    one = shapely.geometry.shape(told(server, PARCELS, "application/geo+json", limit="1")["features"][0]["geometry"])
    column, row = address(one.centroid.x, one.centroid.y, 14)
    tile = told(server, f"{TILES}/{QUAD}/14/{row}/{column}", "application/vnd.mapbox-vector-tile")
    assert mapbox_vector_tile.decode(tile.content)["parcels"]["features"]


def processes(server: Server) -> None:
    """Processes, described, run at once and as jobs that are listed and dismissed."""
    assert {"check", "assess", "supply"} <= {p["id"] for p in told(server, "/processes")["processes"]}
    assert {"inputs", "outputs", "jobControlOptions"} <= set(told(server, "/processes/check"))
    inputs = {"inputs": {"by": "year"}}
    assert server.client.post("/processes/supply/execution", json=inputs).status_code == 200
    job = server.client.post("/processes/supply/execution", json=inputs, headers={"Prefer": "respond-async"})
    assert job.status_code == 201
    number = job.headers["location"].rpartition("/")[2]
    assert number in {j["jobID"] for j in told(server, "/jobs")["jobs"]}
    assert server.client.delete(f"/jobs/{number}").json()["status"] == "dismissed"


FILTERS = {
    "cql2-text": ("status = 'ready'", lambda p: p.status == "ready"),
    "cql2-json": ({"op": "=", "args": [{"property": "status"}, "ready"]}, lambda p: p.status == "ready"),
    "basic-cql2": (
        "NOT status = 'ready' AND area_recorded > 5000 OR block IS NULL",
        lambda p: (p.status != "ready") & (p.area_recorded > 5000),
    ),
    "advanced-comparison-operators": (
        "status IN ('ready', 'built') AND area_recorded BETWEEN 1000 AND 9000 AND id LIKE '%1'",
        lambda p: p.status.isin(["ready", "built"]) & p.area_recorded.between(1000, 9000) & p.id.str.endswith("1"),
    ),
    "case-insensitive-comparison": ("CASEI(status) = CASEI('READY')", lambda p: p.status == "ready"),
    "accent-insensitive-comparison": ("ACCENTI(status) = ACCENTI('réady')", lambda p: p.status == "ready"),
    "property-property": ("id > block", lambda p: p.id > p.block),
    "arithmetic": ("area_recorded * 2 - 1000 > 9000 / 2", lambda p: p.area_recorded * 2 - 1000 > 4500),
}
SPATIAL = {
    "basic-spatial-functions": ("S_INTERSECTS(geometry, POINT({x} {y}))", lambda p, point, land: p.intersects(point)),
    "basic-spatial-operators": ("S_INTERSECTS(geometry, BBOX({box}))", lambda p, point, land: p.intersects(land)),
    "basic-spatial-functions-plus": ("S_INTERSECTS(geometry, {wkt})", lambda p, point, land: p.intersects(land)),
    "spatial-functions": (
        "S_WITHIN(geometry, {wkt}) OR S_CONTAINS(geometry, POINT({x} {y})) OR NOT S_DISJOINT(geometry, POINT({x} {y}))",
        lambda p, point, land: p.within(land) | p.contains(point),
    ),
}
PROBES = {
    "ogcapi-common": common, "features-1": items, "features-2": systems, "features-3": queryables, "features-4": changes,
    "tiles-1": tiles, "processes-1": processes,
}  # fmt: skip
"""What is asked of the classes of a standard, by a part of their names."""


def test_every_class_that_is_claimed_is_asked_for_here(server):
    plain = [c for c in CONFORMANCE if not c.startswith(OGC + "cql2")]
    assert all(any(part in c for part in PROBES) for c in plain)
    asked = {*FILTERS, *SPATIAL, "temporal-functions"}
    assert {c.rpartition("/")[2] for c in CONFORMANCE if c.startswith(OGC + "cql2")} == asked


@pytest.mark.parametrize("standard", PROBES)
def test_a_standard_is_kept_as_claimed(server, standard):
    PROBES[standard](server)


@pytest.mark.parametrize("name", FILTERS)
def test_a_class_of_filters_finds_what_it_says(server, land, name):
    text, holds = FILTERS[name]
    plots = land[0]
    assert found(server, text) == set(plots["id"][holds(plots).fillna(False).to_numpy(bool)]) != set()


@pytest.mark.parametrize("name", SPATIAL)
def test_a_class_of_spatial_filters_finds_what_it_says(server, land, name):
    text, holds = SPATIAL[name]
    plots: gpd.GeoDataFrame = land[0]
    point = plots.geometry.iloc[7].representative_point()
    area = shapely.box(*point.buffer(0.002).bounds)
    box = ",".join(map(repr, area.bounds))
    expected = set(plots["id"][holds(plots.geometry, point, area).to_numpy(bool)])
    assert found(server, text.format(x=point.x, y=point.y, box=box, wkt=area.wkt)) == expected != set()


def test_temporal_functions_find_what_they_say(server, land):
    begins = land[1].set_index("id")["in_service_from"].dropna()
    day = begins.sort_values().iloc[len(begins) // 2]
    assert found(server, f"T_AFTER(in_service_from, DATE('{day:%Y-%m-%d}'))", "roads") == set(begins.index[begins > day])
    assert found(server, f"T_BEFORE(in_service_from, DATE('{day:%Y-%m-%d}'))", "roads") == set(begins.index[begins < day])
