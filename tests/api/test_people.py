"""People and what they may: every request passes the one rule, and what one may not see is as if absent."""

import re
import sqlite3
import string
import time
from contextlib import closing
from pathlib import Path

import pytest

from api.auth import SAFE, needed, onward
from layers.store.people import ATTEMPTS, ROLES, People
from tests.api.faces import DAY, content, serving, shudi
from tests.api.town import PASSWORD, Town, basic, guarded, routes, settle

PLOT = "/plots/D001-B08-P01"
OPEN = {"/healthz", "/openapi.json", "/me", "/login", "/login/oidc", "/login/oidc/callback", "/logout", "/web/"}
"""The short list of addresses that need nobody to sign in; whoever adds one says why in api/auth.py."""
OFFERED = {
    "/listings", "/listings.geojson", "/listings.csv", "/listings/{id}", "/listings/{id}/notice.pdf", "/listings/{id}/notice.docx",
    "/listings/{id}/parcel_map.pdf",
    "/listings/{id}/parcel_map.png", "/", "/conformance", "/api", "/collections",
}  # fmt: skip
"""What everybody may look at: land that is put up for sale."""
SITE = {
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[500_200, 4_077_200], [500_300, 4_077_200], [500_300, 4_077_300], [500_200, 4_077_200]]],
    },
    "crs": "EPSG:4548",
    "on": DAY,
}


@pytest.fixture(scope="module")
def town(park, tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    base = copy(park, folder / "park.gpkg")
    with guarded(base, folder) as running:
        yield running


@pytest.fixture(scope="module")
def founded(park, tmp_path_factory):
    """A service that began without users, and the town that it is since they were added."""
    folder = tmp_path_factory.mktemp("founded")
    base = copy(park, folder / "park.gpkg")
    with serving(base, folder) as server:
        before = server.client.get(PLOT).status_code, server.client.get("/me").json()["via"]
        yield before, Town(server, settle(base))


def copy(park, base):
    """Copy a base that others may have open."""
    with closing(sqlite3.connect(park)) as source, closing(sqlite3.connect(base)) as target:
        source.backup(target)
    return base


def people(town):
    return People(town.server.log.with_name("park.users.db"))


def base_of(town):
    return town.server.log.with_name("park.gpkg")


def alike(answer):
    """What an answer tells, but for its own number and the time."""
    hidden = {"date", "content-length"}
    return (
        answer.status_code,
        re.sub(r'"id":"\w+"', "", answer.text),
        {k: v for k, v in answer.headers.items() if k not in hidden},
    )


def test_every_route_is_behind_the_rule_or_on_the_short_list(town, park):
    found = routes(park)
    assert len(found) >= 12
    for template, methods in found:
        path = re.sub(r"\{[^}]+\}", "1", template)
        for method in {*methods, "POST", "PUT", "PATCH", "DELETE"} - {"HEAD"}:
            answer = town.ask(None, method, path)
            if template in OPEN or (template in OFFERED and method in SAFE):
                assert "www-authenticate" not in answer.headers, (method, path)
            else:
                assert (answer.status_code, "www-authenticate" in answer.headers) == (401, True), (method, path)
                assert needed(method, path) != "public"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_b9_to_nobody_a_plot_that_is_there_and_one_that_is_not_are_the_same(town, method):
    there, absent = (alike(town.ask(None, method, path)) for path in (PLOT, "/plots/nobody"))
    assert there == absent
    assert there == alike(town.ask(None, method, "/nowhere/at/all"))
    assert "etag" not in there[2]
    assert there[0] == 401


def test_nobody_learns_what_the_base_is_called_or_holds(town):
    assert town.ask(None, "GET", "/healthz").json() == {"status": "ok"}
    assert set(town.ask("viewer", "GET", "/healthz").json()) == {"status", "title", "crs", "layers"}
    assert town.ask(None, "GET", "/me").json()["role"] == "public"


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("GET", PLOT, "viewer"),
        ("GET", "/tiles/parcels/14/13515/6414.mvt", "viewer"),
        ("GET", "/about.json", "viewer"),
        ("POST", "/checks", "planner"),
        ("GET", "/audit", "admin"),
    ],
)
def test_a_role_may_what_it_may_and_no_more(town, method, path, least):
    body = {"json": SITE} if method == "POST" else {}
    got = {role: town.ask(role, method, path, **body).status_code for role in (None, *ROLES) if role != "public"}
    refused = 403 if method == "POST" else 404
    ranks = list(ROLES)
    assert got.pop(None) == 401
    assert got == {r: 200 if ranks.index(r) >= ranks.index(least) else refused for r in got}


