"""Who asks, from where, and under which idempotency key."""

import re
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, HTTPException, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from pydantic import MISSING

from gateway.settings import Settings
from profile_contracts.call_options import CallOptions
from profile_contracts.profile_api import ProfileApi
from profile_contracts.verifier import TokenRefused, TokenVerifier

ACCESS_COOKIE: Final = "access_token"
# RFC 6750, 2.1: the client sends nothing else as a token.
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9\-._~+/]{1,8192}={0,2})", re.IGNORECASE)
# W3C Trace Context, 3.2: what has another form is to be ignored.
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NOT_PRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
_MAX_USER_AGENT: Final = 256
_ETAG: Final = re.compile(r'"([1-9][0-9]{0,15})"')
_MAX_VERSION: Final = 2**53 - 1
# These two are for the description of the API alone: `access_token` reads what they stand for.
IN_HEADER: Final = Depends(HTTPBearer(auto_error=False))
IN_COOKIE: Final = Depends(APIKeyCookie(name=ACCESS_COOKIE, auto_error=False))


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


def cookie(request: Request, name: str) -> str | None:
    """Return the first cookie of that *name*, as it came: no token needs quotes."""
    pairs = [each.strip() for each in ";".join(request.headers.getlist("cookie")).split(";")]
    return next((each.removeprefix(f"{name}=") for each in pairs if each.startswith(f"{name}=")), None)


def access_token(
    request: Request,
    _in_header: Annotated[object, IN_HEADER] = None,
    _in_cookie: Annotated[object, IN_COOKIE] = None,
) -> str:
    """Return the access token of the header `Authorization`; only if that is not there, of the cookie.

    A header without a good token is no reason to act for the user whose cookie it is.
    """
    said = request.headers.get("authorization")
    if said is None and (found := cookie(request, ACCESS_COOKIE)):
        said = f"Bearer {found}"
    if said is None:
        raise TokenRefused("missing_token")
    if not (token := _BEARER.fullmatch(said)):
        raise TokenRefused("token_invalid")
    return token[1]


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
    user_agent = _NOT_PRINTABLE.sub("", request.headers.get("user-agent", ""))
    return CallOptions(
        idempotency_key=idempotency_key or None,
        traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent or "") else None,
        client_ip=client_ip(request, settings(request).trusted_hops),
        user_agent=user_agent[:_MAX_USER_AGENT],
    )


Options = Annotated[CallOptions, Depends(call_options)]


def client_ip(request: Request, trusted_hops: int) -> str | None:
    """Return the address of the user, if it is known.

    Each proxy adds on the right where it was asked from. Only what our own have added can be believed, and
    what did not come through all of them says nothing.
    """
    if trusted_hops == 0:
        return request.client.host if request.client else None
    addresses = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    return addresses[-trusted_hops].strip() if trusted_hops <= len(addresses) else None


def expected_version(if_match: Annotated[str | None, Header()] = None) -> int | MISSING:
    """Return the version in `If-Match`, which is the ETag of what the caller has seen."""
    if if_match in (None, "*"):
        return MISSING
    version = _ETAG.fullmatch(if_match)
    if not version or int(version[1]) > _MAX_VERSION:
        raise HTTPException(HTTPStatus.PRECONDITION_FAILED)
    return int(version[1])


IfMatch = Annotated[int | MISSING, Depends(expected_version)]


def unambiguous_query(request: Request) -> None:
    """Refuse a query that names something twice: it is unclear which is meant."""
    names = [name for name, _ in request.query_params.multi_items()]
    if len(names) > len(set(names)):
        raise HTTPException(HTTPStatus.BAD_REQUEST)


UnambiguousQuery = Depends(unambiguous_query)
