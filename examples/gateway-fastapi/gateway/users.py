"""Users: sign up, and what they may do with their own profile."""

from fastapi import APIRouter, Request, Response, status

from gateway.bodies import NewPasswords, ProfilePatch, SignUp
from gateway.callers import Config, IfMatch, Options, Service, Token, UserId
from gateway.sessions import clear_cookies, set_cookies
from profile_contracts.auth import ChangePassword, Tokens
from profile_contracts.profiles import CreateProfile, DeleteProfile, GetProfile, Profile, UpdateProfile

router = APIRouter(tags=["users"])


@router.post("/users", status_code=status.HTTP_201_CREATED)
async def sign_up(body: SignUp, service: Service, options: Options, response: Response) -> Profile:
    """Sign up."""
    profile = await service.create_profile(CreateProfile(**body.model_dump()), **options)
    response.headers["location"] = "/me"
    return _tagged(response, profile)


@router.get("/me")
async def me(
    user_id: UserId, token: Token, service: Service, options: Options, response: Response
) -> Profile:
    """Read one's own profile."""
    profile = await service.get_profile(GetProfile(id=user_id), token, **options)
    assert isinstance(profile, Profile)  # noqa: S101 - of others one would get a PublicProfile
    return _tagged(response, profile)


@router.patch("/me")
async def change_me(
    *,
    body: ProfilePatch,
    user_id: UserId,
    token: Token,
    service: Service,
    options: Options,
    version: IfMatch,
    response: Response,
) -> Profile:
    """Change one's own profile; with `If-Match`, only if it is as one has seen it."""
    request = UpdateProfile(id=user_id, expected_version=version, **body.model_dump())
    return _tagged(response, await service.update_profile(request, token, **options))


@router.delete("/me", status_code=status.HTTP_204_NO_CONTENT)
async def delete_me(
    *,
    user_id: UserId,
    token: Token,
    service: Service,
    options: Options,
    version: IfMatch,
    response: Response,
) -> None:
    """Delete one's own profile; with `If-Match`, only if it is as one has seen it."""
    await service.delete_profile(DeleteProfile(id=user_id, expected_version=version), token, **options)
    clear_cookies(response)


@router.put(
    "/me/password",
    response_model=Tokens,
    responses={status.HTTP_204_NO_CONTENT: {"description": "The token came in a cookie, as new ones do."}},
)
async def change_password(
    *,
    request: Request,
    body: NewPasswords,
    token: Token,
    service: Service,
    options: Options,
    config: Config,
    response: Response,
) -> Tokens | Response:
    """Change one's own password; all other sessions end. New tokens go where the old one came from."""
    tokens = await service.change_password(ChangePassword(**body.model_dump()), token, **options)
    if "authorization" in request.headers:
        return tokens
    set_cookies(response, tokens, config)
    response.status_code = status.HTTP_204_NO_CONTENT
    return response


def _tagged(response: Response, profile: Profile) -> Profile:
    response.headers["etag"] = f'"{profile.version}"'
    return profile
