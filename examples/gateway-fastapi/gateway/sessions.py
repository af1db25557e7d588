"""Logins. Programs get tokens and send them as a bearer; browsers get cookies that no script can read."""

from typing import Annotated, Final

from fastapi import APIRouter, Cookie, Response, status
from pydantic import MISSING, SecretStr

from gateway.bodies import Credentials, RefreshToken
from gateway.callers import ACCESS_COOKIE, Config, Options, Service, Token
from gateway.settings import Settings
from profile_contracts.auth import LogIn, LogOut, Refresh, Scope, Tokens
from profile_contracts.verifier import TokenRefused

REFRESH_COOKIE: Final = "refresh_token"
# Where browsers send the refresh token: a refresh takes it, and a login that takes the place of another.
_SESSION_PATH: Final = "/session"
_REFRESH_SECONDS: Final = 30 * 24 * 3600

RefreshCookie = Annotated[str | None, Cookie(alias=REFRESH_COOKIE)]

router = APIRouter(tags=["sessions"])


@router.post("/tokens")
async def log_in(body: Credentials, service: Service, options: Options) -> Tokens:
    """Log in as a program."""
    return await service.log_in(LogIn(**body.model_dump()), **options)


@router.post("/tokens/refresh")
async def refresh(body: RefreshToken, service: Service, options: Options) -> Tokens:
    """Get new tokens; safe to repeat until one of those that it gave is used."""
    return await service.refresh(Refresh(**body.model_dump()), **options)


@router.post(_SESSION_PATH, status_code=status.HTTP_204_NO_CONTENT)
async def open_session(
    *,
    body: Credentials,
    service: Service,
    options: Options,
    config: Config,
    response: Response,
    refresh_token: RefreshCookie = None,
) -> None:
    """Log in as a browser. The session that it still has ends."""
    former = SecretStr(refresh_token) if refresh_token else MISSING
    request = LogIn(**body.model_dump(), refresh_token=former)
    set_cookies(response, await service.log_in(request, **options), config)


@router.post(f"{_SESSION_PATH}/refresh", status_code=status.HTTP_204_NO_CONTENT)
async def refresh_session(
    service: Service,
    options: Options,
    config: Config,
    response: Response,
    refresh_token: RefreshCookie = None,
) -> None:
    """Get new cookies."""
    if not refresh_token:
        raise TokenRefused("missing_token")
    request = Refresh(refresh_token=SecretStr(refresh_token))
    set_cookies(response, await service.refresh(request, **options), config)


@router.delete(_SESSION_PATH, status_code=status.HTTP_204_NO_CONTENT)
async def log_out(token: Token, service: Service, options: Options, response: Response) -> None:
    """Log out, as a browser or as a program."""
    await service.log_out(LogOut(scope=Scope.LOCAL), token, **options)
    clear_cookies(response)


def set_cookies(response: Response, tokens: Tokens, config: Settings) -> None:
    """Put *tokens* into cookies. `strict`: no other site can have a browser send them."""
    for name, value, age, path in (
        (ACCESS_COOKIE, tokens.access_token, tokens.expires_in, "/"),
        (REFRESH_COOKIE, tokens.refresh_token, _REFRESH_SECONDS, _SESSION_PATH),
    ):
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
    """Have the browser forget them."""
    response.delete_cookie(ACCESS_COOKIE)
    response.delete_cookie(REFRESH_COOKIE, path=_SESSION_PATH)
