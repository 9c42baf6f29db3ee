"""Six hundred requests that nobody in their right mind sends; `python -m tests.bench fuzz` sends ten thousand."""

from contextlib import closing

from layers.store.people import People
from tests.api.faces import content, serving
from tests.api.fuzz import storm
from tests.api.test_people import copy
from tests.api.town import settle


def test_no_request_is_answered_by_a_mistake_of_our_own(own_park, tmp_path):
    with serving(own_park, tmp_path) as running:
        found, wrong = storm(running.url, 400)
    assert wrong == []
    assert found[200] > 40
    assert found[404] > 20


def test_nobody_gets_anything_out_of_a_guarded_service(park, tmp_path):
    base = copy(park, tmp_path / "park.gpkg")
    settle(base)
    before = content(base)
    with serving(base, tmp_path) as running:
        found, wrong = storm(running.url, 200, seed=2)
    assert wrong == []
    assert found[401] > 100
    assert content(base) == before
    with closing(People(base.with_suffix(".users.db"))) as people:
        had = {(e.action, e.object.partition("?")[0]) for e in people.audit() if e.outcome == "200"}
        assert had <= {("export", "/listings.csv"), ("export", "/listings.geojson")}, "what is published is everybody's"
