"""Who is calling: OIDC bearer tokens verified against a JWKS, and what an actor's scope covers."""

import json
import math
import re
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.errors import NotFound, Unauthenticated
from shared.regions import PLACE_UNITS

_log = structlog.get_logger(__name__)

# Asymmetric only: a key set is public, so an HMAC made with it must never verify.
ALGORITHMS = ["ES256", "RS256"]
_ORGANISATION = re.compile(r"(?P<unit>[A-Z]{2,12})@(?P<region>\d{2}|\d{4}|\d{6}|\d{9}|\d{12})\Z")
_TOKEN_LIMIT_BYTES = 8192
_CACHED_TOKENS = 10_000
_KEY_REFRESH_SECONDS = 30.0


class Role(StrEnum):
    """The roles of the `roles` claim."""

    VILLAGE_CADRE = "village_cadre"
    RESIDENT_TEAM = "resident_team"
    HELPER = "helper"
    TOWNSHIP_REVIEWER = "township_reviewer"
    TOWNSHIP_PARTY_SECRETARY = "township_party_secretary"
    DEPT_HANDLER = "dept_handler"
    DEPT_HEAD = "dept_head"
    POVERTY_OFFICE = "poverty_office"
    LEADING_GROUP = "leading_group"
    COUNTY_GOV = "county_gov"
    INSPECTOR = "inspector"
    FINANCE = "finance"
    DISCIPLINE = "discipline"
    PROVINCE_PLATFORM = "province_platform"
    OPS = "ops"
    HOUSEHOLD = "household"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (`sub`) acting for an organisation (`HOUS@511132`) in some roles.

    `expires_at` is when the token that says so expires, in seconds of the real clock (`time.time`):
    whatever goes on for longer than a request ends then. Who acts is the same with another token.
    """

    person: str
    organisation: str
    roles: frozenset[str]
    expires_at: float = field(default=math.inf, compare=False, repr=False)
    unit: str = field(init=False)
    region: str = field(init=False)

    def __post_init__(self) -> None:
        matched = _ORGANISATION.match(self.organisation)
        if matched is None:
            raise Unauthenticated
        object.__setattr__(self, "unit", matched["unit"])
        object.__setattr__(self, "region", matched["region"])

    def has(self, *roles: Role) -> bool:
        """Whether the actor holds one of `roles`."""
        return not self.roles.isdisjoint(roles)

    def covers(self, region: str) -> bool:
        """Whether `region` (a code) lies within the actor's region."""
        return region.startswith(self.region)

    def must_cover(self, region: str) -> None:
        """Raise `NotFound`, not `Forbidden`, outside: foreign ids must not be guessable."""
        if not self.covers(region):
            raise NotFound

    @property
    def is_department(self) -> bool:
        """Whether the organisation is a line department: it sees its own matters, county-wide."""
        return self.unit not in PLACE_UNITS


def system_actor(service: str, region: str) -> Actor:
    """The actor of what a service does by itself (timers, reactions), shown in audit rows."""
    return Actor(person=f"system:{service}", organisation=f"POV@{region[:6]}", roles=frozenset())


class TokenVerifier:
    """Turns bearer tokens into actors. Verified tokens are remembered until they expire.

    Keys come from a JWKS file or URL, read again when a token names an unknown `kid` (at most every
    30 seconds); while the URL is down the last good keys stay in force.
    """

    def __init__(
        self, *, issuer: str, audience: str, jwks_file: Path | None, jwks_url: str | None
    ) -> None:
        self._jwks_file = jwks_file
        self._jwks_url = jwks_url
        self._keys: KeySet | None = None
        self._keys_read_at = float("-inf")
        self._known: OrderedDict[str, Actor] = OrderedDict()
        self._claims = jwt.JWTClaimsRegistry(
            leeway=0,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
            org={"essential": True},
        )

    async def actor(self, authorization: str | None) -> Actor:
        """The actor of an `Authorization` header; `Unauthenticated` for anything doubtful."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _TOKEN_LIMIT_BYTES:
            raise Unauthenticated
        known = self._known.get(token)
        if known is not None:
            if time.time() < known.expires_at:
                return known
            del self._known[token]
        return await self._verify(token)

    async def _verify(self, token: str) -> Actor:
        try:
            claims = await self._claims_of(token)
            self._claims.validate(claims)
            roles = claims.get("roles", [])
            if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
                raise Unauthenticated
            person, organisation = str(claims["sub"]), str(claims["org"])
            actor = Actor(person, organisation, frozenset(roles), int(claims["exp"]))
        except (JoseError, ValueError, TypeError, KeyError):
            raise Unauthenticated from None
        self._known[token] = actor
        if len(self._known) > _CACHED_TOKENS:
            self._known.popitem(last=False)
        return actor

    async def _claims_of(self, token: str) -> dict[str, Any]:
        try:
            return self._decode(token, await self._trusted_keys(refresh=False))
        except (JoseError, ValueError, KeyError):
            # Perhaps the issuer has rotated its keys since they were read.
            if time.monotonic() - self._keys_read_at < _KEY_REFRESH_SECONDS:
                raise
            return self._decode(token, await self._trusted_keys(refresh=True))

    @staticmethod
    def _decode(token: str, keys: KeySet) -> dict[str, Any]:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        if decoded.header.get("typ", "JWT") not in ("JWT", "at+jwt"):
            raise Unauthenticated  # an id token is no access token
        return decoded.claims

    async def _trusted_keys(self, *, refresh: bool) -> KeySet:
        if self._keys is not None and not refresh:
            return self._keys
        self._keys_read_at = time.monotonic()
        try:
            self._keys = KeySet.import_key_set(await self._read_keys())
        except (httpx.HTTPError, OSError, ValueError) as error:
            _log.warning("jwks_unreadable", error=type(error).__name__)
            if self._keys is None:
                raise Unauthenticated from None
        return self._keys

    async def _read_keys(self) -> Any:
        if self._jwks_file is not None:
            return json.loads(self._jwks_file.read_text())
        async with httpx.AsyncClient(timeout=5) as client:
            response = await client.get(self._jwks_url or "")
            response.raise_for_status()
            return response.json()
