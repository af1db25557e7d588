"""Change the password of the user who asks."""

from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from service.app.auth.actors import User, former_user
from service.app.auth.passwords import InvalidCredentials, Passwords
from service.app.auth.permissions import require_user
from service.app.auth.session_guard import SessionEnded, SessionGuard
from service.app.auth.sessions import LoggedIn, Sessions, new_session_id
from service.app.clock import Clock
from service.app.idempotency import find_own_last
from service.app.optimistic_update import WriteContention
from service.app.request_context import RequestContext
from service.domain.errors import StaleVersion
from service.domain.idempotency import IdempotencyKey, MessageIdReused
from service.domain.profile import Profile, ProfileRepository

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Change the password; all sessions end, and a new one begins."""

    context: RequestContext
    current_password: str = field(repr=False)
    new_password: str = field(repr=False)


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
        if repeated := await find_own_last(self.profiles, context, former_user(actor)):
            return await self._log_in_again(repeated, command)
        user = require_user(actor)
        try:
            return await self._change(user, command)
        except (SessionEnded, InvalidCredentials):
            # Perhaps by this very command, just now, on another worker.
            if repeated := await find_own_last(self.profiles, context, user):
                return await self._log_in_again(repeated, command)
            raise

    async def _change(self, user: User, command: ChangePassword) -> LoggedIn:
        profile = await self.profiles.get(user.id)
        attempt = command.context.attempt(profile.email.key)
        authorized_by = await self.passwords.verify_credentials(command.current_password, profile, attempt)
        words = authorized_by.personal_words
        hashed = await self.passwords.hash_new(command.new_password, words, "new_password")
        session_id = new_session_id(authorized_by, self.clock.now())
        with_code = await self.sessions.has_code(user)
        after = await self._save(user, hashed, session_id, command.context.idempotency_key)
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

    async def _save(self, user: User, hashed: str, session_id: UUID, key: IdempotencyKey | None) -> Profile:
        """Store the new hash, if *user* has the session still.

        A session ends with the password that it was opened by. So if it is there, the password that was shown
        is the current one.
        """
        for _ in range(_ATTEMPTS):
            before = await self.profiles.get(user.id)
            await self.session_guard.authorizing_profile(user, before)
            changed = before.with_password(hashed, session_id, self.clock.now())
            after = replace(changed, idempotency_key=key)
            try:
                await self.profiles.save(after)
            except StaleVersion:
                await self._ensure_unused(key, user.id)
                continue
            return after
        raise WriteContention

    async def _ensure_unused(self, key: IdempotencyKey | None, user_id: UUID) -> None:
        """Raise `MessageIdReused` if another command of this user came under the name of *key*.

        The same command, at the same time, has ended the session: the next attempt says so.
        """
        if key is None:
            return
        processed = await self.profiles.find_processed(user_id, key)
        if processed and not processed.is_of(key):
            raise MessageIdReused
