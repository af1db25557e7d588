"""What is known of sessions that have ended.

Numbers that only grow stand for the order in which things were heard and asked. What the service was asked
for is worth something until something newer casts doubt on it.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import count
from time import time
from typing import Final, TypeVar
from uuid import UUID

from profile_contracts.events import Event, SessionRevoked
from profile_contracts.verifier.tokens import AccessClaims, milliseconds_of

# Clocks of workers and gateways may be so far apart, and a login or another request of the service takes no
# longer: what is within that of an event may be from before or after it.
_UNCERTAIN_SECONDS: Final = 30
# Some twenty megabytes at most.
_MOST: Final = 100_000

Name = TypeVar("Name")
Value = TypeVar("Value")


class Session(Enum):
    """What is known of a session."""

    ALIVE = auto()
    ENDED = auto()
    UNCERTAIN = auto()


@dataclass(frozen=True, slots=True)
class _Ended:
    """One session of its own, or all sessions of a user that were opened *before*, but for a *kept* one."""

    number: int
    heard_at: float
    before: int = 0
    kept: UUID | None = None


class Revocations:
    """Remembers what `auth.session_revoked` has said, and what `auth.verify` has confirmed since.

    Args:
        most: How many sessions and users are remembered. With more, the service is asked about older tokens.
        now: The clock, in seconds since 1970.

    """

    def __init__(self, most: int = _MOST, now: Callable[[], float] = time) -> None:
        self._most = most
        self._now = now
        self._numbers = count(1)
        self._ended: OrderedDict[UUID, _Ended] = OrderedDict()  # by sessions and users: no id is both
        self._confirmed: OrderedDict[UUID, int] = OrderedDict()
        self._refused: OrderedDict[str, None] = OrderedDict()  # tokens, by their names
        self._complete_since = 0.0
        self._gap = next(self._numbers)
        self.note_gap()

    def number(self) -> int:
        """Return the number of what happens now."""
        return next(self._numbers)

    def note_gap(self) -> None:
        """Take into account that sessions may have ended unheard until now."""
        self._gap, self._complete_since = self.number(), self._now()

    def note(self, event: Event[SessionRevoked]) -> None:
        """Remember the sessions that *event* has ended."""
        said = event.data
        for each in said.session_ids:
            self._record(each, _Ended(self.number(), self._now()))
        if not said.session_ids:
            # Services of 0.1.0 don't say it.
            before = said.revoked_before or int(event.time.timestamp() * 1000) + 1
            ended = _Ended(self.number(), self._now(), before, said.spared_session_id)
            known = self._ended.get(said.user_id)
            if known and known.before > before:  # an older event, that has come late or again
                ended = replace(ended, before=known.before, kept=known.kept)
            self._record(said.user_id, ended)

    def confirm(self, session_id: UUID, number: int) -> None:
        """Remember that the session was alive, as the service says who was asked at *number*."""
        self._put(self._confirmed, session_id, number)

    def refuse(self, claims: AccessClaims) -> None:
        """Remember that the service does not take the token: no token that it refuses gets good again."""
        self._put(self._refused, claims.jti, None)

    def state_of(self, claims: AccessClaims) -> Session:
        """Return what is known of the session of a genuine token."""
        if claims.sid in self._ended or claims.jti in self._refused:
            return Session.ENDED
        doubt = 0
        if (all_ended := self._ended.get(claims.sub)) and claims.sid != all_ended.kept:
            opened = milliseconds_of(claims.sid)
            if opened < all_ended.before:
                return Session.ENDED
            if opened < all_ended.before + _UNCERTAIN_SECONDS * 1000:
                doubt = all_ended.number
        if claims.iat < self._complete_since + _UNCERTAIN_SECONDS:
            doubt = max(doubt, self._gap)
        return Session.ALIVE if self._confirmed.get(claims.sid, 0) >= doubt else Session.UNCERTAIN

    def _record(self, name: UUID, ended: _Ended) -> None:
        forgotten = self._put(self._ended, name, ended)
        if forgotten:
            self._complete_since = max(self._complete_since, forgotten.heard_at)
            self._gap = max(self._gap, forgotten.number)

    def _put(self, known: OrderedDict[Name, Value], name: Name, value: Value) -> Value | None:
        """Put a value at the end; return the oldest one, if there was no room for it any more."""
        known[name] = value
        known.move_to_end(name)
        return known.popitem(last=False)[1] if len(known) > self._most else None
