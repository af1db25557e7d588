"""Access tokens as signed JWTs (RFC 9068), Ed25519 only."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

import jwt

from service.app.auth.actors import TokenExpired, TokenInvalid, User
from service.app.auth.tokens import AccessToken, AccessTokens, Claims
from service.app.clock import Clock
from service.domain.profile import Role
from service.infrastructure.security.keyring import Keyring

_ALGORITHM: Final = "EdDSA"
_TYPE: Final = "at+jwt"  # RFC 9068, 2.1: no other kind of JWT passes for an access token
_REQUIRED: Final = ["iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"]
# How the user has logged in, in `amr` (RFC 8176).
_PASSWORD, _CODE = "pwd", "otp"
_MAX_LENGTH: Final = 4096
# The clock of the worker that issued a token may be so far behind ours (RFC 7519, 4.1.4), if that is little
# beside the life of a token.
_SKEW: Final = timedelta(seconds=30)
_LITTLE: Final = 20
# Tokens that are remembered: some megabytes.
_MOST_VERIFIED: Final = 10_000


class JwtAccessTokens(AccessTokens):
    """Signs with one key of the ring and verifies with any.

    Args:
        keyring: The keys.
        issuer, audience: What `iss` and `aud` say, and have to say.
        lifetime: From issue to expiry.

    """

    def __init__(
        self, keyring: Keyring, clock: Clock, issuer: str, audience: str, lifetime: timedelta
    ) -> None:
        self._keyring = keyring
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._leeway = min(_SKEW, lifetime / _LITTLE)
        # What genuine tokens said, by digests of them, and by which key. To verify a signature costs as much
        # as all the rest of a read.
        self._verified: dict[bytes, tuple[str, Claims]] = {}

    def issue(self, user: User) -> AccessToken:
        """Return a new token for *user*."""
        now = self._clock.now()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user.id),
            "sid": str(user.session),
            "role": user.role.value,
            "amr": [_PASSWORD, _CODE] if user.with_code else [_PASSWORD],
            "iat": now,
            "exp": now + self._lifetime,
            "jti": uuid4().hex,
        }
        signer = self._keyring.signer
        headers = {"kid": signer.kid, "typ": _TYPE}
        text = jwt.encode(claims, signer.private, _ALGORITHM, headers)
        return AccessToken(text, int(self._lifetime.total_seconds()))

    def verify(self, token: str, as_of: datetime | None = None) -> Claims:
        """Return what *token* says, or raise `TokenInvalid` or `TokenExpired`.

        Its end is judged *as_of* a time; now, if none is given.
        """
        kid, claims = self._genuine(token)
        if self._keyring.find(kid) is None:
            raise TokenInvalid
        if claims.expires_at <= (as_of or self._clock.now()) - self._leeway:
            raise TokenExpired
        return claims

    def _genuine(self, token: str) -> tuple[str, Claims]:
        """Return by which key *token* is signed, and what it says, be its time over."""
        if len(token) > _MAX_LENGTH:
            raise TokenInvalid
        digest = sha256(token.encode(errors="surrogatepass")).digest()
        if not (known := self._verified.get(digest)):
            known = self._decode(token)
            if len(self._verified) >= _MOST_VERIFIED:
                self._verified.pop(next(iter(self._verified)))
            self._verified[digest] = known
        return known

    def _decode(self, token: str) -> tuple[str, Claims]:
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid", "")
            claims = self._claims(token, kid, header.get("typ"))
            user = User(
                UUID(claims["sub"]),
                Role(claims["role"]),
                UUID(str(claims["sid"])),
                # Tokens of the version before have no `amr`.
                with_code=_CODE in set(claims.get("amr", ())),
            )
            return kid, Claims(user, datetime.fromtimestamp(int(claims["exp"]), UTC))
        except (jwt.InvalidTokenError, TypeError, ValueError, OverflowError) as error:
            raise TokenInvalid from error

    def _claims(self, token: str, kid: str, typ: object) -> dict[str, Any]:
        key = self._keyring.find(kid)
        if key is None or typ != _TYPE:
            raise TokenInvalid
        return jwt.decode(
            token,
            key.private.public_key(),
            algorithms=[_ALGORITHM],
            audience=self._audience,
            issuer=self._issuer,
            leeway=self._leeway,
            # Not `iat`: it would refuse the new token of a worker whose clock is ahead of ours. `exp` is
            # looked at each time.
            options={"require": _REQUIRED, "verify_iat": False, "verify_exp": False},
        )

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        """Return the public keys that tokens are verified with."""
        return [key.public_jwk() for key in self._keyring.keys]