def test_what_a_role_may_not_see_is_as_if_absent(town):
    denied, absent = town.ask("planner", "GET", "/audit"), town.ask("planner", "GET", "/nowhere")
    assert (denied.status_code, denied.json()["title"], absent.status_code) == (404, absent.json()["title"], 404)


def test_qgis_signs_in_by_user_and_password_with_each_request(town):
    assert town.ask(None, "GET", PLOT, headers=basic("viewer", PASSWORD)).status_code == 200
    start = time.perf_counter()
    for _ in range(20):
        assert town.ask(None, "GET", "/me", headers=basic("VIEWER", PASSWORD)).json()["name"] == "viewer"
    assert time.perf_counter() - start < 60
    assert town.ask(None, "GET", PLOT, headers=basic("viewer", town.tokens["viewer"])).status_code == 200
    assert town.ask(None, "GET", PLOT, headers=basic("admin", town.tokens["viewer"])).status_code == 401


@pytest.mark.parametrize(
    "shown",
    ["Bearer", "Bearer nonsense", "Bearer shudi_" + "x" * 43, "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic /////w==",
     "Basic \xff\xfe", "Negotiate abc", "Bearer " + "x" * 20_000, "Basic Og=="],
    ids=lambda shown: shown[:24],
)  # fmt: skip
def test_what_is_no_credential_opens_nothing(town, shown):
    answer = town.ask(None, "GET", PLOT, headers={"Authorization": shown.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["cache-control"] == "no-store"


def test_a_session_is_a_signed_cookie_that_pages_cannot_read_and_that_ends_with_the_sign_out(town):
    with town.visitor() as client:
        answer = client.post("/login", data={"user": "viewer", "password": PASSWORD, "next": PLOT}, headers={"Origin": town.url})
        assert (answer.status_code, answer.headers["location"]) == (303, PLOT)
        cookie = answer.headers["set-cookie"]
        assert all(word in cookie.lower() for word in ("httponly", "samesite=lax", "path=/", "max-age="))
        assert client.get(PLOT).status_code == 200
        assert client.get("/me").json()["via"] == "session"
        stolen = client.cookies["shudi"]
        secret, _, signature = stolen.rpartition(".")
        # A signature's last letter carries four bits of it and two that are not read: every other letter in its place is forged.
        last = [f"{secret}.{signature[:-1]}{letter}" for letter in string.ascii_letters + "-_" if letter != signature[-1]]
        for forged in (secret, f"{secret}x.{signature}", *last, "x", "", "." * 5000):
            with town.visitor() as other:
                other.cookies.set("shudi", forged)
                assert other.get(PLOT).status_code == 401, forged
        assert client.post("/logout", headers={"Origin": town.url}).status_code == 204
    with town.visitor() as thief:
        thief.cookies.set("shudi", stolen)
        assert thief.get(PLOT).status_code == 401


def test_b11_a_change_asked_for_by_a_page_from_elsewhere_is_refused(town):
    before = content(base_of(town))
    with town.signed_in("planner") as client:
        del client.headers["Origin"]
        for headers in (
            {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": town.url.replace("127.0.0.1", "localhost")},
            {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {},
            {"Origin": town.url, "Sec-Fetch-Site": "cross-site"}, {"Referer": f"{town.url}/"},
        ):  # fmt: skip
            answer = client.post("/checks", json=SITE, headers=headers)
            assert (answer.status_code, answer.json()["title"]) == (403, "FromElsewhere"), headers
            assert not [name for name in answer.headers if name.startswith("access-control")]
        assert client.post("/checks", json=SITE, headers={"Origin": town.url}).status_code == 200
        assert client.post("/checks", json=SITE, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
        asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
        assert "access-control-allow-origin" not in client.options("/checks", headers=asked).headers
    form = {"user": "viewer", "password": PASSWORD}
    assert town.ask(None, "POST", "/login", data=form, headers={"Origin": "http://evil.example"}).status_code == 403
    assert content(base_of(town)) == before


def test_b11_without_users_too_no_page_from_elsewhere_changes_anything(server):
    answer = server.client.post("/checks", json=SITE, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert server.client.post("/checks", json=SITE).status_code == 200


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "evil",
           "/x\r\nSet-Cookie: a=b", "///evil.example", "/\t/evil.example", "", "http:/evil.example"],
)  # fmt: skip
def test_b10_nobody_is_sent_elsewhere_after_signing_in(town, to):
    assert onward(to) == "/"
    form = {"user": "viewer", "password": PASSWORD, "next": to}
    answer = town.ask(None, "POST", "/login", data=form, headers={"Origin": town.url})
    assert answer.headers["location"] == "/"
    assert "evil" not in town.ask(None, "GET", "/login", params={"next": to}).text


def test_b13_an_answer_for_one_person_stays_out_of_shared_caches(town):
    for path in (PLOT, "/tiles/parcels/14/13515/6414.mvt", "/about.json", "/", "/nowhere"):
        headers = town.ask("viewer", "GET", path).headers
        assert "private" in headers["cache-control"], path
        assert {"authorization", "cookie"} <= {v.strip().lower() for v in headers["vary"].split(",")}, path
    tile = town.ask("viewer", "GET", "/tiles/parcels/14/13515/6414.mvt").headers["etag"]
    again = town.ask(None, "GET", "/tiles/parcels/14/13515/6414.mvt", headers={"If-None-Match": tile})
    assert (again.status_code, "etag" in again.headers) == (401, False)


def test_a_service_that_runs_without_users_asks_who_is_there_once_there_is_one(founded):
    before, town = founded
    assert before == (200, "loopback")
    assert town.ask(None, "GET", PLOT).status_code == 401
    assert town.ask("viewer", "GET", PLOT).status_code == 200


def test_who_guesses_waits_longer_each_time(founded):
    _, town = founded
    tries = [town.ask(None, "GET", PLOT, headers=basic("admin", f"guess {k}")) for k in range(8)]
    assert [t.status_code for t in tries] == [401] * 5 + [429] * 3
    assert int(tries[-1].headers["retry-after"]) >= 1
    assert town.ask(None, "GET", PLOT, headers=basic("admin", PASSWORD)).status_code == 429
    form = {"user": "admin", "password": PASSWORD}
    page = town.ask(None, "POST", "/login", data=form, headers={"Origin": town.url})
    assert (page.status_code, "retry-after" in page.headers) == (429, True)
    assert town.ask(None, "GET", PLOT, headers=basic("viewer", PASSWORD)).status_code == 200
    told = shudi("audit", "--base", base_of(town), "--json").body
    assert len([e for e in told if (e["actor"], e["outcome"]) == ("admin", "refused")]) == 5


def test_a_crowd_that_guesses_takes_no_memory(tmp_path):
    found = People(tmp_path / "x.users.db")
    found.add("li", "viewer", None, None)
    for k in range(0, ATTEMPTS + 3000, 500):
        found.fail({f"from {n}": (20, 900.0) for n in range(k, k + 500)})
    found.close()
    with closing(sqlite3.connect(tmp_path / "x.users.db")) as c:
        assert c.execute("SELECT count(*) FROM attempts").fetchone()[0] <= ATTEMPTS


def test_a_change_of_role_a_new_password_and_a_revoked_token_hold_from_the_next_request_on(founded):
    _, town = founded
    base = base_of(town)
    with town.signed_in("planner") as client, town.signed_in("approver") as other:
        assert client.post("/checks", json=SITE).status_code == 200
        assert shudi("user", "role", "planner", "viewer", "--base", base).status == 0
        assert client.post("/checks", json=SITE).status_code == 403
        assert shudi("user", "disable", "planner", "--base", base).status == 0
        assert client.get(PLOT).status_code == 401
        assert town.ask("planner", "GET", PLOT).status_code == 401
        assert town.ask(None, "GET", PLOT, headers=basic("planner", PASSWORD)).status_code == 401
        assert other.get(PLOT).status_code == 200
        assert town.ask(None, "GET", PLOT, headers=basic("approver", PASSWORD)).status_code == 200
        new = shudi("user", "password", "approver", "--base", base, "--password-stdin", typed="another password\n")
        assert new.status == 0
        assert other.get(PLOT).status_code == 401
        assert town.ask(None, "GET", PLOT, headers=basic("approver", PASSWORD)).status_code == 401
        assert town.ask(None, "GET", PLOT, headers=basic("approver", "another password")).status_code == 200
    listed = {u["name"]: u for u in shudi("user", "list", "--base", base, "--json").body}
    id = listed["viewer"]["tokens"][0]["id"]
    assert town.ask("viewer", "GET", PLOT).status_code == 200
    assert shudi("user", "token", "viewer", "--revoke", id, "--base", base).status == 0
    assert town.ask("viewer", "GET", PLOT).status_code == 401


def test_the_audit_log_says_who_did_what_and_cannot_be_changed(town):
    seen = people(town).audit()[-1].seq
    drawn = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [[[117, 36.8], [117.001, 36.8], [117, 36.801], [117, 36.8]]]}}  # fmt: skip
    assert town.ask("viewer", "POST", "/collections/parcels/faults", json=drawn).status_code == 403
    assert town.ask("planner", "POST", "/collections/parcels/faults", json=drawn).status_code == 200, "asked at each stroke"
    assert town.ask("planner", "POST", "/checks", json=SITE).status_code == 200
    with town.signed_in("viewer") as client:
        assert client.post("/logout").status_code == 204
    told = town.ask("admin", "GET", "/audit", params={"after": seen}).json()
    assert [(e["actor"], e["action"], e["object"], e["outcome"]) for e in told] == [
        ("planner", "POST", "/checks", "200"), ("viewer", "sign-in", "password", "ok"), ("viewer", "sign-out", "session", "ok"),
    ]  # fmt: skip
    assert {e["address"] for e in told} == {"127.0.0.1"}
    printed = shudi("audit", "--base", base_of(town), "--json").body
    assert printed[-3:] == told
    assert shudi("audit", "--base", base_of(town), "--since", "2099-01-01", "--json").body == []
    with closing(sqlite3.connect(people(town).path)) as c:
        for harm in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="audit log is never"):
                c.execute(harm)


def test_b14_no_secret_is_kept_as_it_is_or_told_twice(town):
    files = [f for f in town.server.log.parent.iterdir() if f.is_file()]
    kept = b"".join(f.read_bytes() for f in files)
    for secret in (PASSWORD, *town.tokens.values()):
        assert secret.encode() not in kept
    assert b"$argon2id$v=19$m=65536,t=3" in kept
    assert people(town).path.stat().st_mode & 0o077 == 0
    listed = shudi("user", "list", "--base", base_of(town), "--json").out
    assert "argon2" not in listed
    assert "shudi_" not in listed


@pytest.mark.parametrize(
    ("args", "typed", "word"),
    [
        (("add", "li", "--role", "viewer"), "short\n", "characters"),
        (("add", "li", "--role", "viewer"), "\n", "characters"),
        (("add", "a:b", "--role", "viewer"), f"{PASSWORD}\n", "user name"),
        (("add", "", "--role", "viewer"), f"{PASSWORD}\n", "user name"),
        (("add", "li", "--role", "king"), f"{PASSWORD}\n", "king"),
        (("add", "li", "--role", "public"), f"{PASSWORD}\n", "public"),
        (("add", "VIEWER", "--role", "viewer"), f"{PASSWORD}\n", "already"),
        (("role", "nobody", "viewer"), "", "no user"),
        (("disable", "nobody"), "", "no user"),
        (("token", "nobody"), "", "no user"),
        (("token", "viewer", "--revoke", "x"), "", "no token"),
    ],
)
def test_what_cannot_be_a_user_is_refused_in_one_sentence(town, args, typed, word):
    more = ["--password-stdin"] if args[0] == "add" else []
    found = shudi("user", *args, *more, "--base", base_of(town), typed=typed)
    assert (found.status, word in found.err) == (2, True), found
    assert people(town).user("li") is None


def test_a_password_is_never_an_argument():
    assert shudi("user", "add", "li", "--role", "viewer", "--password", "secret").status == 2
    found = shudi("user", "add", "li", "--role", "viewer", "--base", Path("none.gpkg"))
    assert (found.status, "--password-stdin" in found.err) == (2, True)


@pytest.mark.parametrize(("lang", "word"), [("en", "shudi user add NAME --role admin"), ("zh", "shudi user add 用户名")])
@pytest.mark.parametrize("more", [("--host", "0.0.0.0"), ("--url", "https://land.example.org")])
def test_without_users_nobody_elsewhere_is_served(park, more, lang, word):
    found = shudi("serve", "--base", park, *more, lang=lang)
    assert (found.status, word in found.err) == (2, True)


@pytest.mark.parametrize(
    "url", ["land.example.org", "ftp://x", "https://x/y", "https://", "https://a@b", "http://x:99999", "x" * 500]
)
def test_an_address_of_a_service_is_checked(town, url):
    found = shudi("serve", "--base", base_of(town), "--url", url)
    assert (found.status, "--url" in found.err) == (2, True)


def test_all_addresses_of_a_machine_need_the_one_that_people_open(town):
    found = shudi("serve", "--base", base_of(town), "--host", "0.0.0.0")
    assert (found.status, "--url" in found.err) == (2, True)


def test_the_login_page_speaks_the_readers_language(town):
    def spoken(**asked):
        return re.search(r'<html lang="([^"]+)"', town.ask(None, "GET", "/login", **asked).text)[1]

    assert spoken(headers={"Accept-Language": "en-GB,zh;q=0.5"}) == "en"
    assert spoken(headers={"Accept-Language": "fr, zh-CN;q=0.9, en;q=0.8"}) == "zh-CN"
    assert spoken(headers={"Accept-Language": "zh"}, params={"lang": "en"}) == "en"
    assert spoken(headers={"Accept-Language": "," * 100_00}) == "zh-CN"
    policy = town.ask(None, "GET", "/login").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy


@pytest.mark.browser
def test_people_sign_in_see_the_map_and_sign_out(town, watch, tmp_path):
    page = watch.page
    page.goto(f"{town.url}/?lang=en&plot=D001-B08-P01")
    page.wait_for_url("**/login?next=*")
    page.goto(page.url + "&lang=en")
    page.screenshot(path=tmp_path / "login-en.png")
    page.get_by_label("User").fill("viewer")
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_role("alert").inner_text() == "This user and password do not match"
    page.locator("#language").click()
    page.get_by_role("heading", name="登录").wait_for()
    page.get_by_label("用户名").fill("viewer")
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-drawn]", timeout=180_000)
    assert page.locator("#who").inner_text() == "viewer"
    page.locator("#card h2", has_text="D001-B08-P01").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    page.goto(f"{town.url}/")
    page.wait_for_url("**/login?next=*")
    page.screenshot(path=tmp_path / "login-zh.png")
    assert [said for said in watch.said if "401" not in said] == []
    assert all(url.startswith((town.url, "data:", f"blob:{town.url}")) for url in watch.asked), watch.asked
