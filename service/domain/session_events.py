"""What is published of the end of sessions."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from service.domain.events import Event, EventType

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def revoked(session_id: UUID, user_id: UUID, reason: str, now: datetime) -> Event:
    """Return the event that a session ended before its time."""
    return Event(
        type=EventType.SESSION_REVOKED,
        subject=session_id,
        version=1,
        time=now,
        data={"user_id": user_id, "session_ids": [session_id], "reason": reason},
    )


def all_revoked(user_id: UUID, version: int, reason: str, now: datetime, kept: UUID | None) -> Event:
    """Return the event that *version* of a profile ended all sessions of its user, but for a *kept* one."""
    return Event(
        type=EventType.SESSION_REVOKED,
        subject=user_id,
        version=version,
        time=now,
        data={
            "user_id": user_id,
            "session_ids": [],
            "spared_session_id": kept,
            "revoked_before": _next_millisecond(now),
            "reason": reason,
        },
    )


def _next_millisecond(now: datetime) -> int:
    """Return the first millisecond since 1970 that is later than *now*: an id made *now* is from before."""
    return (now - _EPOCH) // timedelta(milliseconds=1) + 1
