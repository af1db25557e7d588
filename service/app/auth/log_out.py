"""End sessions of the user who asks."""

from dataclasses import dataclass
from enum import StrEnum

from service.app.auth.actors import Actor
from service.app.auth.permissions import require_user
from service.app.auth.sessions import Sessions


class Scope(StrEnum):
    """Which sessions end."""

    LOCAL = "local"
    OTHERS = "others"
    GLOBAL = "global"


@dataclass(frozen=True, slots=True)
class LogOut:
    """End this session, all others, or all."""

    actor: Actor
    scope: Scope


@dataclass(frozen=True, slots=True)
class LogOutHandler:
    """Carries out `LogOut`."""

    sessions: Sessions

    async def handle(self, command: LogOut) -> int:
        """Return how many sessions ended."""
        user = require_user(command.actor)
        if command.scope is not Scope.LOCAL:  # who was logged out meanwhile ends nobody else
            await self.sessions.standings.of(user)
        session_id = user.session if command.scope is Scope.LOCAL else None
        except_id = user.session if command.scope is Scope.OTHERS else None
        return await self.sessions.end(user.id, "logout", session_id=session_id, except_id=except_id)
