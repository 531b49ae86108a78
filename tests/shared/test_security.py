"""Until when a token says who is calling."""

import math
import time
from collections.abc import Callable

import pytest

from deploy.embedded.issuer import AUDIENCE, ISSUER, TokenIssuer
from shared.errors import Unauthenticated
from shared.security import Actor, TokenVerifier, system_actor

LIFETIME_SECONDS = 60


@pytest.fixture
def verifier(issuer: TokenIssuer) -> TokenVerifier:
    """A verifier that knows no token yet."""
    return TokenVerifier(
        issuer=ISSUER, audience=AUDIENCE, jwks_file=issuer.jwks_file, jwks_url=None
    )


async def test_an_actor_knows_when_its_token_expires_also_the_second_time(
    verifier: TokenVerifier, issuer: TokenIssuer
) -> None:
    earliest = int(time.time()) + LIFETIME_SECONDS
    token = issuer.mint("p", "POV@511132", ["inspector"], LIFETIME_SECONDS)
    latest = int(time.time()) + LIFETIME_SECONDS
    actors = [await verifier.actor(f"Bearer {token}") for _ in range(2)]
    assert all(earliest <= actor.expires_at <= latest for actor in actors)


async def test_a_remembered_token_is_refused_from_the_second_on_at_which_it_expires(
    verifier: TokenVerifier, issuer: TokenIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = f"Bearer {issuer.mint('p', 'POV@511132', [], LIFETIME_SECONDS)}"
    expires_at = (await verifier.actor(header)).expires_at
    monkeypatch.setattr(time, "time", _standing_at(expires_at - 0.001))
    assert (await verifier.actor(header)).expires_at == expires_at
    monkeypatch.setattr(time, "time", _standing_at(expires_at))
    with pytest.raises(Unauthenticated):
        await verifier.actor(header)


def _standing_at(seconds: float) -> Callable[[], float]:
    return lambda: seconds


def test_who_acts_is_the_same_with_another_token() -> None:
    one, other = (Actor("p", "POV@511132", frozenset(), expires_at=at) for at in (1.0, 2.0))
    assert one == other
    assert len({one, other}) == 1


def test_what_a_service_does_by_itself_ends_with_no_token() -> None:
    assert system_actor("notify", "511132201").expires_at == math.inf
