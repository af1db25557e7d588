"""SessionGuard for tests that are about something else than sessions."""

from service.app.auth.actors import Actor, User
from service.app.auth.session_guard import SessionGuard
from service.domain.profile import Profile
from tests.fakes.clock import FakeClock
from tests.fakes.profiles import FakeProfiles
from tests.fakes.sessions import FakeSessions


class TrustingSessionGuard(SessionGuard):
    """Takes users at their word who never logged in here; whoever did needs the session still."""

    async def authorizing_profile(self, actor: Actor, about: Profile | None = None) -> Profile | None:
        known = self.sessions.ever if isinstance(self.sessions, FakeSessions) else set()
        if isinstance(actor, User) and actor.session not in known:
            return None
        return await super().authorizing_profile(actor, about)


def trusting() -> SessionGuard:
    """Return a guard of nobody's session."""
    return TrustingSessionGuard(FakeProfiles(), FakeSessions(), FakeClock())
