"""Who asks, from where, and under which idempotency key."""

import re
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, HTTPException, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import MISSING

from gateway.settings import Settings
from profile_contracts.call_options import CallOptions
from profile_contracts.profile_api import ProfileApi
from profile_contracts.verifier import TokenRefused, TokenVerifier

ACCESS_COOKIE: Final = "access_token"
_ETAG: Final = re.compile(r'"[1-9]\d{0,15}"')
_bearer = HTTPBearer(auto_error=False)
_cookie = APIKeyCookie(name=ACCESS_COOKIE, auto_error=False)


def service(request: Request) -> ProfileApi:
    """Return the client of the profile service."""
    found: ProfileApi = request.app.state.service
    return found


Service = Annotated[ProfileApi, Depends(service)]


def settings(request: Request) -> Settings:
    """Return how the gateway is set up."""
    found: Settings = request.app.state.settings
    return found


Config = Annotated[Settings, Depends(settings)]


def access_token(
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    cookie: Annotated[str | None, Depends(_cookie)],
) -> str:
    """Return the access token of the header `Authorization`, or else that of the cookie."""
    token = bearer.credentials if bearer else cookie
    if not token:
        raise TokenRefused("missing_token")
    return token


Token = Annotated[str, Depends(access_token)]


async def user_id(request: Request, token: Token) -> UUID:
    """Return the id of the user whose token it is, verified here, without a call."""
    verifier: TokenVerifier = request.app.state.verifier
    return (await verifier.verify(token)).sub


UserId = Annotated[UUID, Depends(user_id)]


def call_options(
    request: Request,
    idempotency_key: Annotated[str | None, Header()] = None,
    traceparent: Annotated[str | None, Header()] = None,
) -> CallOptions:
    """Return what the service should know about the call beside its body."""
    return CallOptions(
        idempotency_key=idempotency_key or None,
        traceparent=traceparent or None,
        client_ip=client_ip(request, settings(request).trusted_hops),
    )


Options = Annotated[CallOptions, Depends(call_options)]


def client_ip(request: Request, trusted_hops: int) -> str | None:
    """Return the address of the user.

    Each proxy adds on the right where it was asked from. Only what our own have added can be believed.
    """
    addresses = [each.strip() for each in request.headers.get("x-forwarded-for", "").split(",")]
    if 0 < trusted_hops <= len(addresses):
        return addresses[-trusted_hops] or None
    return request.client.host if request.client else None


def expected_version(if_match: Annotated[str | None, Header()] = None) -> int | MISSING:
    """Return the version in `If-Match`, which is the ETag of what the caller has seen."""
    if if_match in (None, "*"):
        return MISSING
    if not _ETAG.fullmatch(if_match):
        raise HTTPException(HTTPStatus.PRECONDITION_FAILED)
    return int(if_match.strip('"'))


IfMatch = Annotated[int | MISSING, Depends(expected_version)]
