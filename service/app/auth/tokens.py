"""Access tokens and refresh tokens: the ports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

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


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine access token says. Whether its session is still alive, it can't say."""

    user: User
    expires_at: datetime


class AccessTokens(Protocol):
    """Issues and verifies access tokens."""

    def issue(self, user: User) -> AccessToken:
        """Return a new token for *user*."""

    def verify(self, token: str, as_of: datetime | None = None) -> Claims:
        """Return what *token* says, or raise `TokenInvalid` or `TokenExpired`.

        Its end is judged *as_of* a time; now, if none is given.
        """

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        """Return the public keys that tokens are verified with, as JSON Web Keys (RFC 7517)."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where a user has logged in before."""

    user_id: UUID
    id: UUID


class DeviceTokens(Protocol):
    """Writes and reads device tokens. They let nobody in: they only have a budget of wrong passwords."""

    def issue(self, device: Device) -> str:
        """Return a token for *device*."""

    def read(self, token: str) -> Device | None:
        """Return the device that *token* was issued to, or `None` if it is not good, for whatever reason."""


class RefreshTokens(Protocol):
    """Writes and reads refresh tokens. They are not stored: only whoever has the key can make one."""

    def issue(self, session_id: UUID, generation: int) -> str:
        """Return the token of a session at a step; always the same one."""

    def read(self, token: str) -> tuple[UUID, int]:
        """Return session and step, or raise `RefreshTokenInvalid`."""
