"""List the sessions that a user has: where somebody is logged in."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from service.app.auth.actors import Actor, User
from service.app.auth.permissions import Action, authorize, require_user
from service.app.clock import Clock
from service.domain.profile import ProfileRepository
from service.domain.session import Session, SessionRepository


@dataclass(frozen=True, slots=True)
class ListSessions:
    """List the sessions of a user: of whoever asks, if nobody is named."""

    actor: Actor
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ListSessionsHandler:
    """Answers `ListSessions`."""

    profiles: ProfileRepository
    sessions: SessionRepository
    clock: Clock

    async def handle(self, query: ListSessions) -> Sequence[Session]:
        """Return them, the one that was used last first, or raise `ProfileNotFound`."""
        user_id = query.user_id or require_user(query.actor).id
        authorize(Action.SEE_SESSIONS, query.actor, user_id)
        profile, now = await self.profiles.get(user_id), self.clock.now()
        alive = [
            each
            for each in await self.sessions.of_user(user_id)
            if each.sessions_version == profile.sessions_version and each.expires_at > now
        ]
        return sorted(alive, key=lambda each: (each.rotated_at, each.id), reverse=True)


def is_current(session: Session, actor: Actor) -> bool:
    """Return whether *actor* asks in that session."""
    return isinstance(actor, User) and actor.session == session.id
