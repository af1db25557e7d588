"""Sessions: what a user holds between a login and a logout, and how it is handed on.

A refresh token names a session and a generation. Each refresh rotates it. The token of the generation before
gets the same successor again, however late, until that is used: then it has arrived, and whoever comes with
its parent is another holder (RFC 9700, 4.14.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from service.domain.errors import Unauthenticated
from service.domain.profile import Profile

# A session that is not refreshed ends, and no session lives longer than the second.
IDLE_TIMEOUT: Final = timedelta(days=30)
LIFETIME: Final = timedelta(days=90)


class RefreshTokenInvalid(Unauthenticated):
    """It is none of ours, or its session has ended or expired."""

    reason = "refresh_token_invalid"
    message = "The refresh token is not valid any more; log in again."


class RefreshTokenReused(Unauthenticated):
    """One of two holders of a refresh token stole it."""

    reason = "refresh_token_reused"
    message = (
        "The refresh token was used before, and so was the one after it; its session has ended: log in again."
    )


class RefreshConflict(Exception):
    """Another refresh of this session came first."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where somebody logs in from, as a trusted service says: for the user to know the session by.

    Attributes:
        client_network: An IPv4 address, or the first 64 bits of one of IPv6.
        user_agent: What the program calls itself that the user has there.

    """

    client_network: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login of a user.

    Attributes:
        sessions_version: That of the profile when the session was opened.
        generation: How many times it was refreshed.
        rotated_at: When it was last.
        expires_at: When it ends unless it is refreshed.
        origin: Where it was opened from.
        with_code: Whether a code of a second factor was shown in it, or by the login that opened it.

    """

    id: UUID
    user_id: UUID
    sessions_version: int
    generation: int = 0
    rotated_at: datetime
    created_at: datetime
    expires_at: datetime
    origin: Origin = Origin()
    with_code: bool = False

    @classmethod
    def opened(
        cls,
        session_id: UUID,
        user_id: UUID,
        sessions_version: int,
        now: datetime,
        origin: Origin = Origin(),
        *,
        with_code: bool = False,
    ) -> "Session":
        """Return a new session of a user."""
        return cls(
            id=session_id,
            user_id=user_id,
            sessions_version=sessions_version,
            rotated_at=now,
            created_at=now,
            expires_at=now + IDLE_TIMEOUT,
            origin=origin,
            with_code=with_code,
        )

    def refreshed(self, generation: int, now: datetime) -> "Session":
        """Return the next generation, for the token of *generation*; or itself, if its successor is unused.

        Raises:
            RefreshTokenInvalid: The session has expired.
            RefreshTokenReused: The token was used, and so was its successor: one of two holders stole it.

        """
        if now >= self.expires_at:
            raise RefreshTokenInvalid
        if generation == self.generation - 1:
            return self
        if generation != self.generation:
            raise RefreshTokenReused
        expires_at = min(now + IDLE_TIMEOUT, self.created_at + LIFETIME)
        return replace(self, generation=generation + 1, rotated_at=now, expires_at=expires_at)


class SessionRepository(Protocol):
    """Where sessions live. Every method may raise `Unavailable`. Those that have ended are not there."""

    async def add(self, session: Session) -> None:
        """Store a new session."""

    async def find(self, session_id: UUID) -> Session | None:
        """Return a session."""

    async def save(self, session: Session) -> None:
        """Store a session over the generation before it, or raise `RefreshConflict`.

        A code that was noted meanwhile stays.
        """

    async def confirm(self, session: Session) -> None:
        """Return once it is certain that a session stays at its generation, or raise `RefreshConflict`.

        It was read from a primary, which may be about to lose what it has stored last.
        """

    async def note_code(self, session_id: UUID) -> None:
        """Note that a code of a second factor was shown in a session, if it is there."""

    async def end(
        self,
        user_id: UUID,
        reason: str,
        now: datetime,
        *,
        session_id: UUID | None = None,
        except_id: UUID | None = None,
        limit: int = 0,
        authorized_by: Profile | None = None,
    ) -> Sequence[UUID]:
        """End sessions of a user: all, one, or all except one; at most so many, if not 0. Return them.

        For each of them an event is stored in the same write.

        Raises:
            AuthorizationChanged: What was *authorized_by*, that of whoever asks, may not hold any more.

        """

    async def of_user(self, user_id: UUID) -> Sequence[Session]:
        """Return the sessions of a user."""

    async def remove(self, session_id: UUID) -> None:
        """Remove a session that nobody has been told of, without an event."""

    async def discard(self, user_id: UUID, before: int) -> Sequence[UUID]:
        """Remove the sessions of a user from *before* a `sessions_version`, without events; return which."""
