"""Every use case, with fakes behind: what `service/bootstrap.py` does with databases."""

from datetime import datetime, timedelta
from uuid import UUID

from service.app.application import Application
from service.app.auth.actors import User
from service.app.auth.change_password import ChangePasswordHandler
from service.app.auth.confirm_totp import ConfirmTotpHandler
from service.app.auth.enroll_totp import EnrollTotpHandler
from service.app.auth.list_sessions import ListSessionsHandler
from service.app.auth.log_in import LogInHandler
from service.app.auth.log_out import LogOutHandler
from service.app.auth.passwords import Passwords
from service.app.auth.refresh import RefreshHandler
from service.app.auth.remove_totp import RemoveTotpHandler
from service.app.auth.reset_password import ResetPasswordHandler
from service.app.auth.second_factor import SecondFactor
from service.app.auth.sessions import LoggedIn, Sessions
from service.app.auth.start_reset import StartResetHandler
from service.app.auth.start_verification import StartVerificationHandler
from service.app.auth.throttle import KeyedLock, Throttle
from service.app.auth.unlock_account import UnlockAccountHandler
from service.app.auth.verify_email import VerifyEmailHandler
from service.app.auth.verify_token import VerifyTokenHandler
from service.app.commands.create_post import CreatePostHandler
from service.app.commands.create_profile import CreateProfileHandler
from service.app.commands.delete_post import DeletePostHandler
from service.app.commands.delete_profile import DeleteProfileHandler
from service.app.commands.erase_profile import EraseProfileHandler
from service.app.commands.restore_profile import RestoreProfileHandler
from service.app.commands.update_post import UpdatePostHandler
from service.app.commands.update_profile import UpdateProfileHandler
from service.app.queries.export_page import ExportPageHandler
from service.app.queries.export_profile import ExportProfileHandler
from service.app.queries.find_profile import FindProfileHandler
from service.app.queries.get_post import GetPostHandler
from service.app.queries.get_profile import GetProfileHandler
from service.app.queries.list_posts import ListPostsHandler
from service.app.queries.list_profiles import ListProfilesHandler
from service.app.request_context import RequestContext
from service.domain.profile import Profile
from service.infrastructure.memory.attempts import MemoryAttempts
from service.infrastructure.security.cursors import SealedCursors
from service.infrastructure.security.device_tokens import MacDeviceTokens
from service.infrastructure.security.one_time_tokens import MacOneTimeTokens
from service.infrastructure.security.refresh_tokens import MacRefreshTokens
from service.infrastructure.security.root_key import RootKey
from service.infrastructure.security.secret_box import SealedSecrets
from tests.builders import NOON
from tests.fakes.clock import FakeClock
from tests.fakes.keys import FakeRootKeyring, in_use
from tests.fakes.passwords import FakeCommonPasswords, FakePasswords
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles
from tests.fakes.session_guard import TrustingSessionGuard
from tests.fakes.sessions import FakeSessions, FakeSessionStatusCache
from tests.fakes.tokens import FakeTokens


