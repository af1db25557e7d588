"""Requests about logins and keys: from the wire to a command or query, and back."""

from contracts import auth as wire
from contracts.operations import AUTH_KEYS, AUTH_LOGIN
from service.app.application import Application
from service.app.auth.actors import Actor
from service.app.auth.log_in import LogIn
from service.infrastructure.inputports.requests import Requests


def subscribe_auth(requests: Requests, app: Application) -> None:
    """Answer the operations `auth.*`."""

    @requests.on(AUTH_LOGIN)
    async def log_in(request: wire.LogIn, _: Actor) -> wire.Tokens:
        command = LogIn(email=request.email, password=request.password.get_secret_value())
        user = await app.log_in.handle(command)
        return wire.Tokens(
            access_token=user.access_token.text,
            expires_in=user.access_token.seconds,
            profile_id=user.profile.id,
        )

    @requests.on(AUTH_KEYS)
    async def list_keys(_request: wire.ListKeys, _actor: Actor) -> wire.JsonWebKeySet:
        return wire.JsonWebKeySet.model_validate({"keys": app.tokens.public_keys()})
