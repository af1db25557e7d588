"""The service as callers in Python see it: one typed method for each operation, and its events.

`profile_contracts.client.ProfileClient` is the real one, `profile_contracts.testing.FakeProfileClient` that
for tests. Code that takes a `ProfileApi` works with both.
"""

from abc import ABC, abstractmethod
from typing import Any, TypeVar, Unpack

from profile_contracts.auth import (
    ChangePassword,
    ConfirmTotp,
    EnrollTotp,
    JsonWebKeySet,
    ListKeys,
    ListSessions,
    LoggedOut,
    LogIn,
    LogOut,
    PasswordReset,
    RecoveryCodes,
    Refresh,
    RemoveTotp,
    ResetPassword,
    ResetStarted,
    SessionList,
    StartReset,
    StartVerification,
    TokenIntrospection,
    Tokens,
    TotpEnrolment,
    UnlockAccount,
    Unlocked,
    VerificationStarted,
    VerifyEmail,
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
    AUTH_RESET_PASSWORD,
    AUTH_SESSIONS,
    AUTH_START_RESET,
    AUTH_START_VERIFICATION,
    AUTH_TOTP_CONFIRM,
    AUTH_TOTP_ENROLL,
    AUTH_TOTP_REMOVE,
    AUTH_UNLOCK,
    AUTH_VERIFY,
    AUTH_VERIFY_EMAIL,
    POST_CREATE,
    POST_DELETE,
    POST_GET,
    POST_LIST,
    POST_UPDATE,
    PROFILE_CREATE,
    PROFILE_DELETE,
    PROFILE_ERASE,
    PROFILE_EXPORT,
    PROFILE_FIND,
    PROFILE_GET,
    PROFILE_LIST,
    PROFILE_RESTORE,
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
    ErasedProfile,
    EraseProfile,
    ExportedProfile,
    ExportProfile,
    FindProfile,
    GetProfile,
    ListProfiles,
    Profile,
    ProfilePage,
    PublicProfile,
    RestoreProfile,
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

    async def find_profile(
        self, request: FindProfile, token: str | None = None, **options: Unpack[CallOptions]
    ) -> Profile:
        """Find the profile that has an address."""
        return await self.call(PROFILE_FIND, request, token, **options)

    async def restore_profile(
        self, request: RestoreProfile, token: str | None = None, **options: Unpack[CallOptions]
    ) -> Profile:
        """Bring a deleted profile back."""
        return await self.call(PROFILE_RESTORE, request, token, **options)

    async def erase_profile(
        self, request: EraseProfile, token: str | None = None, **options: Unpack[CallOptions]
    ) -> ErasedProfile:
        """Scrub everything personal about a user, for good."""
        return await self.call(PROFILE_ERASE, request, token, **options)

    async def export_profile(
        self, request: ExportProfile, token: str | None = None, **options: Unpack[CallOptions]
    ) -> ExportedProfile:
        """Read a page of what is held about a user; the cursor in it leads to the next one."""
        return await self.call(PROFILE_EXPORT, request, token, **options)

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

    async def list_sessions(
        self, request: ListSessions, token: str | None = None, **options: Unpack[CallOptions]
    ) -> SessionList:
        """List where a user is logged in."""
        return await self.call(AUTH_SESSIONS, request, token, **options)

    async def unlock_account(
        self, request: UnlockAccount, token: str | None = None, **options: Unpack[CallOptions]
    ) -> Unlocked:
        """Take back the wrong passwords that strangers have tried."""
        return await self.call(AUTH_UNLOCK, request, token, **options)

    async def verify_token(self, request: VerifyToken, **options: Unpack[CallOptions]) -> TokenIntrospection:
        """Tell whether an access token is good at this moment."""
        return await self.call(AUTH_VERIFY, request, **options)

    async def change_password(
        self, request: ChangePassword, token: str, **options: Unpack[CallOptions]
    ) -> Tokens:
        """Change the password of the user."""
        return await self.call(AUTH_CHANGE_PASSWORD, request, token, **options)

    async def start_reset(self, request: StartReset, **options: Unpack[CallOptions]) -> ResetStarted:
        """Get a token by which a forgotten password is reset."""
        return await self.call(AUTH_START_RESET, request, **options)

    async def reset_password(self, request: ResetPassword, **options: Unpack[CallOptions]) -> PasswordReset:
        """Set a new password by a token that was sent to the user."""
        return await self.call(AUTH_RESET_PASSWORD, request, **options)

    async def start_verification(
        self, request: StartVerification, token: str | None = None, **options: Unpack[CallOptions]
    ) -> VerificationStarted:
        """Get a token to send to the address of a profile."""
        return await self.call(AUTH_START_VERIFICATION, request, token, **options)

    async def verify_email(self, request: VerifyEmail, **options: Unpack[CallOptions]) -> Profile:
        """Verify an address by a token that was sent to it."""
        return await self.call(AUTH_VERIFY_EMAIL, request, **options)

    async def enroll_totp(
        self, request: EnrollTotp, token: str, **options: Unpack[CallOptions]
    ) -> TotpEnrolment:
        """Get a secret for an app that shows codes."""
        return await self.call(AUTH_TOTP_ENROLL, request, token, **options)

    async def confirm_totp(
        self, request: ConfirmTotp, token: str, **options: Unpack[CallOptions]
    ) -> RecoveryCodes:
        """Make the app the second factor, by a code of it."""
        return await self.call(AUTH_TOTP_CONFIRM, request, token, **options)

    async def remove_totp(self, request: RemoveTotp, token: str, **options: Unpack[CallOptions]) -> Profile:
        """Take the second factor away."""
        return await self.call(AUTH_TOTP_REMOVE, request, token, **options)

    async def keys(self, **options: Unpack[CallOptions]) -> JsonWebKeySet:
        """Return the public keys that access tokens are verified with."""
        return await self.call(AUTH_KEYS, ListKeys(), **options)
