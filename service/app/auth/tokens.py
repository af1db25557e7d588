"""Access tokens: the port."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from service.app.auth.actors import User


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that was just issued.

    Attributes:
        text: The token itself: a secret.
        seconds: How long it lives.

    """

    text: str = field(repr=False)
    seconds: int


class AccessTokens(Protocol):
    """Issues and verifies access tokens."""

    def issue(self, user: User) -> AccessToken:
        """Return a new token for *user*."""

    def verify(self, token: str) -> User:
        """Return whom *token* was issued to, or raise `TokenInvalid` or `TokenExpired`."""

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        """Return the public keys that tokens are verified with, as JSON Web Keys (RFC 7517)."""
