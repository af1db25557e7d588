"""End sessions of the user who asks."""

from dataclasses import dataclass
from enum import StrEnum

from service.app.auth.permissions import require_user
from service.app.auth.sessions import Sessions
from service.app.request_context import RequestContext


class Scope(StrEnum):
    """Which sessions end."""

    LOCAL = "local"
    OTHERS = "others"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class LogOut:
    """End this session, all others, or all."""

    context: RequestContext
    scope: Scope


@dataclass(frozen=True, slots=True)
class LogOutHandler:
    """Carries out `LogOut`."""

    sessions: Sessions

    async def handle(self, command: LogOut) -> int:
        """Return how many sessions ended."""
        user = require_user(command.context.actor)
        if command.scope is Scope.LOCAL:
            return await self.sessions.end(user.id, "logout", session_id=user.session)
        await self.sessions.session_guard.authorizing_profile(user)  # or a revoked session would end others
        except_id = user.session if command.scope is Scope.OTHERS else None
        return await self.sessions.end(user.id, "logout", except_id=except_id)
