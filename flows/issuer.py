"""The centre's OpenID issuer: asking it to prove who somebody is. Authlib speaks the protocol.

1. The browser is sent to the issuer with a state, a nonce and the hash of a verifier (PKCE), all made for this once.
2. It comes back with a code, which is exchanged over a connection of our own, with our secret and the verifier.
3. What the issuer signed must be by a key that it has now, for this client, from this issuer, with that nonce, not
   expired, and about somebody who showed themselves just now, as strongly as the line asks.

What the issuer publishes of itself is read anew each time: a key that it took back is trusted no more.
"""

import asyncio
import hmac
import os
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpx
from joserfc.errors import JoseError

from flows.errors import FlowError
from flows.kept_secret import SecretRefusedError, kept_secret, secret_place
from flows.run_folder import RunFolder
from flows.settings import OidcSettings, crosses_safely
from stations.people_register.issuer import staff_code
from stations.people_register.tables import IssuerRefusal

PATIENCE_S: Final = 5.0
"""For each answer of the issuer."""
LONGEST_WAIT_S: Final = 12.0
"""For all of its answers at one step."""
CLOCK_S: Final = 60
"""The issuer's clock may differ by so much."""
LONGEST_SECRET: Final = 512
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Signatures by a key that the issuer alone has: neither none at all nor one that whoever knows our secret can make."""
_PUBLISHED: Final = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
_METHOD: Final = "token_endpoint_auth_method"
_TELLS: Final = ("client_secret_basic", "client_secret_post")
"""How we tell the issuer our secret, the first that it takes."""
_SIGNED_BY: Final = "id_token_signing_alg_values_supported"
_MALFORMED: Final = (ValueError, TypeError, LookupError, AttributeError, RuntimeError)
"""What reading an answer that is not what it should be may raise."""


class IssuerSettingError(FlowError):
    """What [pages.oidc] names can't be used."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where, self.reason = where, reason
        self.next_step = f"Correct {where} or take [pages.oidc] out of line.toml; the pages were not started."

    def __str__(self) -> str:
        return f"Signing in through the centre's issuer is not possible: {self.where} {self.reason}."


