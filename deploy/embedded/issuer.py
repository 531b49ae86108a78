"""The stack's own token issuer: ES256 tokens for people who have no identity provider at hand.

There is no mode without authentication; this issuer is what makes that bearable on one machine.
"""

import json
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from shared import clock

ALGORITHM = "ES256"
ISSUER = "bangfu-embedded"
AUDIENCE = "bangfu"
DEFAULT_LIFETIME_SECONDS = int(timedelta(hours=12).total_seconds())


class TokenIssuer:
    """Mints tokens with the key pair kept in `home`/issuer, made on first use (private: 0600)."""

    def __init__(self, home: Path) -> None:
        directory = home / "issuer"
        self.jwks_file = directory / "jwks.json"
        self._private_file = directory / "private.pem"
        self._key = self._load() if self._private_file.exists() else self._generate()

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

    def _load(self) -> ECKey:
        return ECKey.import_key(self._private_file.read_bytes())

    def _generate(self) -> ECKey:
        key = ECKey.generate_key("P-256")
        self.jwks_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        published = {"kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
        public = ECKey.import_key(key.as_dict(private=False), published)
        self.jwks_file.write_text(json.dumps(KeySet([public]).as_dict(private=False)), encoding="utf-8")
        # The private key is written last: its presence says that the pair is complete.
        descriptor = os.open(self._private_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(key.as_pem(private=True))
        return key
