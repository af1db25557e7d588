"""Who asks: the human by a bearer token, the calling service by what the broker vouches for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from service.app.auth.actors import Actor, Anonymous, TokenInvalid, TrustedService
from service.app.auth.tokens import AccessTokens
from service.domain.errors import Unauthenticated

_SCHEME: Final = "bearer"


@dataclass(frozen=True, slots=True)
class Principals:
    """Tells who asks.

    Attributes:
        tokens: What verifies access tokens.
        trusted_services: The operations that a broker user may call on its own account.

    """

    tokens: AccessTokens
    trusted_services: Mapping[str, frozenset[str]]

    def identify(self, authorization: object, user_id: str | None, operation: str) -> Actor:
        """Return who asks for *operation*.

        Where a token is present, the human's rights decide, even if they are none: a service must
        not gain by sending a dead token.

        Args:
            authorization: The header of that name, if any: `Bearer <token>` (RFC 6750, 2.1).
            user_id: The AMQP property. RabbitMQ refuses a message whose `user_id` is not the user
                of its connection (RabbitMQ documentation, "Validated User-ID").
            operation: The queue it came from.

        """
        if authorization is not None:
            return self._human(authorization)
        if user_id and operation in self.trusted_services.get(user_id, frozenset()):
            return TrustedService(user_id)
        return Anonymous()

    def _human(self, authorization: object) -> Actor:
        scheme, _, token = str(authorization).partition(" ")
        if scheme.lower() != _SCHEME or not isinstance(authorization, str):
            return Anonymous(why=TokenInvalid())
        try:
            return self.tokens.verify(token.strip())
        except Unauthenticated as error:
            return Anonymous(why=error)
