"""Settings of the service, built by the command and handed down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from layers.store.address import Where
from maps.basemap import Basemap


@dataclass(frozen=True, slots=True)
class Oidc:
    """The OpenID Connect provider that vouches for people: its issuer, and how it knows this service."""

    issuer: str
    client: str
    secret: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What a service is told at its start.

    `base`: the land base; `readers`: connections to a database kept open; `body`: the largest request body [bytes], `upload`: of a
    delivery; `hosts`: the names under
    which the service is asked; `people`: the file of users, by default beside the base; `guarded`: people must say who they are,
    even where there is no user; `url`: the address under which people have it, where that is not the one it listens on; `oidc`: who vouches
    for people besides their passwords; `patience`: how long a client may take over the body of a request [s], beyond what
    `pace` [bytes/s] needs; `unconditional`: changes may come without the
    version that they rest on, as from QGIS; `basemap`: tiles from elsewhere that the page may ask for.
    """

    base: Where
    readers: int = 8
    body: int = 16 * 1024 * 1024
    upload: int = 512 * 1024 * 1024
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
    people: Path | None = None
    guarded: bool = False
    url: str | None = None
    oidc: Oidc | None = None
    patience: float = 20.0
    pace: float = 10_000.0
    unconditional: bool = False
    basemap: Basemap | None = None
