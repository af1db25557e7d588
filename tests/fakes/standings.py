"""Standings for tests that are about something else than sessions."""

from service.app.auth.actors import Actor, User
from service.app.auth.standing import Standings
from service.domain.profile import Profile
from tests.fakes.sessions import FakeSessions


class TrustingStandings(Standings):
    """Takes users at their word who never logged in here; whoever did needs the session still."""

    async def of(self, actor: Actor, about: Profile | None = None) -> Profile | None:
        known = self.sessions.ever if isinstance(self.sessions, FakeSessions) else set()
        if isinstance(actor, User) and actor.session not in known:
            return None
        return await super().of(actor, about)
