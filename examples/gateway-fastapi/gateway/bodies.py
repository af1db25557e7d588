"""What callers of the gateway send. The fields are those of the contract; who is meant, the token says."""

from http import HTTPStatus
from typing import Final

from fastapi import HTTPException
from pydantic import MISSING
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from profile_contracts.fields import Email, Name, NewPassword, Request, Secret, Text, Title
from profile_contracts.profiles import LastName

# Room for the 64 KiB of a request to the service, with each letter escaped in JSON.
MAX_BODY_BYTES: Final = 256 * 1024


class SignUp(Request):
    """A new user."""

    first_name: Name
    last_name: LastName = MISSING
    email: Email
    password: NewPassword


class Credentials(Request):
    """Who logs in."""

    email: Email
    password: Secret
    otp: Secret | MISSING = MISSING


class ProgramCredentials(Credentials):
    """The same of a program, which keeps the token of its device itself."""

    device_token: Secret | MISSING = MISSING


class RefreshToken(Request):
    """What new tokens are given for."""

    refresh_token: Secret


class ProfilePatch(Request):
    """New values for some fields."""

    first_name: Name | MISSING = MISSING
    last_name: LastName = MISSING
    email: Email | MISSING = MISSING
    current_password: Secret | MISSING = MISSING


class NewPasswords(Request):
    """The password until now, and from now on."""

    current_password: Secret
    new_password: NewPassword


class NewPost(Request):
    """A post."""

    title: Title
    body: Text


class PostPatch(Request):
    """New values for some fields."""

    title: Title | MISSING = MISSING
    body: Text | MISSING = MISSING


class BodyLimit:
    """Refuses larger bodies while they arrive, whatever they say of their length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application receive so much and no more."""
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, limited, send)
