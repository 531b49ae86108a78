"""The stack's own token issuer: ES256 tokens for people who have no identity provider at hand.

There is no mode without authentication; this issuer is what makes that bearable on one machine.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.embedded.home import keep_secret
from shared import clock

ALGORITHM = "ES256"
ISSUER = "bangfu-embedded"
AUDIENCE = "bangfu"
DEFAULT_LIFETIME_SECONDS = int(timedelta(hours=12).total_seconds())


class TokenIssuer:
    """Mints tokens with the key pair kept in `home`/issuer, made on first use (private: 0600)."""

    def __init__(self, home: Path) -> None:
        directory = home / "issuer"
        pem = keep_secret(directory / "private.pem", _new_key)
        self._key = ECKey.import_key(pem)
        self.jwks_file = directory / "jwks.json"
        public = self._key.as_dict(private=False)
        published = {"kid": self._key.thumbprint(), "use": "sig", "alg": ALGORITHM}
        jwks = json.dumps({"keys": [public | published]})
        if not self.jwks_file.exists() or self.jwks_file.read_text(encoding="utf-8") != jwks:
            self.jwks_file.write_text(jwks, encoding="utf-8")

    def mint(
        self,
        subject: str,
        org: str,
        roles: Sequence[str],
        lifetime_seconds: int = DEFAULT_LIFETIME_SECONDS,
    ) -> str:
        """A signed JWT for `subject`, acting for `org` (`HOUS@511132`) with `roles`."""
        issued_at = int(clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": issued_at,
            "exp": issued_at + lifetime_seconds,
            "org": org,
            "roles": list(roles),
        }
        header = {"alg": ALGORITHM, "kid": self._key.thumbprint(), "typ": "JWT"}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


def _new_key() -> bytes:
    return ECKey.generate_key("P-256").as_pem(private=True)
