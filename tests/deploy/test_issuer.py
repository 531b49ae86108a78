"""The stack's own issuer: services take its tokens, and no others."""

import json
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from deploy.embedded.issuer import ALGORITHM, AUDIENCE, ISSUER, TokenIssuer
from shared.errors import Unauthenticated
from shared.security import TokenVerifier


def verifier(issuer: TokenIssuer) -> TokenVerifier:
    """What a service that trusts `issuer` checks tokens with."""
    return TokenVerifier(
        issuer=ISSUER, audience=AUDIENCE, jwks_file=issuer.jwks_file, jwks_url=None
    )


async def test_a_service_takes_a_token_and_knows_who_calls(tmp_path: Path) -> None:
    issuer = TokenIssuer(tmp_path)
    token = issuer.mint("li", "HOUS@511132", ["dept_handler", "dept_head"])
    actor = await verifier(issuer).actor(f"Bearer {token}")
    assert (actor.person, actor.organisation) == ("li", "HOUS@511132")
    assert actor.roles == {"dept_handler", "dept_head"}


async def test_an_expired_token_is_refused(tmp_path: Path) -> None:
    issuer = TokenIssuer(tmp_path)
    token = issuer.mint("li", "HOUS@511132", [], lifetime_seconds=-1)
    with pytest.raises(Unauthenticated):
        await verifier(issuer).actor(f"Bearer {token}")


def test_a_token_of_another_key_is_refused(tmp_path: Path) -> None:
    issuer, other = TokenIssuer(tmp_path / "ours"), TokenIssuer(tmp_path / "other")
    keys = KeySet.import_key_set(json.loads(issuer.jwks_file.read_text()))
    forged = other.mint("li", "HOUS@511132", ["ops"])
    with pytest.raises(BadSignatureError):
        jwt.decode(forged, keys.keys[0], algorithms=[ALGORITHM])


def test_the_key_pair_is_made_once_and_the_private_half_is_private(tmp_path: Path) -> None:
    first = TokenIssuer(tmp_path)
    published = first.jwks_file.read_text()
    token = TokenIssuer(tmp_path).mint("li", "HOUS@511132", [])
    keys = KeySet.import_key_set(json.loads(published))
    assert jwt.decode(token, keys, algorithms=[ALGORITHM]).claims["sub"] == "li"
    assert (tmp_path / "issuer" / "private.pem").stat().st_mode & 0o777 == 0o600
    assert set(json.loads(published)["keys"][0]) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
