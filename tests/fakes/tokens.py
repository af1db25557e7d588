"""Access tokens that mean nothing to anybody else."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from service.app.auth.actors import TokenExpired, TokenInvalid, User
from service.app.auth.tokens import AccessToken, AccessTokens, Claims
from tests.builders import NOON

EXPIRES_AT = NOON + timedelta(seconds=600)


class FakeTokens(AccessTokens):
    """Remembers whom it issued a token to. `expire` ends the life of all of them."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}
        self._expired = False

    def issue(self, user: User) -> AccessToken:
        text = f"token.{len(self._users)}.{user.id}"
        self._users[text] = user
        return AccessToken(text, 600)

    def verify(self, token: str, as_of: datetime | None = None) -> Claims:
        if token not in self._users:
            raise TokenInvalid
        if self._expired and (as_of is None or as_of >= EXPIRES_AT):
            raise TokenExpired
        return Claims(self._users[token], EXPIRES_AT)

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        return [{"kty": "OKP", "crv": "Ed25519", "x": "eA", "kid": "key", "alg": "EdDSA", "use": "sig"}]

    def expire(self) -> None:
        self._expired = True
