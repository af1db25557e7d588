"""Tell whether an access token is good at this moment."""

from dataclasses import dataclass, field

from service.app.auth.sessions import Sessions
from service.app.auth.tokens import AccessTokens, Claims
from service.domain.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class VerifyToken:
    """Tell whether an access token is good at this moment."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifyTokenHandler:
    """Answers `VerifyToken`."""

    tokens: AccessTokens
    sessions: Sessions

    async def handle(self, query: VerifyToken) -> Claims | None:
        """Return what the token says, or `None` if it is dead, for whatever reason (RFC 7662, 2.2)."""
        try:
            claims = self.tokens.verify(query.token)
            await self.sessions.check(claims.user)
        except Unauthenticated:
            return None
        return claims
