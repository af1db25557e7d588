"""Logins. Programs get tokens and send them as a bearer; browsers get cookies that no script can read."""

from typing import Final

from fastapi import APIRouter, Request, Response, status
from pydantic import MISSING, SecretStr

from gateway.bodies import Credentials, ProgramCredentials, RefreshToken
from gateway.callers import (
    ACCESS_COOKIE,
    IN_COOKIE,
    IN_HEADER,
    Config,
    Options,
    Service,
    access_token,
    cookie,
)
from gateway.problems import refusal
from gateway.settings import Settings
from profile_contracts.auth import LogIn, LogOut, Refresh, Scope, Tokens
from profile_contracts.errors import Unauthenticated
from profile_contracts.verifier import TokenRefused

REFRESH_COOKIE: Final = "refresh_token"
DEVICE_COOKIE: Final = "device_token"
# Where browsers send them: a refresh takes the first, and a login takes both.
_SESSION_PATH: Final = "/session"
_REFRESH_SECONDS: Final = 30 * 24 * 3600
_DEVICE_SECONDS: Final = 180 * 24 * 3600

router = APIRouter(tags=["sessions"])


@router.post("/tokens")
async def log_in(body: ProgramCredentials, service: Service, options: Options) -> Tokens:
    """Log in as a program."""
    return await service.log_in(LogIn(**body.model_dump()), **options)


@router.post("/tokens/refresh")
async def refresh(body: RefreshToken, service: Service, options: Options) -> Tokens:
    """Get new tokens; safe to repeat until one of those that it gave is used."""
    return await service.refresh(Refresh(**body.model_dump()), **options)


@router.post(_SESSION_PATH, status_code=status.HTTP_204_NO_CONTENT)
async def open_session(
    *,
    request: Request,
    body: Credentials,
    service: Service,
    options: Options,
    config: Config,
    response: Response,
) -> None:
    """Log in as a browser. The session that it still has ends, and no stranger can lock it out."""
    login = LogIn(
        **body.model_dump(),
        refresh_token=_kept(request, REFRESH_COOKIE),
        device_token=_kept(request, DEVICE_COOKIE),
    )
    set_cookies(response, await service.log_in(login, **options), config)


@router.post(f"{_SESSION_PATH}/refresh", status_code=status.HTTP_204_NO_CONTENT)
async def refresh_session(
    request: Request, service: Service, options: Options, config: Config, response: Response
) -> None:
    """Get new cookies."""
    refresh_token = cookie(request, REFRESH_COOKIE)
    if not refresh_token:
        raise TokenRefused("missing_token")
    tokens = await service.refresh(Refresh(refresh_token=SecretStr(refresh_token)), **options)
    set_cookies(response, tokens, config)


@router.delete(_SESSION_PATH, status_code=status.HTTP_204_NO_CONTENT, dependencies=[IN_HEADER, IN_COOKIE])
async def log_out(request: Request, service: Service, options: Options, response: Response) -> Response:
    """Log out, as a browser or as a program. With an access token that has expired, refresh it before."""
    try:
        await service.log_out(LogOut(scope=Scope.LOCAL), access_token(request), **options)
        response.status_code = status.HTTP_204_NO_CONTENT
    except (TokenRefused, Unauthenticated) as over:
        response = refusal(request, over)
    clear_cookies(response)
    return response


def _kept(request: Request, name: str) -> SecretStr | MISSING:
    """Return the token that the browser keeps in the cookie of that *name*, if it does."""
    found = cookie(request, name)
    return SecretStr(found) if found else MISSING


def set_cookies(response: Response, tokens: Tokens, config: Settings) -> None:
    """Put *tokens* into cookies. `strict`: no other site can have a browser send them."""
    for name, value, age, path in (
        (ACCESS_COOKIE, tokens.access_token, tokens.expires_in, "/"),
        (REFRESH_COOKIE, tokens.refresh_token, _REFRESH_SECONDS, _SESSION_PATH),
        (DEVICE_COOKIE, tokens.device_token, _DEVICE_SECONDS, _SESSION_PATH),
    ):
        if value is not MISSING:  # only a login gives a token of the device
            response.set_cookie(
                name,
                value,
                max_age=age,
                path=path,
                secure=config.secure_cookies,
                httponly=True,
                samesite="strict",
            )


def clear_cookies(response: Response) -> None:
    """Have the browser forget the session. What says that the device is known lets nobody in, and stays."""
    response.delete_cookie(ACCESS_COOKIE)
    response.delete_cookie(REFRESH_COOKIE, path=_SESSION_PATH)
