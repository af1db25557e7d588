"""The use cases of operators, as `profilectl` carries them out."""

from typing import Final

from service.app.auth.actors import TrustedService
from service.app.auth.session_guard import SessionGuard
from service.app.clock import Clock
from service.app.commands.erase_profile import EraseProfileHandler
from service.app.commands.restore_profile import RestoreProfileHandler
from service.app.request_context import RequestContext
from service.domain.profile import ProfileRepository
from service.domain.session import SessionRepository
from service.infrastructure.memory.session_status_cache import NullSessionCache
from tests.fakes.sessions import FakeSessions

OPERATOR: Final = RequestContext(TrustedService("profilectl"))


def eraser(profiles: ProfileRepository, sessions: SessionRepository, clock: Clock) -> EraseProfileHandler:
    """Return what erases profiles."""
    guard = SessionGuard(profiles, sessions, clock)
    return EraseProfileHandler(profiles, sessions, NullSessionCache(), guard, clock)


def restorer(profiles: ProfileRepository, clock: Clock) -> RestoreProfileHandler:
    """Return what brings profiles back."""
    return RestoreProfileHandler(profiles, SessionGuard(profiles, FakeSessions(), clock), clock)
