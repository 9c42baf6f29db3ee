"""The users as admins look after them: who may, what holds from when, and what the log says of it."""

from datetime import UTC, datetime, timedelta

import pytest

from layers.store.people import ROLES, People
from tests.api.conftest import copied
from tests.api.faces import serving
from tests.api.town import basic, guarded

LONG = "a password of some length"


@pytest.fixture(scope="module")
def town(park, tmp_path_factory):
    folder = tmp_path_factory.mktemp("users")
    with guarded(copied(park, folder / "park.gpkg"), folder) as running:
        yield running


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/people", None),
        ("POST", "/people", {"name": "intruder", "role": "admin", "password": LONG}),
        ("PATCH", "/people/viewer", {"role": "admin"}),
        ("PATCH", "/people/admin", {"disabled": True}),
        ("POST", "/people/admin/tokens", {"title": "mine"}),
        ("DELETE", "/people/admin/tokens/00000000", None),
        ("GET", "/audit", None),
    ],
)
def test_users_tokens_and_the_log_are_for_admins_and_to_others_as_if_absent(town, method, path, body):
    before = town.people()
    more = {"json": body} if body else {}
    for role in (None, *ROLES):
        if role in ("public", "admin"):
            continue
        answer = town.ask(role, method, path, **more)
        absent = town.ask(role, method if method == "GET" else "GET", "/nowhere")
        assert (answer.status_code, answer.json()["title"]) == (absent.status_code, absent.json()["title"]), role
    assert town.people() == before


def test_b11_no_page_from_elsewhere_adds_or_changes_users(town):
    before = town.people()
    with town.signed_in("admin") as client:
        del client.headers["Origin"]
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
            for method, path in (
                ("POST", "/people"),
                ("PATCH", "/people/viewer"),
                ("POST", "/people/admin/tokens"),
                ("DELETE", "/people/admin/tokens/0"),
            ):
                answer = client.request(method, path, json={"name": "x", "role": "admin", "disabled": True}, headers=headers)
                assert (answer.status_code, answer.json()["title"]) == (403, "FromElsewhere"), (headers, path)
    assert town.people() == before


def test_what_an_admin_changes_holds_from_the_next_request_on_and_is_in_the_log(town):
    seen = town.ask("admin", "GET", "/audit?newest=true&limit=1").json()[0]["seq"]
    made = town.ask("admin", "POST", "/people", json={"name": "wang", "role": "planner", "password": LONG})
    assert (made.status_code, made.json()["role"], LONG in made.text) == (201, "planner", False)
    as_wang = basic("wang", LONG)
    assert town.ask(None, "GET", "/me", headers=as_wang).json()["role"] == "planner"
    assert town.ask("admin", "PATCH", "/people/wang", json={"role": "viewer"}).json()["role"] == "viewer"
    assert town.ask(None, "GET", "/me", headers=as_wang).json()["role"] == "viewer"
    granted = town.ask("admin", "POST", "/people/wang/tokens", json={"title": "QGIS", "days": 9})
    token, id = granted.json()["token"], granted.json()["id"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert town.ask(None, "GET", "/me", headers=bearer).json()["name"] == "wang"
    assert [t["title"] for t in town.people()["wang"]["tokens"]] == ["QGIS"]
    assert token not in town.ask("admin", "GET", "/people").text
    assert town.ask("admin", "DELETE", f"/people/wang/tokens/{id}").status_code == 204
    assert town.ask(None, "GET", "/me", headers=bearer).status_code == 401
    assert town.ask("admin", "DELETE", f"/people/wang/tokens/{id}").status_code == 404
    assert town.ask("admin", "PATCH", "/people/wang", json={"disabled": True}).json()["disabled"]
    assert town.ask(None, "GET", "/me", headers=as_wang).status_code == 401
    assert not town.ask("admin", "PATCH", "/people/wang", json={"disabled": False, "password": f"{LONG} 2"}).json()["disabled"]
    assert town.ask(None, "GET", "/me", headers=basic("wang", f"{LONG} 2")).status_code == 200
    lines = town.ask("admin", "GET", "/audit", params={"after": seen, "actor": "ADMIN"}).json()
    told = [(e["action"], e["object"], e["outcome"]) for e in lines if not e["action"].isupper()]
    assert told == [
        ("user add", "wang", "planner"), ("user role", "wang", "viewer"), ("token make", "wang", id), ("token revoke", "wang", id),
        ("user disable", "wang", "ok"), ("user enable", "wang", "ok"), ("user password", "wang", "ok"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "", {"name": "viewer", "role": "admin"}, 422),
        ("POST", "", {"name": "short", "role": "viewer", "password": "x"}, 422),
        ("POST", "", {"name": "no name", "role": "viewer"}, 422),
        ("POST", "", {"name": "king", "role": "king"}, 422),
        ("POST", "", {"name": "public", "role": "public"}, 422),
        ("PATCH", "/nobody", {"role": "viewer"}, 404),
        ("PATCH", "/admin", {"role": "viewer"}, 422),
        ("PATCH", "/admin", {"disabled": True}, 422),
        ("PATCH", "/ADMIN", {"disabled": True}, 422),
        ("PATCH", "/viewer", {"role": "admin", "password": "x"}, 422),
        ("POST", "/nobody/tokens", {}, 404),
        ("POST", "/viewer/tokens", {"days": 0}, 422),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(town, method, path, body, status):
    before = town.people()
    answer = town.ask("admin", method, f"/people{path}", json=body)
    assert answer.status_code == status, answer.text
    assert {"detail", "detail_zh"} <= set(answer.json())
    assert town.people() == before


def test_the_first_user_is_an_admin_who_can_sign_in(park, tmp_path):
    with serving(copied(park, tmp_path / "park.gpkg"), tmp_path) as server:
        assert server.client.get("/people").json() == []
        for body in ({"name": "li", "role": "planner", "password": LONG}, {"name": "li", "role": "admin"}):
            assert server.client.post("/people", json=body).status_code == 422
        assert server.client.get("/me").json()["via"] == "loopback", "nobody was locked out"
        assert server.client.post("/people", json={"name": "li", "role": "admin", "password": LONG}).status_code == 201
        assert server.client.get("/people").status_code == 401
        assert server.client.get("/people", auth=("li", LONG)).status_code == 200


def test_the_log_is_asked_by_who_what_when_and_page_by_page(tmp_path):
    people = People(tmp_path / "park.users.db")
    people.add("li", "admin", None, None)
    for k in range(30):
        people.note("li" if k % 3 else "Wang", "here", "POST" if k % 2 else "sign-in", f"/collections/Parcels/{k}", "200")
    every = people.audit()
    assert [e.seq for e in people.audit(newest=True)] == [e.seq for e in reversed(every)]
    assert [e for e in every if e.actor == "Wang"] == people.audit(actor="wang")
    assert [e for e in every if e.action == "sign-in"] == people.audit(action="sign")
    assert [e.object for e in people.audit(about="parcels/2", action="POST")] == [
        f"/collections/Parcels/{k}" for k in (21, 23, 25, 27, 29)
    ]
    assert people.audit(about="%") == people.audit(about="_") == []
    page = people.audit(newest=True, limit=7)
    while page and (more := people.audit(newest=True, limit=7, before=page[-1].seq)):
        page += more
    assert page == every[::-1]
    now = datetime.now(UTC)
    assert people.audit(until=now - timedelta(hours=1)) == people.audit(since=now + timedelta(hours=1)) == []
    assert people.audit(since=now - timedelta(hours=1), until=now + timedelta(hours=1)) == every
    people.close()
