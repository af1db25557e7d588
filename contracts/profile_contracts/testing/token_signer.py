"""Access tokens of the fake: JWTs that `TokenVerifier` and every library can verify."""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID, uuid4

from profile_contracts.auth import JsonWebKey
from profile_contracts.profiles import Role
from profile_contracts.testing.ed25519 import SigningKey


class Holder(Protocol):
    """Whom a token is for."""

    @property
    def id(self) -> UUID:
        """The user."""

    @property
    def role(self) -> Role:
        """The role of the user."""

    @property
    def session_id(self) -> UUID:
        """The session."""

    @property
    def with_code(self) -> bool:
        """Whether a code of a second factor was shown."""


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """Signs access tokens.

    Attributes:
        issuer, audience: What `iss` and `aud` say.
        lifetime: From issue to expiry, in seconds.

    """

    issuer: str
    audience: str
    lifetime: int
    key: SigningKey = field(default_factory=lambda: SigningKey.of(secrets.token_bytes(32)), repr=False)

    @property
    def public_key(self) -> JsonWebKey:
        """The public key, named by its RFC 7638 thumbprint."""
        x = _base64(self.key.public)
        thumbprint = sha256(_compact({"crv": "Ed25519", "kty": "OKP", "x": x})).digest()
        return JsonWebKey(x=x, kid=_base64(thumbprint))

    def issue(self, holder: Holder, now: datetime) -> tuple[str, int]:
        """Return a new token for *holder*, and when it expires, in seconds since 1970."""
        issued_at = int(now.timestamp())
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.public_key.kid}
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(holder.id),
            "sid": str(holder.session_id),
            "role": holder.role.value,
            "amr": ["pwd", "otp"] if holder.with_code else ["pwd"],
            "iat": issued_at,
            "exp": issued_at + self.lifetime,
            "jti": str(uuid4()),
        }
        signed = f"{_base64(_compact(header))}.{_base64(_compact(claims))}"
        return f"{signed}.{_base64(self.key.sign(signed.encode()))}", issued_at + self.lifetime


def _compact(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
