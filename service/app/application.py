"""Everything the service can be asked to do, put together from what it needs of the outside."""

from dataclasses import dataclass

from service.app.auth.change_password import ChangePasswordHandler
from service.app.auth.confirm_totp import ConfirmTotpHandler
from service.app.auth.enroll_totp import EnrollTotpHandler
from service.app.auth.list_sessions import ListSessionsHandler
from service.app.auth.log_in import LogInHandler
from service.app.auth.log_out import LogOutHandler
from service.app.auth.one_time_tokens import OneTimeTokens
from service.app.auth.passwords import Passwords
from service.app.auth.refresh import RefreshHandler
from service.app.auth.remove_totp import RemoveTotpHandler
from service.app.auth.reset_password import ResetPasswordHandler
from service.app.auth.second_factor import SecondFactor, SecretBox
from service.app.auth.session_guard import SessionGuard
from service.app.auth.sessions import Sessions, SessionStatusCache
from service.app.auth.start_reset import StartResetHandler
from service.app.auth.start_verification import StartVerificationHandler
from service.app.auth.tokens import AccessTokens, DeviceTokens, RefreshTokens
from service.app.auth.unlock_account import UnlockAccountHandler
from service.app.auth.verify_email import VerifyEmailHandler
from service.app.auth.verify_token import VerifyTokenHandler
from service.app.clock import Clock
from service.app.commands.create_post import CreatePostHandler
from service.app.commands.create_profile import CreateProfileHandler
from service.app.commands.delete_post import DeletePostHandler
from service.app.commands.delete_profile import DeleteProfileHandler
from service.app.commands.erase_profile import EraseProfileHandler
from service.app.commands.restore_profile import RestoreProfileHandler
from service.app.commands.update_post import UpdatePostHandler
from service.app.commands.update_profile import UpdateProfileHandler
from service.app.paging import Cursors
from service.app.queries.export_page import ExportPageHandler
from service.app.queries.export_profile import ExportProfileHandler
from service.app.queries.find_profile import FindProfileHandler
from service.app.queries.get_post import GetPostHandler
from service.app.queries.get_profile import GetProfileHandler
from service.app.queries.list_posts import ListPostsHandler
from service.app.queries.list_profiles import ListProfilesHandler
from service.domain.post import PostRepository
from service.domain.profile import ProfileRepository, Role
from service.domain.session import SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the use cases stand on.

    Attributes:
        max_sessions: How many a user may have; one more ends the oldest.
        login_needs_verified_email: Whether whoever logs in has to have a verified address.
        logout_needs_password: Whether users show their password to end other sessions of theirs.
        totp_issuer: What authenticator apps show beside the address.
        second_factor_for: The roles whose users need a second factor.

    """

    profiles: ProfileRepository
    posts: PostRepository
    sessions: SessionRepository
    session_cache: SessionStatusCache
    session_guard: SessionGuard
    passwords: Passwords
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    device_tokens: DeviceTokens
    one_time_tokens: OneTimeTokens
    secret_box: SecretBox
    cursors: Cursors
    clock: Clock
    max_sessions: int
    login_needs_verified_email: bool
    logout_needs_password: bool
    totp_issuer: str
    second_factor_for: frozenset[Role]


class Application:
    """Every use case, ready to be called."""

    def __init__(self, ports: Ports) -> None:
        self.tokens = ports.access_tokens
        self.sessions = Sessions(
            ports.profiles,
            ports.sessions,
            ports.session_cache,
            ports.access_tokens,
            ports.refresh_tokens,
            ports.session_guard,
            ports.clock,
            ports.max_sessions,
            ports.second_factor_for,
        )
        self._of_profiles(ports)
        self._of_posts(ports)
        self._of_logins(ports)
        self._of_mails(ports)
        self._of_second_factors(ports)

    def _of_profiles(self, ports: Ports) -> None:
        profiles, passwords, guard, clock = ports.profiles, ports.passwords, ports.session_guard, ports.clock
        export_profile = ExportProfileHandler(profiles, ports.sessions, ports.posts)
        self.create_profile = CreateProfileHandler(profiles, passwords, guard, clock)
        self.get_profile = GetProfileHandler(profiles)
        self.update_profile = UpdateProfileHandler(profiles, passwords, self.sessions, guard, clock)
        self.delete_profile = DeleteProfileHandler(profiles, self.sessions, guard, clock)
        self.list_profiles = ListProfilesHandler(profiles, ports.cursors)
        self.find_profile = FindProfileHandler(profiles)
        self.restore_profile = RestoreProfileHandler(profiles, guard, clock)
        self.erase_profile = EraseProfileHandler(profiles, ports.sessions, ports.session_cache, guard, clock)
        self.export_page = ExportPageHandler(export_profile, ports.cursors)

    def _of_posts(self, ports: Ports) -> None:
        posts, guard, clock = ports.posts, ports.session_guard, ports.clock
        self.create_post = CreatePostHandler(posts, guard, clock)
        self.get_post = GetPostHandler(posts)
        self.update_post = UpdatePostHandler(posts, guard, clock)
        self.delete_post = DeletePostHandler(posts, guard, clock)
        self.list_posts = ListPostsHandler(posts, ports.cursors)

    def _of_logins(self, ports: Ports) -> None:
        profiles, passwords, guard, clock = ports.profiles, ports.passwords, ports.session_guard, ports.clock
        self.log_in = LogInHandler(
            profiles,
            passwords,
            self.sessions,
            ports.device_tokens,
            SecondFactor(profiles, passwords.throttle, ports.secret_box, clock),
            ports.login_needs_verified_email,
        )
        self.refresh = RefreshHandler(self.sessions, ports.sessions, clock)
        self.log_out = LogOutHandler(self.sessions, passwords, ports.logout_needs_password)
        self.list_sessions = ListSessionsHandler(profiles, ports.sessions, clock)
        self.unlock_account = UnlockAccountHandler(profiles, passwords.throttle.counters, guard)
        self.verify_token = VerifyTokenHandler(ports.access_tokens, self.sessions)
        self.change_password = ChangePasswordHandler(profiles, passwords, self.sessions, guard, clock)

    def _of_mails(self, ports: Ports) -> None:
        profiles, tokens, clock = ports.profiles, ports.one_time_tokens, ports.clock
        self.start_reset = StartResetHandler(profiles, tokens)
        self.reset_password = ResetPasswordHandler(profiles, ports.passwords, self.sessions, tokens, clock)
        self.start_verification = StartVerificationHandler(profiles, tokens)
        self.verify_email = VerifyEmailHandler(profiles, ports.session_guard, tokens, clock)

    def _of_second_factors(self, ports: Ports) -> None:
        profiles, passwords, guard, clock = ports.profiles, ports.passwords, ports.session_guard, ports.clock
        box = ports.secret_box
        self.enroll_totp = EnrollTotpHandler(profiles, passwords, box, clock, ports.totp_issuer)
        self.confirm_totp = ConfirmTotpHandler(profiles, ports.sessions, guard, box, clock)
        self.remove_totp = RemoveTotpHandler(profiles, passwords, guard, clock)
