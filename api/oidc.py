"""Signing in through an OpenID Connect provider: authorization code with PKCE, state and nonce (OIDC Core 1.0, section 3.1)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from api.settings import Oidc
from layers.errors import Refusal

ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]
"""Signatures that are taken: those that only the provider can make."""
PATIENCE = 10
"""How long the provider may take to answer [s]."""
KEPT = 3600.0
"""How long what it says of itself is believed [s]."""


class ProviderError(Refusal):
    """The provider does not answer, or does not vouch."""


class Identity(NamedTuple):
    """Who the provider vouches for: its own name for them, which never changes, and the address that it has verified."""

    subject: str
    email: str | None


class Provider:
    """A provider, and how it is asked."""

    def __init__(self, settings: Oidc) -> None:
        self._settings = settings
        self._known: tuple[float, Mapping[str, Any]] = (-KEPT, {})

    def begin(self, back: str) -> tuple[str, dict[str, str]]:
        """Make the address at which people say who they are, and what must be remembered until they are back."""
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        address, _ = self._session(back).create_authorization_url(
            self._about()["authorization_endpoint"], state=kept["state"], nonce=kept["nonce"], code_verifier=kept["verifier"]
        )
        return address, kept

    def finish(self, answer: str, back: str, kept: Mapping[str, str]) -> Identity:
        """Find out who came back at the address `answer`; ProviderError where the provider does not vouch for them."""
        from authlib.common.errors import AuthlibBaseError
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet
        from requests import RequestException

        about = self._about()
        session = self._session(back, kept["state"])
        try:
            found = session.fetch_token(
                about["token_endpoint"], authorization_response=answer, code_verifier=kept["verifier"], timeout=PATIENCE
            )
            keys = KeySet.import_key_set(session.request("GET", about["jwks_uri"], withhold_token=True, timeout=PATIENCE).json())
            token = jwt.decode(found["id_token"], keys, algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(
                leeway=60,
                iss={"essential": True, "value": self._settings.issuer},
                aud={"essential": True, "value": self._settings.client},
                exp={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": kept["nonce"]},
            ).validate(token.claims)
        except (AuthlibBaseError, JoseError, RequestException, KeyError, ValueError) as error:
            raise ProviderError(
                f"the provider does not vouch for this sign-in ({type(error).__name__}); begin again",
                f"身份提供方未确认此次登录({type(error).__name__}),请重新开始",
            ) from error
        claims = token.claims
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Identity(f"{self._settings.issuer} {claims['sub']}", email if isinstance(email, str) else None)

    def _session(self, back: str, state: str | None = None) -> Any:
        """Make a client of the provider."""
        from authlib.integrations.requests_client import OAuth2Session

        about = self._settings
        return OAuth2Session(
            about.client, about.secret, scope="openid email", redirect_uri=back, state=state, code_challenge_method="S256"
        )

    def _about(self) -> Mapping[str, Any]:
        """Read what the provider says of itself; it must name the issuer that was configured."""
        import requests

        when, known = self._known
        if time.monotonic() - when < KEPT:
            return known
        try:
            found = requests.get(f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration", timeout=PATIENCE).json()
            if found["issuer"] != self._settings.issuer:
                raise ValueError(found["issuer"])
            if missing := {"authorization_endpoint", "token_endpoint", "jwks_uri"} - set(found):
                raise KeyError(*missing)
        except (requests.RequestException, KeyError, TypeError, ValueError) as error:
            raise ProviderError(
                "the provider of identities does not answer as it should; try again, or sign in with a password",
                "身份提供方未正常响应,请稍后再试或用密码登录",
            ) from error
        self._known = (time.monotonic(), found)
        return self._known[1]