class UnprovenError(Exception):
    """The issuer has proven nobody; `why` says what was wrong, `kind` what kind of error said so, for the log."""

    def __init__(self, why: IssuerRefusal, kind: str = "") -> None:
        super().__init__(why, kind)
        self.why, self.kind = why, kind


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that the browser was sent to the issuer for: where to, and what its answer must match."""

    url: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


class Issuer:
    """One issuer with this line as its client; `back` is where it sends browsers."""

    def __init__(self, settings: OidcSettings, secret: str, back: str, trusted: ssl.SSLContext | bool = True) -> None:
        self.name, self._settings, self._secret, self._back = settings.issuer, settings, secret, back
        self._trusted = trusted

    async def begin(self) -> Begun:
        """Begin a sign-in. Raises UnprovenError."""
        asked: dict[str, Any] = {"prompt": "login", "max_age": self._settings.max_age_s}
        if self._settings.acr:
            asked["acr_values"] = " ".join(self._settings.acr)
        async with self._client() as client:
            try:
                made = await client.create_authorization_url(self._back, **asked)
                return Begun(made["url"], made["state"], made["nonce"], made["code_verifier"])
            except _MALFORMED as error:
                raise _unproven(IssuerRefusal.DOWN, error) from None

    async def prove(self, begun: Begun, answer: Mapping[str, str]) -> str:
        """Return the staff code of whoever came back with `answer`, the query of the address. Raises UnprovenError."""
        # The state first: what else an answer says that nobody asked for is not looked at.
        if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise UnprovenError(IssuerRefusal.UNASKED)
        if "error" in answer or not answer.get("code") or answer.get("iss", self.name) != self.name:
            raise UnprovenError(IssuerRefusal.ISSUER)
        async with self._client() as client:
            try:
                token = await client.fetch_access_token(
                    self._back, code=answer["code"], code_verifier=begun.verifier, grant_type="authorization_code"
                )
            except _library().error as error:
                raise _unproven(IssuerRefusal.ISSUER, error) from None
            except _MALFORMED as error:
                raise _unproven(IssuerRefusal.TOKEN, error) from None
            # Named here, for the library would ask for the issuer alone.
            named = {"iss": self.name, "aud": self._settings.client_id}
            wanted = {claim: {"essential": True, "value": value} for claim, value in named.items()}
            try:
                said = await client.parse_id_token(token, begun.nonce, claims_options=wanted, leeway=CLOCK_S)
            except (JoseError, _library().error, *_MALFORMED) as error:
                raise _unproven(IssuerRefusal.TOKEN, error) from None
        if said is None:
            raise UnprovenError(IssuerRefusal.TOKEN)
        return self._code(said)

    def _code(self, said: Mapping[str, Any]) -> str:
        shown_s, methods = said.get("auth_time"), said.get("amr") or ()
        recent = isinstance(shown_s, int | float) and shown_s >= time.time() - self._settings.max_age_s - CLOCK_S
        level = not self._settings.acr or said.get("acr") in self._settings.acr
        if not recent or not level or not all(method in methods for method in self._settings.amr):
            raise UnprovenError(IssuerRefusal.WEAK)
        code = staff_code(said.get(self._settings.claim))
        if code is None:
            raise UnprovenError(IssuerRefusal.CODELESS)
        return code

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Any]:
        """The library's client, which knows what the issuer publishes of itself now."""
        client = _library().client(
            None,
            client_id=self._settings.client_id,
            client_secret=self._secret,
            server_metadata_url=f"{self.name}/.well-known/openid-configuration",
            client_kwargs={
                "scope": " ".join(("openid", *self._settings.scopes)),
                "code_challenge_method": "S256",
                "timeout": PATIENCE_S,
                "verify": self._trusted,
                "trust_env": False,
                "follow_redirects": False,
            },
        )
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                try:
                    published = self._checked(await client.load_server_metadata())
                except _MALFORMED as error:
                    raise _unproven(IssuerRefusal.DOWN, error) from None
                client.client_kwargs[_METHOD] = published.pop(_METHOD)
                client.server_metadata = published
                yield client
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise _unproven(IssuerRefusal.DOWN, error) from None

    def _checked(self, metadata: Any) -> dict[str, Any]:
        """What is used of what the issuer publishes: the library would take more settings from it."""
        published = {name: metadata[name] for name in (*_PUBLISHED, "_loaded_at")}
        if published["issuer"] != self.name or not all(crosses_safely(published[name]) for name in _PUBLISHED):
            raise ValueError("not the issuer, or in the clear")
        signed_by = [each for each in metadata.get(_SIGNED_BY, ()) if each in ALGORITHMS] or ["RS256"]
        supported = metadata.get(f"{_METHOD}s_supported") or _TELLS
        tell = next((each for each in _TELLS if each in supported), None)
        if tell is None:
            raise ValueError("takes our secret in no way that we tell it")
        return {**published, _SIGNED_BY: signed_by, _METHOD: tell}


def open_issuer(folder: RunFolder, settings: OidcSettings, back: str) -> Issuer:
    """The issuer of a line, which sends browsers `back` to a path of the pages. Raises IssuerSettingError."""
    where = secret_place(settings.secret_file, settings.secret_environment)
    try:
        secret = kept_secret(
            folder, settings.secret_file, settings.secret_environment, os.environ, longest=LONGEST_SECRET
        )
    except SecretRefusedError as error:
        raise IssuerSettingError(where, error.reason) from None
    if not 1 <= len(secret) <= LONGEST_SECRET or not secret.isprintable():
        raise IssuerSettingError(where, "must hold the client's secret and nothing else")
    trusted: ssl.SSLContext | bool = True  # the public authorities
    if settings.ca_file is not None:
        try:
            trusted = ssl.create_default_context(cafile=folder.path / settings.ca_file)
        except OSError as error:  # ssl's own are among them
            raise IssuerSettingError(settings.ca_file, f"can't be read ({type(error).__name__})") from None
    return Issuer(settings, secret, settings.address + back, trusted)


def _unproven(why: IssuerRefusal, error: BaseException) -> UnprovenError:
    # Its kind alone: its text may quote what the issuer said of somebody.
    return UnprovenError(why, type(error).__name__)


@dataclass(frozen=True, slots=True)
class _Library:
    """Authlib's client and what its errors are."""

    client: Any
    error: type[Exception]


@cache
def _library() -> _Library:
    """Loaded when first used: it warns of the httpx that Prefect brings."""
    with warnings.catch_warnings():
        import authlib.deprecate  # noqa: F401 (puts a filter of its own in front of others)

        warnings.simplefilter("ignore")
        from authlib.common.errors import AuthlibBaseError
        from authlib.integrations.starlette_client import StarletteOAuth2App
    return _Library(StarletteOAuth2App, AuthlibBaseError)
