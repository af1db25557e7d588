"""Change the password of the user who asks."""

from dataclasses import dataclass, field
from functools import partial

from service.app.auth.actors import User, former_user
from service.app.auth.passwords import InvalidCredentials, Passwords
from service.app.auth.permissions import require_user
from service.app.auth.session_guard import SessionEnded, SessionGuard
from service.app.auth.sessions import LoggedIn, Sessions, new_session_id
from service.app.clock import Clock
from service.app.idempotency import find_processed_profile
from service.app.optimistic_update import ProfileMutation, update_profile
from service.app.request_context import RequestContext
from service.domain.profile import Profile, ProfileRepository


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Change the password; all sessions end, and a new one begins."""

    context: RequestContext
    current_password: str = field(repr=False)
    new_password: str = field(repr=False)


class _Repeated(Exception):
    """This very command was carried out before, just now, on another worker."""

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.profile = profile


@dataclass(frozen=True, slots=True)
class ChangePasswordHandler:
    """Carries out `ChangePassword`."""

    profiles: ProfileRepository
    passwords: Passwords
    sessions: Sessions
    session_guard: SessionGuard
    clock: Clock

    async def handle(self, command: ChangePassword) -> LoggedIn:
        """Return the tokens of a new session; all sessions before it have ended."""
        actor, context = command.context.actor, command.context
        former = former_user(actor)
        if former and (repeated := await find_processed_profile(self.profiles, former.id, context)):
            return await self._log_in_again(repeated, command)
        user = require_user(actor)
        try:
            return await self._change(user, command)
        except _Repeated as repetition:
            repeated = repetition.profile
        except (SessionEnded, InvalidCredentials):
            # Perhaps by this very command, just now, on another worker.
            repeated = await find_processed_profile(self.profiles, user.id, context)
            if repeated is None:
                raise
        return await self._log_in_again(repeated, command)

    async def _change(self, user: User, command: ChangePassword) -> LoggedIn:
        profile = await self.profiles.get(user.id)
        attempt = command.context.attempt(profile.email.key)
        authorized_by = await self.passwords.verify_credentials(command.current_password, profile, attempt)
        words = authorized_by.personal_words
        hashed = await self.passwords.hash_new(command.new_password, words, "new_password")
        session_id = new_session_id(authorized_by, self.clock.now())
        with_code = await self.sessions.has_code(user)
        # A session ends with the password that it was opened by. Nothing is saved unless the session is there
        # still, and then the password that was shown is the current one.
        change = ProfileMutation(
            command.context,
            lambda _: None,
            partial(Profile.with_password, hashed=hashed, session_id=session_id),
        )
        before, after = await update_profile(self.profiles, self.session_guard, self.clock, user.id, change)
        if before is after:
            raise _Repeated(after)
        await self.sessions.discard(after)
        return await self.sessions.open(after, session_id, command.context.origin, with_code=with_code)

    async def _log_in_again(self, profile: Profile, command: ChangePassword) -> LoggedIn:
        """Open another session: who can open the one before, if its tokens were lost?"""
        attempt = command.context.attempt(profile.email.key)
        await self.passwords.verify_credentials(command.new_password, profile, attempt)
        actor = command.context.actor
        user = actor if isinstance(actor, User) else former_user(actor)
        with_code = user is not None and user.with_code
        return await self.sessions.open(profile, origin=command.context.origin, with_code=with_code)
