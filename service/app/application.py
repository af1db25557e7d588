"""The menu: everything the service can be asked to do."""

from dataclasses import dataclass

from service.app.auth.change_password import ChangePasswordHandler
from service.app.auth.confirm_totp import ConfirmTotpHandler
from service.app.auth.enroll_totp import EnrollTotpHandler
from service.app.auth.list_sessions import ListSessionsHandler
from service.app.auth.log_in import LogInHandler
from service.app.auth.log_out import LogOutHandler
from service.app.auth.refresh import RefreshHandler
from service.app.auth.remove_totp import RemoveTotpHandler
from service.app.auth.reset_password import ResetPasswordHandler
from service.app.auth.start_reset import StartResetHandler
from service.app.auth.start_verification import StartVerificationHandler
from service.app.auth.tokens import AccessTokens
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
from service.app.queries.find_profile import FindProfileHandler
from service.app.queries.get_post import GetPostHandler
from service.app.queries.get_profile import GetProfileHandler
from service.app.queries.list_posts import ListPostsHandler
from service.app.queries.list_profiles import ListProfilesHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Every use case, ready to be called."""

    create_profile: CreateProfileHandler
    get_profile: GetProfileHandler
    update_profile: UpdateProfileHandler
    delete_profile: DeleteProfileHandler
    find_profile: FindProfileHandler
    restore_profile: RestoreProfileHandler
    erase_profile: EraseProfileHandler
    export_page: ExportPageHandler
    create_post: CreatePostHandler
    get_post: GetPostHandler
    update_post: UpdatePostHandler
    delete_post: DeletePostHandler
    list_posts: ListPostsHandler
    list_profiles: ListProfilesHandler
    log_in: LogInHandler
    refresh: RefreshHandler
    log_out: LogOutHandler
    list_sessions: ListSessionsHandler
    unlock_account: UnlockAccountHandler
    verify_token: VerifyTokenHandler
    change_password: ChangePasswordHandler
    start_reset: StartResetHandler
    reset_password: ResetPasswordHandler
    start_verification: StartVerificationHandler
    verify_email: VerifyEmailHandler
    enroll_totp: EnrollTotpHandler
    confirm_totp: ConfirmTotpHandler
    remove_totp: RemoveTotpHandler
    tokens: AccessTokens
