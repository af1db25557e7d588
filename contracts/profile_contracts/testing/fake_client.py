"""The fake: a client that asks no service, but has all of it in memory."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar, Unpack, cast
from uuid import UUID
from weakref import WeakSet

from profile_contracts import operations
from profile_contracts.call_options import DEFAULT_TIMEOUT, CallOptions, headers, idempotency_key, timeout_of
from profile_contracts.errors import CallFailed, ErrorReply, NotSent
from profile_contracts.event_feed import REMEMBERED, OnGap
from profile_contracts.events import COMMAND_FAILED
from profile_contracts.fields import MAX_BODY_BYTES, Request
from profile_contracts.operations import Operation
from profile_contracts.profile_api import ProfileApi
from profile_contracts.profiles import Role
from profile_contracts.testing import (
    deletions,
    exports,
    logins,
    one_time_tokens,
    posts,
    profiles,
    second_factor,
    sessions,
)
from profile_contracts.testing.fake_feed import FakeFeed
from profile_contracts.testing.memory import Memory, Rules, SecondFactorPolicy
from profile_contracts.testing.refusals import refused
from profile_contracts.testing.request_context import Origin, RequestContext, origin_of
from profile_contracts.testing.token_signer import TokenSigner

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT")

HANDLERS: Final[dict[str, Callable[..., Any]]] = {
    operations.PROFILE_CREATE.queue: profiles.create,
    operations.PROFILE_GET.queue: profiles.get,
    operations.PROFILE_UPDATE.queue: profiles.update,
    operations.PROFILE_DELETE.queue: deletions.delete,
    operations.PROFILE_LIST.queue: profiles.list_all,
    operations.PROFILE_FIND.queue: profiles.find,
    operations.PROFILE_RESTORE.queue: deletions.restore,
    operations.PROFILE_ERASE.queue: deletions.erase,
    operations.PROFILE_EXPORT.queue: exports.export,
    operations.AUTH_LOGIN.queue: logins.log_in,
    operations.AUTH_REFRESH.queue: logins.refresh,
    operations.AUTH_LOGOUT.queue: sessions.log_out,
    operations.AUTH_SESSIONS.queue: sessions.list_all,
    operations.AUTH_UNLOCK.queue: logins.unlock,
    operations.AUTH_VERIFY.queue: logins.verify,
    operations.AUTH_CHANGE_PASSWORD.queue: logins.change_password,
    operations.AUTH_START_RESET.queue: one_time_tokens.start_reset,
    operations.AUTH_RESET_PASSWORD.queue: one_time_tokens.reset_password,
    operations.AUTH_START_VERIFICATION.queue: one_time_tokens.start_verification,
    operations.AUTH_VERIFY_EMAIL.queue: one_time_tokens.verify_email,
    operations.AUTH_TOTP_ENROLL.queue: second_factor.enroll,
    operations.AUTH_TOTP_CONFIRM.queue: second_factor.confirm,
    operations.AUTH_TOTP_REMOVE.queue: second_factor.remove,
    operations.AUTH_KEYS.queue: logins.keys,
    operations.POST_CREATE.queue: posts.create,
    operations.POST_GET.queue: posts.get,
    operations.POST_UPDATE.queue: posts.update,
    operations.POST_DELETE.queue: posts.delete,
    operations.POST_LIST.queue: posts.list_all,
}

_MAX_PASSWORD_BYTES: Final = {"bcrypt": 72, "argon2id": 1024}


@dataclass(frozen=True, slots=True)
class _Failure:
    failure: CallFailed
    operation: Operation[Any, Any] | None
    carried_out: bool


class FakeProfileClient(ProfileApi):
    """Keeps the rules of the service in memory, for the tests of gateways. Each fake has users of its own.

    It hashes nothing, slows nobody down, knows few bad passwords, and repeats no call: what `fail_next` says
    is what the code under test meets.

    Args:
        now: The clock; tests may turn it, so that tokens expire.
        token_seconds: How long access tokens live.
        issuer, audience: What access tokens say in `iss` and `aud`.
        trusted_for: The operations that the gateway may ask for on its own account, as `TRUSTED_SERVICES`
            lists them for its broker user. If there is any, `client_ip` and `user_agent` are believed.
        max_sessions: As `MAX_SESSIONS` has it: one more ends the oldest of the user.
        login_needs_verified_email: As `LOGIN_NEEDS_VERIFIED_EMAIL` has it.
        logout_needs_password: As `LOGOUT_NEEDS_PASSWORD` has it.
        password_scheme: As `PASSWORD_SCHEME` has it: how long passwords may be follows from it.
        second_factor: As `SECOND_FACTOR` has it.

    Raises:
        ValueError: There is no such operation, or users may have no session.

    Attributes:
        calls: All requests so far, by the name of their operation, in their order.

    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        token_seconds: int = 600,
        issuer: str = "profile-service",
        audience: str = "gateways",
        trusted_for: Collection[str] = (),
        max_sessions: int = 100,
        login_needs_verified_email: bool = False,
        logout_needs_password: bool = False,
        password_scheme: Literal["bcrypt", "argon2id"] = "bcrypt",  # noqa: S107 - a name
        second_factor: SecondFactorPolicy = "optional",
    ) -> None:
        if unknown := sorted(set(trusted_for) - HANDLERS.keys()):
            message = f"no such operation: {unknown}"
            raise ValueError(message)
        if max_sessions < 1:
            message = f"max_sessions has to be 1 at least, not {max_sessions}"
            raise ValueError(message)
        rules = Rules(
            max_sessions,
            login_needs_verified_email,
            logout_needs_password,
            _MAX_PASSWORD_BYTES[password_scheme],
            second_factor,
        )
        self._memory = Memory(now, TokenSigner(issuer, audience, token_seconds), rules)
        self._trusted_for = frozenset(trusted_for)
        self._failures: list[_Failure] = []
        self._feeds: WeakSet[FakeFeed] = WeakSet()
        self._is_closed = False
        self.calls: list[tuple[str, Request]] = []

    async def __aenter__(self) -> Self:
        """Return the fake."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take no more calls, and end all loops over events."""
        self._is_closed = True
        for each in self._feeds:
            await each.close()

    def fail_next(
        self,
        failure: CallFailed,
        operation: Operation[Any, Any] | None = None,
        *,
        carried_out: bool = False,
    ) -> None:
        """Let the next call, of *operation* if that is given, raise *failure*.

        With *carried_out* it has its effect before, as when a reply is lost.
        """
        self._failures.append(_Failure(failure, operation, carried_out))

    def make_admin(self, profile_id: UUID) -> None:
        """Give a user the role of an administrator, as an operator would."""
        account = self._memory.account(profile_id)
        self._memory.save_profile(account, {"role": Role.ADMIN})
        sessions.end_all(self._memory, account, "role_changed")

    async def call(
        self,
        operation: Operation[RequestT, ResultT],
        request: RequestT,
        token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> ResultT:
        """Carry *operation* out, and return its result."""
        timeout_of(options, DEFAULT_TIMEOUT, request)
        failing = self._take_failure(operation)
        if failing and not failing.carried_out:
            raise failing.failure
        result = self._carried_out(operation, request, token, options)
        if failing:
            raise failing.failure
        return cast("ResultT", result)

    async def publish(
        self,
        operation: Operation[RequestT, Any],
        request: RequestT,
        token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Carry the command *request* out; if it is refused, an event says so."""
        timeout_of(options, DEFAULT_TIMEOUT)
        key = options["idempotency_key"] = idempotency_key(options)
        failing = self._take_failure(operation)
        if failing and not failing.carried_out:
            raise failing.failure
        try:
            self._carried_out(operation, request, token, options)
        except ErrorReply as refusal:
            data = {
                "queue": operation.queue,
                "message_id": key,
                "correlation_id": None,
                "code": refusal.code,
                "reason": refusal.reason,
            }
            self._memory.publish(COMMAND_FAILED, operation.queue, data)
        if failing:
            raise failing.failure

    def events(
        self,
        *keys: str,
        queue: str | None = None,
        on_gap: OnGap | None = None,
        remember: int = REMEMBERED,  # noqa: ARG002 - no event comes twice here
    ) -> FakeFeed:
        """Return events with these routing keys, for `async for`."""
        self._require_open()
        feed = FakeFeed(self._memory.exchange, keys, queue, on_gap)
        self._feeds.add(feed)
        return feed

    def _carried_out(
        self, operation: Operation[Any, Any], request: Request, token: str | None, options: CallOptions
    ) -> Any:  # noqa: ANN401 - the result of any operation
        self._require_open()
        body = request.model_dump_json().encode()
        if len(body) > MAX_BODY_BYTES:
            message = f"The request to {operation.queue} is larger than {MAX_BODY_BYTES} bytes."
            raise NotSent(message)
        headers(token, options)
        self.calls.append((operation.queue, request))
        self._memory.remove_expired_sessions()
        key = idempotency_key(options)
        digest = sha256(operation.queue.encode() + body).hexdigest()
        context = replace(self._context(operation, token, options), key=key, digest=digest)
        if context.lacks_code and operation.needs_second_factor:
            raise refused("second_factor_needed")
        return HANDLERS[operation.queue](self._memory, request, context)

    def _context(
        self, operation: Operation[Any, Any], token: str | None, options: CallOptions
    ) -> RequestContext:
        origin = origin_of(options) if self._trusted_for else Origin()
        if operation.authentication == "none":
            return replace(self._memory.context(None), origin=origin)
        is_trusted = token is None and operation.queue in self._trusted_for
        return replace(self._memory.context(token), is_trusted=is_trusted, origin=origin)

    def _take_failure(self, operation: Operation[Any, Any]) -> _Failure | None:
        for each in self._failures:
            if each.operation in (None, operation):
                self._failures.remove(each)
                return each
        return None

    def _require_open(self) -> None:
        if self._is_closed:
            raise NotSent("The client is closed.")
