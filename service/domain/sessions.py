"""Sessions: what a user holds between a login and a logout, and how it is handed on.

A refresh token names a session and a step. Each refresh moves the session one step on, and the token of
the step before is good only while its successor may not have arrived (RFC 9700, 4.14.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from service.domain.errors import Unauthenticated
from service.domain.events import Event, EventType

# How long the reply to a refresh may be under way, or lost and asked for again.
GRACE: Final = timedelta(seconds=10)
# A session that is not refreshed ends, and no session lives longer than the second.
IDLE: Final = timedelta(days=30)
LIFETIME: Final = timedelta(days=90)


class RefreshTokenInvalid(Unauthenticated):
    """The refresh token is not valid any more; log in again."""


class RefreshTokenReused(Unauthenticated):
    """The refresh token was used before, so its session has ended; log in again."""


class SessionMoved(Exception):
    """Another refresh of this session came first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login of a user.

    Attributes:
        sessions_version: That of the profile when the session was opened.
        step: How many times it was refreshed.
        moved_by: The message that moved it to this step, if it had an id.
        expires_at: When it ends unless it is refreshed.

    """

    id: UUID
    user_id: UUID
    sessions_version: int
    step: int = 0
    moved_by: str | None = None
    moved_at: datetime
    created_at: datetime
    expires_at: datetime

    @classmethod
    def opened(cls, session_id: UUID, user_id: UUID, sessions_version: int, now: datetime) -> "Session":
        """Return a new session of a user."""
        return cls(
            id=session_id,
            user_id=user_id,
            sessions_version=sessions_version,
            moved_at=now,
            created_at=now,
            expires_at=now + IDLE,
        )

    def refreshed(self, step: int, message_id: str | None, now: datetime) -> "Session":
        """Return the session one step on, for the token of *step*; or itself if that was done just now.

        Raises:
            RefreshTokenInvalid: The session has expired.
            RefreshTokenReused: The token was used before, and not just now: one of two holders stole it.

        """
        if now >= self.expires_at:
            raise RefreshTokenInvalid
        if step == self.step:
            return replace(
                self,
                step=step + 1,
                moved_by=message_id,
                moved_at=now,
                expires_at=min(now + IDLE, self.created_at + LIFETIME),
            )
        is_repeat = message_id is not None and message_id == self.moved_by
        if step == self.step - 1 and (is_repeat or now - self.moved_at <= GRACE):
            return self
        raise RefreshTokenReused


def revoked(session_id: UUID, user_id: UUID, reason: str, now: datetime) -> Event:
    """Return the event that a session ended before its time."""
    return Event(
        type=EventType.SESSION_REVOKED,
        subject=session_id,
        version=1,
        time=now,
        data={"user_id": user_id, "session_ids": [session_id], "reason": reason},
    )


def all_revoked(user_id: UUID, version: int, reason: str, now: datetime, spared: UUID | None) -> Event:
    """Return the event that *version* of a profile ended all sessions of its user, but for a *spared* one."""
    return Event(
        type=EventType.SESSION_REVOKED,
        subject=user_id,
        version=version,
        time=now,
        data={"user_id": user_id, "session_ids": [], "spared_session_id": spared, "reason": reason},
    )


class SessionRepository(Protocol):
    """Where sessions live. Every method may raise `Unavailable`. Those that have ended are not there."""

    async def add(self, session: Session) -> None:
        """Store a new session."""

    async def find(self, session_id: UUID) -> Session | None:
        """Return a session."""

    async def save(self, session: Session) -> None:
        """Store a session over the step before it, or raise `SessionMoved`."""

    async def end(
        self, user_id: UUID, reason: str, now: datetime, *, only: UUID | None = None, but: UUID | None = None
    ) -> Sequence[UUID]:
        """End sessions of a user, all of them or *only* one or all *but* one; return which ended.

        For each of them an event is stored in the same write.
        """

    async def of_user(self, user_id: UUID) -> Sequence[Session]:
        """Return the sessions of a user."""

    async def discard(self, user_id: UUID, before: int) -> Sequence[UUID]:
        """Remove the sessions of a user from *before* a `sessions_version`, without events; return which."""
