"""What a write rests on: that whoever asks still has the session they came with, in the write itself."""

from dataclasses import dataclass
from uuid import UUID

from service.app.auth.actors import Actor, User
from service.app.clock import Clock
from service.domain.errors import Unauthenticated
from service.domain.profile import Profile, ProfileNotFound, ProfileRepository
from service.domain.session import Session, SessionRepository


class SessionEnded(Unauthenticated):
    """The token is good, and its session is revoked."""

    reason = "session_ended"
    message = "The session of this access token has ended; log in again."


@dataclass(frozen=True, slots=True)
class SessionGuard:
    """Tells whether a session is one that its user has now."""

    profiles: ProfileRepository
    sessions: SessionRepository
    clock: Clock

    async def authorizing_profile(self, actor: Actor, about: Profile | None = None) -> Profile | None:
        """Return the profile of *actor*, for a write to rest on; nothing of who is no user.

        The profile is read first and the session after it. If the session ends later than that, or role,
        status or password change, the profile has changed, too: a write that is made onto the profile as it
        was read is refused.

        Args:
            actor: Who asks.
            about: The profile that was just read; perhaps it is that of the actor.

        Raises:
            SessionEnded

        """
        if not isinstance(actor, User):
            return None
        profile = about if about and about.id == actor.id else await self._profile(actor.id)
        session = await self.sessions.find(actor.session)
        if profile is None or session is None or not self.is_good(session, actor, profile):
            raise SessionEnded
        return profile

    async def is_alive(self, user: User) -> bool:
        """Return whether *user* has the session still, whatever happens next."""
        session = await self.sessions.find(user.session)
        profile = session and await self._profile(session.user_id)
        return bool(session and profile and self.is_good(session, user, profile))

    async def user_of(self, session: Session) -> Profile | None:
        """Return the user of *session*, if the session is one that the user still has."""
        profile = await self._profile(session.user_id)
        return profile if profile and _is_of(session, profile) else None

    def is_good(self, session: Session, user: User, profile: Profile) -> bool:
        """Return whether *session*, alive when it was read, is one that *user* has by *profile*."""
        is_mine = session.user_id == user.id and session.expires_at > self.clock.now()
        return is_mine and _is_of(session, profile)

    async def _profile(self, profile_id: UUID) -> Profile | None:
        try:
            return await self.profiles.get(profile_id)
        except ProfileNotFound:
            return None


def _is_of(session: Session, profile: Profile) -> bool:
    return profile.may_log_in and profile.sessions_version == session.sessions_version
