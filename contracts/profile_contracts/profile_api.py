"""The service as callers in Python see it: one typed method for each operation, and its events.

`profile_contracts.client.ProfileClient` is the real one, `profile_contracts.testing.FakeProfileClient` that
for tests. Code that takes a `ProfileApi` works with both.
"""

from abc import ABC, abstractmethod
from typing import Any, TypeVar, Unpack

from profile_contracts.auth import (
    ChangePassword,
    JsonWebKeySet,
    ListKeys,
    LoggedOut,
    LogIn,
    LogOut,
    Refresh,
    TokenIntrospection,
    Tokens,
    VerifyToken,
)
from profile_contracts.call_options import CallOptions
from profile_contracts.event_feed import REMEMBERED, EventFeed, OnGap
from profile_contracts.fields import Request
from profile_contracts.operations import (
    AUTH_CHANGE_PASSWORD,
    AUTH_KEYS,
    AUTH_LOGIN,
    AUTH_LOGOUT,
    AUTH_REFRESH,
    AUTH_VERIFY,
    POST_CREATE,
    POST_DELETE,
    POST_GET,
    POST_LIST,
    POST_UPDATE,
    PROFILE_CREATE,
    PROFILE_DELETE,
    PROFILE_GET,
    PROFILE_LIST,
    PROFILE_UPDATE,
    Operation,
)
from profile_contracts.posts import (
    CreatePost,
    DeletedPost,
    DeletePost,
    GetPost,
    ListPosts,
    Post,
    PostPage,
    UpdatePost,
)
from profile_contracts.profiles import (
    CreateProfile,
    DeletedProfile,
    DeleteProfile,
    GetProfile,
    ListProfiles,
    Profile,
    ProfilePage,
    PublicProfile,
    UpdateProfile,
)

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT")


class ProfileApi(ABC):
    """Every operation of the profile service.

    Every method takes the access token of the user on whose behalf it asks, if there is one, and the
    options of `CallOptions`. It may raise any `profile_contracts.errors.CallFailed`.
    """

    @abstractmethod
    async def call(
        self,
        operation: Operation[RequestT, ResultT],
        request: RequestT,
        token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> ResultT:
        """Ask for *operation* and return its result."""

    @abstractmethod
    async def publish(
        self,
        operation: Operation[RequestT, Any],
        request: RequestT,
        token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Send the command *request*, and wait until the broker has it: there is no reply."""

    @abstractmethod
    def events(
        self,
        *keys: str,
        queue: str | None = None,
        on_gap: OnGap | None = None,
        remember: int = REMEMBERED,
    ) -> EventFeed:
        """Return events with these routing keys, for `async for`."""

    async def create_profile(
        self, request: CreateProfile, token: str | None = None, **options: Unpack[CallOptions]
    ) -> Profile:
        """Sign a user up."""
        return await self.call(PROFILE_CREATE, request, token, **options)

    async def get_profile(
        self, request: GetProfile, token: str | None = None, **options: Unpack[CallOptions]
    ) -> Profile | PublicProfile:
        """Read a profile, or the public view of it, whichever the user may see."""
        return await self.call(PROFILE_GET, request, token, **options)

    async def update_profile(
        self, request: UpdateProfile, token: str | None = None, **options: Unpack[CallOptions]
    ) -> Profile:
        """Change some fields of a profile."""
        return await self.call(PROFILE_UPDATE, request, token, **options)

    async def delete_profile(
        self, request: DeleteProfile, token: str | None = None, **options: Unpack[CallOptions]
    ) -> DeletedProfile:
        """Delete a profile."""
        return await self.call(PROFILE_DELETE, request, token, **options)

    async def list_profiles(
        self, request: ListProfiles, token: str | None = None, **options: Unpack[CallOptions]
    ) -> ProfilePage:
        """Read a page of profiles; the cursor in it leads to the next one."""
        return await self.call(PROFILE_LIST, request, token, **options)

    async def create_post(self, request: CreatePost, token: str, **options: Unpack[CallOptions]) -> Post:
        """Write a post."""
        return await self.call(POST_CREATE, request, token, **options)

    async def get_post(self, request: GetPost, **options: Unpack[CallOptions]) -> Post:
        """Read a post."""
        return await self.call(POST_GET, request, **options)

    async def update_post(self, request: UpdatePost, token: str, **options: Unpack[CallOptions]) -> Post:
        """Change some fields of a post."""
        return await self.call(POST_UPDATE, request, token, **options)

    async def delete_post(
        self, request: DeletePost, token: str, **options: Unpack[CallOptions]
    ) -> DeletedPost:
        """Delete a post."""
        return await self.call(POST_DELETE, request, token, **options)

    async def list_posts(self, request: ListPosts, **options: Unpack[CallOptions]) -> PostPage:
        """Read a page of posts; the cursor in it leads to the next one."""
        return await self.call(POST_LIST, request, **options)

    async def log_in(self, request: LogIn, **options: Unpack[CallOptions]) -> Tokens:
        """Exchange an e-mail address and a password for tokens."""
        return await self.call(AUTH_LOGIN, request, **options)

    async def refresh(self, request: Refresh, **options: Unpack[CallOptions]) -> Tokens:
        """Exchange a refresh token for new tokens."""
        return await self.call(AUTH_REFRESH, request, **options)

    async def log_out(self, request: LogOut, token: str, **options: Unpack[CallOptions]) -> LoggedOut:
        """End sessions of the user."""
        return await self.call(AUTH_LOGOUT, request, token, **options)

    async def verify_token(self, request: VerifyToken, **options: Unpack[CallOptions]) -> TokenIntrospection:
        """Tell whether an access token is good at this moment."""
        return await self.call(AUTH_VERIFY, request, **options)

    async def change_password(
        self, request: ChangePassword, token: str, **options: Unpack[CallOptions]
    ) -> Tokens:
        """Change the password of the user."""
        return await self.call(AUTH_CHANGE_PASSWORD, request, token, **options)

    async def keys(self, **options: Unpack[CallOptions]) -> JsonWebKeySet:
        """Return the public keys that access tokens are verified with."""
        return await self.call(AUTH_KEYS, ListKeys(), **options)
