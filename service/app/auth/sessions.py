"""Opening sessions, ending them, and telling whether one is alive."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from service.app.auth.actors import User
from service.app.auth.passwords import InvalidCredentials
from service.app.auth.session_guard import SessionEnded, SessionGuard
from service.app.auth.tokens import AccessToken, AccessTokens, RefreshTokens
from service.app.clock import Clock
from service.app.ids import new_id
from service.app.optimistic_update import authorized_write
from service.domain.errors import Unavailable
from service.domain.profile import CLOCKS_APART, Profile, ProfileRepository, Role
from service.domain.session import (
    Origin,
    RefreshTokenInvalid,
    RefreshTokenReused,
    Session,
    SessionRepository,
)

# How many sessions end by one write to the database; and how many a login ends, which somebody waits for.
_BATCH: Final = 1_000
_AT_LOGIN: Final = 10


def new_session_id(profile: Profile, now: datetime) -> UUID:
    """Return the id of a session that begins now, or after what has last happened to its user.

    Gateways compare its time with that of an event which ends all sessions before it (`revoked_before`): a
    worker whose clock is ahead may have said so, and this session begins after it.
    """
    after = profile.updated_at + timedelta(milliseconds=1)
    return new_id(max(now, min(after, now + CLOCKS_APART)))


class SessionStatusCache(Protocol):
    """Remembers for a moment which sessions are alive, and longer which are not. Never raises.

    It may forget anything at any time: the truth is in the repositories.
    """

    async def get(self, session_id: UUID) -> bool | None:
        """Return whether the session is alive, or `None` if that is not known."""

    async def mark_alive(self, session_id: UUID) -> None:
        """Remember for less than a second that it is alive, unless it is known that it has ended."""

    async def mark_ended(self, session_ids: Sequence[UUID]) -> None:
        """Remember that these have ended, for longer than any access token lives."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """What a user gets who has just shown a password or a refresh token.

    Attributes:
        device_token: For the next login from there; only a login gives one.

    """

    user_id: UUID
    access_token: AccessToken
    refresh_token: str = field(repr=False)
    device_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens, checks and ends sessions.

    Attributes:
        max_sessions: How many a user may have; one more ends the oldest.
        second_factor_for: The roles whose users need a second factor.

    """

    profiles: ProfileRepository
    sessions: SessionRepository
    session_cache: SessionStatusCache
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    session_guard: SessionGuard
    clock: Clock
    max_sessions: int
    second_factor_for: frozenset[Role]

    async def open(
        self,
        profile: Profile,
        session_id: UUID | None = None,
        origin: Origin = Origin(),  # noqa: B008 - it is frozen
        former_token: str | None = None,
        *,
        with_code: bool = False,
    ) -> LoggedIn:
        """Open a session for the user of *profile*, who may have shown a code of a second factor.

        It takes the place of that of a former refresh token.

        Raises:
            InvalidCredentials: It would have ended already, with all others of this user.

        """
        now = self.clock.now()
        session = Session.opened(
            session_id or new_session_id(profile, now),
            profile.id,
            profile.sessions_version,
            now,
            origin,
            with_code=with_code,
        )
        await self.sessions.add(session)
        if await self.session_guard.user_of(session) is None:
            # Somebody has ended all of them since the password was looked at, or erased the user: of such a
            # login nothing stays, neither where it came from. The others are for whoever has ended them.
            await self.sessions.remove(session.id)
            raise InvalidCredentials
        if former_token is not None:
            await self._end_former(former_token)
        with suppress(Unavailable):  # the next login ends them; this one has used up its code
            await self._end_oldest(session)
        return self.tokens_for(session, profile)

    async def _end_former(self, refresh_token: str) -> None:
        """End the session of *refresh_token*, whoever's it is; what is good for no refresh ends nothing."""
        with suppress(RefreshTokenInvalid, RefreshTokenReused):
            former, generation, _ = await self.holder(refresh_token)
            former.refreshed(generation, self.clock.now())
            await self.end(former.user_id, "login", session_id=former.id)

    async def holder(self, refresh_token: str) -> tuple[Session, int, Profile]:
        """Return the session that *refresh_token* is of, its step, and the user who has the session still.

        Raises:
            RefreshTokenInvalid: It is none of ours, or its session has ended.

        """
        session_id, generation = self.refresh_tokens.read(refresh_token)
        session = await self.sessions.find(session_id)
        profile = await self.session_guard.user_of(session) if session else None
        if session is None or profile is None:
            raise RefreshTokenInvalid
        return session, generation, profile

    async def _end_oldest(self, new: Session) -> None:
        """End the sessions of a user beyond as many as one may have, or some of very many.

        The *new* one stays, also where another clock says that it is the oldest.
        """
        others = [each for each in await self.sessions.of_user(new.user_id) if each.id != new.id]
        too_many = max(len(others) + 1 - self.max_sessions, 0)
        for each in sorted(others, key=lambda each: (each.created_at, each.id))[:too_many][:_AT_LOGIN]:
            await self.end(new.user_id, "too_many_sessions", session_id=each.id)

    def tokens_for(self, session: Session, profile: Profile) -> LoggedIn:
        """Return tokens of *session* at its step."""
        user = User(profile.id, profile.role, session.id, session.with_code)
        refresh_token = self.refresh_tokens.issue(session.id, session.generation)
        return LoggedIn(profile.id, self.access_tokens.issue(user), refresh_token)

    async def check(self, user: User) -> None:
        """Return if the session that *user* came with is alive.

        Raises:
            SessionEnded
            Unavailable: It is not known; then nobody is let in.

        """
        alive = await self.session_cache.get(user.session)
        if alive is None:
            alive = await self.session_guard.is_alive(user)
            if alive:
                await self.session_cache.mark_alive(user.session)
        if not alive:
            raise SessionEnded

    async def lacks_code(self, user: User) -> bool:
        """Return whether *user* needs a second factor, and has shown no code of one in this session.

        The session is read only if the token does not know of any: one may have been enrolled since.
        """
        return user.role in self.second_factor_for and not await self.has_code(user)

    async def has_code(self, user: User) -> bool:
        """Return whether *user* has shown a code of a second factor in this session, or to open it."""
        if user.with_code:
            return True
        session = await self.sessions.find(user.session)
        return session is not None and session.with_code

    async def end(
        self,
        user_id: UUID,
        reason: str,
        *,
        session_id: UUID | None = None,
        except_id: UUID | None = None,
        asked_by: User | None = None,
    ) -> int:
        """End sessions of a user, everywhere and at once; return how many. Events say so.

        Very many end some at a time: who runs out of time on the way has ended some, and may ask again.
        *asked_by* needs the session still, in each of the writes.

        Raises:
            SessionEnded, WriteContention: Of whoever asks; some may have ended before that.

        """

        async def end_some(*, authorized_by: Profile | None = None) -> Sequence[UUID]:
            return await self.sessions.end(
                user_id,
                reason,
                self.clock.now(),
                session_id=session_id,
                except_id=except_id,
                limit=_BATCH,
                authorized_by=authorized_by,
            )

        count = 0
        while True:
            ended = await (
                authorized_write(self.session_guard, asked_by, end_some) if asked_by else end_some()
            )
            # After they have ended: whatever is authorized from here on rests on others.
            await self.profiles.count_logout(user_id)
            await self.session_cache.mark_ended(ended)
            count += len(ended)
            if len(ended) < _BATCH:
                return count

    async def discard(self, profile: Profile) -> None:
        """Remove the sessions that a new `sessions_version` of *profile* has ended."""
        discarded = await self.sessions.discard(profile.id, before=profile.sessions_version)
        await self.session_cache.mark_ended(discarded)
