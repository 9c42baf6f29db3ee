"""A base with people of every role, and what they show to be let in."""

import base64
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from api.main import create_app
from api.settings import Settings
from tests.api.faces import Server, serving, shudi

ROLES = ("viewer", "planner", "approver", "admin")
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Town:
    """A guarded service, and a token for each role; the users are named for their roles."""

    server: Server
    tokens: dict[str, str]

    @property
    def url(self):
        return self.server.url

    def ask(self, role, method, path, **more):
        """Ask as somebody of a role, None for nobody."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        with self.visitor() as client:
            return client.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)

    def people(self):
        """List the users by their names, as an admin sees them."""
        return {user["name"]: user for user in self.ask("admin", "GET", "/people").json()}

    def visitor(self):
        """Open a client without any past."""
        return httpx.Client(base_url=self.url, timeout=120, trust_env=False, verify=False)

    @contextmanager
    def signed_in(self, role):
        """Open a client with a session, as a browser has it after the form was sent."""
        with self.visitor() as client:
            client.headers["Origin"] = self.url
            answer = client.post("/login", data={"user": role, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
            yield client


@contextmanager
def guarded(base, folder):
    """Serve a base to people of every role."""
    tokens = settle(base)
    with serving(base, folder) as server:
        yield Town(server, tokens)


def settle(base):
    """Add a user of each role to a base; gives a token for each."""
    for role in ROLES:
        assert shudi("user", "add", role, "--role", role, "--base", base, "--password-stdin", typed=PASSWORD + "\n").status == 0
    return {role: shudi("user", "token", role, "--base", base).out.strip() for role in ROLES}


def basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def routes(base):
    """List all routes of the app: path templates with the methods of each; a mount has any."""

    def walk(found):
        for route in found:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                yield from walk(inner.routes)
            else:
                mounted = not hasattr(route, "methods")
                yield route.path + "/" * mounted, ["GET"] if mounted else sorted(route.methods)

    app = create_app(Settings(base=base))
    return list(walk(app.routes))
