"""Commands for tests of what becomes of commands."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from service.app.auth.actors import TrustedService
from service.app.auth.session_guard import SessionGuard
from service.app.optimistic_update import update_profile
from service.app.request_context import RequestContext
from service.domain.idempotency import IdempotencyKey
from service.domain.post import Post
from service.domain.profile import Profile
from tests.builders import NOON
from tests.fakes.clock import FakeClock
from tests.fakes.profiles import FakeProfiles
from tests.fakes.sessions import FakeSessions

Aggregate = TypeVar("Aggregate", Profile, Post)

LATER = NOON + timedelta(minutes=1)


@dataclass(frozen=True)
class FakeMutation(Generic[Aggregate]):
    """A command that everybody may send, unless it has an *error*."""

    change: Callable[[Aggregate], Aggregate]
    expected_version: int | None = None
    key: IdempotencyKey | None = None
    error: Exception | None = None

    @property
    def context(self) -> RequestContext:
        return RequestContext(TrustedService("hr"), idempotency_key=self.key)

    def authorize(self, _aggregate: Aggregate) -> None:
        if self.error:
            raise self.error

    def apply(self, aggregate: Aggregate, _now: datetime) -> Aggregate:
        return self.change(aggregate)


async def change_profile(
    profiles: FakeProfiles, profile_id: UUID, mutation: FakeMutation[Profile]
) -> tuple[Profile, Profile]:
    """Carry out *mutation* for somebody who needs no session."""
    clock = FakeClock(LATER)
    session_guard = SessionGuard(profiles, FakeSessions(), clock)
    return await update_profile(profiles, session_guard, clock, profile_id, mutation)
