"""Signing in through a provider: a real OpenID Connect server, with authlib's server side, answers from a process of its own."""

import re
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from layers.store.people import People
from tests.api.faces import free_port, serving, shudi
from tests.api.test_people import PLOT, copy

VERIFIED = {"email": "wang@park.example", "email_verified": True}


@contextmanager
def providing(port, log):
    """Run a provider that signs in whom a test names."""
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "oidc_provider_mock", "--port", str(port)], stdout=out, stderr=out)
    try:
        for _ in range(400):
            assert process.poll() is None, log.read_text("utf-8")
            try:
                httpx.get(f"http://127.0.0.1:{port}/jwks", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def joined(park, tmp_path_factory):
    """A service that has a provider; wang is known to it by address, zhao has left."""
    folder = tmp_path_factory.mktemp("joined")
    base = copy(park, folder / "park.gpkg")
    for name, email in (("wang", "Wang@park.example"), ("zhao", "zhao@park.example")):
        more = ("--role", "viewer", "--email", email, "--no-password", "--base", base)
        assert shudi("user", "add", name, *more).status == 0
    assert shudi("user", "disable", "zhao", "--base", base).status == 0
    with providing(free_port(), folder / "provider.log") as issuer:
        told = {"SHUDI_OIDC_ISSUER": issuer, "SHUDI_OIDC_CLIENT": "shudi", "SHUDI_OIDC_SECRET": "secret"}
        with serving(base, folder, **told) as server:
            yield issuer, server, base


@contextmanager
def visitor(server):
    with httpx.Client(base_url=server.url, timeout=120, trust_env=False, verify=False) as client:
        yield client


def vouched(issuer, client, sub, claims=None, to=PLOT):
    """Go to the provider, say who one is, and come as far as the way back; gives that address."""
    if claims is not None:
        assert httpx.put(f"{issuer}/users/{sub}", json=claims, trust_env=False).status_code == 204
    there = client.get("/login/oidc", params={"next": to})
    assert there.status_code == 303
    asked = parse_qs(urlsplit(there.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["state"][0]) > 20
    assert len(asked["nonce"][0]) > 20
    back = httpx.post(there.headers["location"], data={"sub": sub}, trust_env=False)
    assert back.status_code == 302
    return back.headers["location"]


def test_who_the_provider_vouches_for_is_signed_in(joined):
    issuer, server, base = joined
    with visitor(server) as client:
        answer = client.get(vouched(issuer, client, "w-1", VERIFIED))
        assert (answer.status_code, answer.headers["location"]) == (303, PLOT)
        assert client.get("/me").json()["name"] == "wang"
        assert client.get(PLOT).status_code == 200
    with closing(People(base.with_suffix(".users.db"))) as people:
        assert people.user("wang").subject == f"{issuer} w-1"
        assert ("wang", "oidc", "ok") in [(e.actor, e.object, e.outcome) for e in people.audit()]
    with visitor(server) as client:  # known by subject from now on, whatever becomes of the address
        client.get(vouched(issuer, client, "w-1", {"email": "other@park.example", "email_verified": True}))
        assert client.get("/me").json()["name"] == "wang"


@pytest.mark.parametrize(
    ("sub", "claims"),
    [
        ("stranger", {"email": "stranger@park.example", "email_verified": True}),
        ("liar", {"email": "wang@park.example"}),
        ("unverified", {"email": "wang@park.example", "email_verified": False}),
        ("text", {"email": "wang@park.example", "email_verified": "true"}),
        ("namesake", VERIFIED),
        ("left", {"email": "zhao@park.example", "email_verified": True}),
        ("nameless", {}),
    ],
)
def test_who_is_no_user_here_stays_outside(joined, sub, claims):
    issuer, server, _ = joined
    with visitor(server) as client:
        client.get(vouched(issuer, client, "w-1", VERIFIED))
    with visitor(server) as client:
        answer = client.get(vouched(issuer, client, sub, claims))
        assert answer.status_code == 403
        assert client.get(PLOT).status_code == 401
        assert "stranger" not in client.cookies


def test_a_way_back_that_nobody_here_began_or_that_was_used_leads_nowhere(joined):
    issuer, server, _ = joined
    with visitor(server) as client, visitor(server) as other:
        mine, theirs = vouched(issuer, client, "w-1", VERIFIED), vouched(issuer, other, "w-1")
        with visitor(server) as thief:
            assert thief.get(mine).status_code == 401
            thief.cookies.set("shudi_oidc", "x.y.z")
            assert thief.get(mine).status_code == 401
        assert client.get(theirs).status_code == 401  # a code that was slipped in: its state is not ours
        back = vouched(issuer, client, "w-1")
        code, state = (parse_qs(urlsplit(back).query)[k][0] for k in ("code", "state"))
        for query in (
            {"code": "made-up", "state": state},
            {"state": state},
            {"code": code},
            {"error": "access_denied", "state": state},
        ):
            with visitor(server) as again:
                again.cookies.update(client.cookies)
                assert again.get(f"/login/oidc/callback?{urlencode(query)}").status_code == 401, query
                assert again.get(PLOT).status_code == 401
        kept = dict(client.cookies)
        assert client.get(back).status_code == 303
        with visitor(server) as replayed:
            replayed.cookies.update(kept)
            assert replayed.get(back).status_code == 401


def test_a_provider_that_is_away_is_told_and_passwords_still_work(joined, tmp_path):
    _, _, base = joined
    told = {"SHUDI_OIDC_ISSUER": f"http://127.0.0.1:{free_port()}", "SHUDI_OIDC_CLIENT": "shudi", "SHUDI_OIDC_SECRET": "secret"}
    with serving(base, tmp_path, **told) as server, visitor(server) as client:
        answer = client.get("/login/oidc", params={"lang": "en"})
        assert (answer.status_code, "did not confirm" in answer.text) == (502, True)
        assert client.get("/login").status_code == 200


def test_no_provider_is_no_address(joined, server):
    assert server.client.get("/login/oidc").status_code == 404
    assert "oidc" not in server.client.get("/login").text
    _, with_one, _ = joined
    assert re.search(r'href="/login/oidc\?next=', with_one.client.get("/login").text)


@pytest.mark.parametrize(
    "more",
    [
        ("--oidc-issuer", "http://id.example.org"),
        ("--oidc-issuer", "https://id.example.org"),
        ("--oidc-issuer", "ftp://x", "--oidc-client", "x"),
    ],
)
def test_a_provider_needs_tls_a_client_and_a_secret(joined, more):
    found = shudi("serve", "--base", joined[2], *more)
    assert (found.status, "SHUDI_OIDC_SECRET" in found.err) == (2, True)