class AppFixture:
    """The use cases, and what they stand on."""

    def __init__(self, *stored: Profile, time: datetime = NOON, profiles: FakeProfiles | None = None) -> None:
        self.clock = FakeClock(time)
        self.profiles = profiles or FakeProfiles(*stored)
        self.posts = FakePosts()
        self.hasher = FakePasswords()
        self.tokens, self.refresh_tokens = FakeTokens(), MacRefreshTokens(FakeRootKeyring(RootKey(b"k" * 32)))
        self.device_tokens = MacDeviceTokens(in_use(b"k" * 32), self.clock, timedelta(days=180))
        self.one_time_tokens = MacOneTimeTokens(in_use(b"k" * 32), self.clock)
        self.box = SealedSecrets(in_use(b"k" * 32))
        self.cursors = SealedCursors(in_use(b"k" * 32))
        self.repository, self.session_cache = FakeSessions(), FakeSessionStatusCache()
        self.counters = MemoryAttempts(lambda: self.clock.now().timestamp())
        self.passwords = Passwords(
            self.hasher, FakeCommonPasswords(), Throttle(self.counters, KeyedLock()), self.profiles
        )
        self.session_guard = TrustingSessionGuard(self.profiles, self.repository, self.clock)
        self.sessions = Sessions(
            self.profiles,
            self.repository,
            self.session_cache,
            self.tokens,
            self.refresh_tokens,
            self.session_guard,
            self.clock,
        )
        self.app = self._application()

    def _application(self) -> Application:
        profiles, passwords, sessions, clock = self.profiles, self.passwords, self.sessions, self.clock
        session_guard = self.session_guard
        second_factor = SecondFactor(profiles, passwords.throttle, self.box, clock)
        return Application(
            create_profile=CreateProfileHandler(profiles, passwords, session_guard, clock),
            get_profile=GetProfileHandler(profiles),
            update_profile=UpdateProfileHandler(profiles, passwords, sessions, session_guard, clock),
            delete_profile=DeleteProfileHandler(profiles, sessions, session_guard, clock),
            find_profile=FindProfileHandler(profiles),
            restore_profile=RestoreProfileHandler(profiles, session_guard, clock),
            erase_profile=EraseProfileHandler(
                profiles, self.repository, self.session_cache, session_guard, clock
            ),
            export_page=ExportPageHandler(
                ExportProfileHandler(profiles, self.repository, self.posts), self.cursors
            ),
            create_post=CreatePostHandler(self.posts, clock),
            get_post=GetPostHandler(self.posts),
            update_post=UpdatePostHandler(self.posts, clock),
            delete_post=DeletePostHandler(self.posts, clock),
            list_posts=ListPostsHandler(self.posts, self.cursors),
            list_profiles=ListProfilesHandler(profiles, self.cursors),
            log_in=LogInHandler(profiles, passwords, sessions, self.device_tokens, second_factor),
            refresh=RefreshHandler(sessions, self.repository, self.refresh_tokens, clock),
            log_out=LogOutHandler(sessions),
            list_sessions=ListSessionsHandler(profiles, self.repository, clock),
            unlock_account=UnlockAccountHandler(profiles, self.counters, session_guard),
            verify_token=VerifyTokenHandler(self.tokens, sessions),
            change_password=ChangePasswordHandler(profiles, passwords, sessions, session_guard, clock),
            start_reset=StartResetHandler(profiles, self.one_time_tokens),
            reset_password=ResetPasswordHandler(profiles, passwords, sessions, self.one_time_tokens, clock),
            start_verification=StartVerificationHandler(profiles, self.one_time_tokens),
            verify_email=VerifyEmailHandler(profiles, session_guard, self.one_time_tokens, clock),
            enroll_totp=EnrollTotpHandler(profiles, passwords, self.box, clock, "Engines"),
            confirm_totp=ConfirmTotpHandler(profiles, session_guard, self.box, clock),
            remove_totp=RemoveTotpHandler(profiles, passwords, session_guard, clock),
            tokens=self.tokens,
        )

    async def logged_in(self, profile: Profile) -> tuple[User, LoggedIn]:
        """Return the user of *profile* with a new session, and what the user got."""
        done = await self.sessions.open(profile)
        return self.tokens.verify(done.access_token.text).user, done

    @property
    def revoked(self) -> list[tuple[UUID, tuple[UUID, ...], str]]:
        """What others were told of sessions: whose, which, and why."""
        published = [
            event.data
            for event in (*self.profiles.published, *self.repository.published)
            if "reason" in event.data
        ]
        return [(each["user_id"], tuple(each["session_ids"]), each["reason"]) for each in published]

    def is_open(self, session_id: UUID) -> bool:
        """Return whether the session is stored."""
        return session_id in self.repository.stored


def caller(user: User) -> RequestContext:
    """Return *user* as one who asks."""
    return RequestContext(user)
