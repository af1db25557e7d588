"""End sessions of the user who asks, or of another one."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from service.app.auth.actors import former_user
from service.app.auth.passwords import Passwords
from service.app.auth.permissions import Action, authorize, require_user
from service.app.auth.sessions import Sessions
from service.app.request_context import RequestContext
from service.domain.errors import Invalid


class SessionsUnclear(Invalid):
    """It is not said which sessions end, or in two ways."""

    reason = "sessions_unclear"
    message = "Name either a scope or a session; of another user, the scope can only be global."
    field = "scope"


class Scope(StrEnum):
    """Which sessions end."""

    LOCAL = "local"
    OTHERS = "others"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class LogOut:
    """End this session, all others, or all; or the one that is named.

    Attributes:
        scope, session_id: One of them says which.
        user_id: Whose they are, if not those of whoever asks.
        current_password: Of a user who ends other sessions than this one.

    """

    context: RequestContext
    scope: Scope | None = None
    session_id: UUID | None = None
    user_id: UUID | None = None
    current_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LogOutHandler:
    """Carries out `LogOut`.

    Attributes:
        needs_password: Whether users show their password to end other sessions of theirs than this one.

    """

    sessions: Sessions
    passwords: Passwords
    needs_password: bool = False

    async def handle(self, command: LogOut) -> int:
        """Return how many sessions ended: none of a user who is not there.

        A request that is delivered again finds the session ended that it came in, most likely by itself.

        Raises:
            SessionsUnclear
            CurrentPasswordRequired, InvalidCredentials: They are other sessions of the user's own.

        """
        context = command.context
        if command.scope is Scope.LOCAL and context.is_redelivered and former_user(context.actor):
            return 0
        user = require_user(context.actor)
        user_id = command.user_id or user.id
        authorize(Action.END_SESSIONS, user, user_id)
        is_another = user_id != user.id
        if (command.scope is None) is (command.session_id is None) or (
            is_another and command.scope in {Scope.LOCAL, Scope.OTHERS}
        ):
            raise SessionsUnclear
        if command.scope is Scope.LOCAL:
            return await self.sessions.end(user.id, "logout", session_id=user.session)
        if not is_another and command.session_id != user.session:
            await self._verify_password(command, user.id)
        # The session that asks ends last: the others end by its right.
        except_id = user.session if command.scope and not is_another else None
        ended = await self.sessions.end(
            user_id, "logout", session_id=command.session_id, except_id=except_id, asked_by=user
        )
        if command.scope is Scope.GLOBAL and not is_another:
            ended += await self.sessions.end(user.id, "logout", session_id=user.session)
        return ended

    async def _verify_password(self, command: LogOut, user_id: UUID) -> None:
        """Return if the user knows the password, or need not show it and has not."""
        if self.needs_password or command.current_password is not None:
            await self.passwords.verify_current(command.current_password, user_id, command.context)
