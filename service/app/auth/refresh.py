"""Exchange a refresh token for new tokens."""

from dataclasses import dataclass, field
from typing import Final

from service.app.auth.sessions import LoggedIn, Sessions
from service.app.clock import Clock
from service.domain.errors import Unavailable
from service.domain.session import RefreshConflict, RefreshTokenReused, SessionRepository

_ATTEMPTS: Final = 5


class TooManyRefreshes(Unavailable):
    """Each attempt to rotate a refresh token lost against another one."""

    reason = "too_many_refreshes"
    message = "This session is being refreshed too many times at once; try again soon."


@dataclass(frozen=True, slots=True)
class Refresh:
    """Exchange a refresh token for new tokens."""

    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefreshHandler:
    """Carries out `Refresh`."""

    sessions: Sessions
    repository: SessionRepository
    clock: Clock

    async def handle(self, command: Refresh) -> LoggedIn:
        """Return new tokens; the same refresh token again, for as long as nobody has used it.

        Raises:
            RefreshTokenInvalid: It is none, or its session has ended.
            RefreshTokenReused: It was used before, and so was its successor; its session has ended now.

        """
        for _ in range(_ATTEMPTS):
            try:
                return await self._try(command)
            except RefreshConflict:
                continue
        raise TooManyRefreshes

    async def _try(self, command: Refresh) -> LoggedIn:
        before, generation, profile = await self.sessions.holder(command.refresh_token)
        try:
            after = before.refreshed(generation, self.clock.now())
        except RefreshTokenReused:
            await self.sessions.end(before.user_id, "reuse", session_id=before.id)
            raise
        if after is before:
            await self.repository.confirm(before)
        else:
            await self.repository.save(after)
        return self.sessions.tokens_for(after, profile)
