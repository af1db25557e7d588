"""What the fake remembers."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar
from uuid import UUID, uuid4

from profile_contracts.events import PROFILE_UPDATED, Event, EventType
from profile_contracts.fields import Result
from profile_contracts.profiles import Profile, Role
from profile_contracts.testing.fake_feed import FakeExchange
from profile_contracts.testing.records import Account, OneTimeToken, PostRecord, Session
from profile_contracts.testing.refusals import refused
from profile_contracts.testing.request_context import RequestContext, User
from profile_contracts.testing.token_signer import TokenSigner

ResultT = TypeVar("ResultT", bound=Result)

SecondFactorPolicy = Literal["optional", "administrators", "everybody"]

# Who sent it, what it is about, and its idempotency key.
CommandName = tuple[UUID | None, UUID | None, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """What operators set up.

    Attributes:
        max_sessions: How many a user may have; one more ends the oldest.
        login_needs_verified_email: Whether nobody is logged in whose address is not verified.
        logout_needs_password: Whether users show their password to end other sessions than this one.
        max_password_bytes: How long a password may be.
        second_factor: Who needs one.

    """

    max_sessions: int
    login_needs_verified_email: bool
    logout_needs_password: bool
    max_password_bytes: int
    second_factor: SecondFactorPolicy


@dataclass(slots=True)
class Memory:
    """Everything that the fake remembers.

    Attributes:
        clock: Tells the time.
        signer: Makes access tokens.
        rules: What operators set up.
        accounts, posts: All of them, deleted ones too.
        sessions: Those that have not ended.
        access_tokens: Whose they are, and until when, in seconds since 1970.
        one_time_tokens: All that were given, used or not.
        processed: Commands by sender, aggregate and key: their digests, and what came of them.

    """

    clock: Callable[[], datetime]
    signer: TokenSigner
    rules: Rules
    accounts: dict[UUID, Account] = field(default_factory=dict)
    posts: dict[UUID, PostRecord] = field(default_factory=dict)
    sessions: dict[UUID, Session] = field(default_factory=dict)
    access_tokens: dict[str, tuple[User, int]] = field(default_factory=dict, repr=False)
    one_time_tokens: dict[str, OneTimeToken] = field(default_factory=dict, repr=False)
    processed: dict[CommandName, tuple[str, Any]] = field(default_factory=dict)
    exchange: FakeExchange = field(default_factory=FakeExchange)
    _last_id: int = 0

    def now(self) -> datetime:
        """Return the time, to the millisecond."""
        now = self.clock().astimezone(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def new_id(self, after: datetime | None = None) -> UUID:
        """Return a UUID of version 7 (RFC 9562, 5.7), larger than all before, and of a time *after*."""
        milliseconds = int(self.now().timestamp() * 1000)
        if after:
            milliseconds = max(milliseconds, int(after.timestamp() * 1000) + 1)
        self._last_id = max(milliseconds << 12, self._last_id + 1)
        time, rest = self._last_id >> 12, self._last_id & 0xFFF
        return UUID(int=time << 80 | 0x7 << 76 | rest << 64 | 0b10 << 62 | secrets.randbits(62))

    def account(self, profile_id: UUID) -> Account:
        """Return an account that is not deleted, or raise `NotFound`."""
        account = self.account_including_deleted(profile_id)
        if account.is_deleted:
            raise refused("profile_not_found", field="id")
        return account

    def account_including_deleted(self, profile_id: UUID) -> Account:
        """Return an account, or raise `NotFound`."""
        if profile_id not in self.accounts:
            raise refused("profile_not_found", field="id")
        return self.accounts[profile_id]

    def context(self, token: str | None) -> RequestContext:
        """Return who asks with an access *token*."""
        if token is None:
            return RequestContext(auth_error=refused("missing_token"))
        user, expires_at = self.access_tokens.get(token, (None, 0))
        if user is None:
            return RequestContext(auth_error=refused("token_invalid"))
        if self.now().timestamp() >= expires_at:
            return RequestContext(auth_error=refused("token_expired"))
        if user.session_id not in self.sessions:
            return RequestContext(auth_error=refused("session_ended"), former_user=user)
        lacks_code = not self.sessions[user.session_id].with_code and self._needs_second_factor(user.role)
        return RequestContext(user=user, auth_error=refused("missing_token"), lacks_code=lacks_code)

    def _needs_second_factor(self, role: Role) -> bool:
        policy = self.rules.second_factor
        return policy == "everybody" or (policy == "administrators" and role is Role.ADMIN)

    def remove_expired_sessions(self) -> None:
        """Let sessions go that are too old; no event says so."""
        now = self.now()
        self.sessions = {name: each for name, each in self.sessions.items() if now < each.expires_at}

    def once(
        self,
        context: RequestContext,
        aggregate_id: UUID | None,
        command: Callable[[], ResultT],
        again: Callable[[ResultT], ResultT],
    ) -> ResultT:
        """Return what comes of *command*, or of the one before with the same key, as *again* has it now."""
        name = _command_name(context, aggregate_id)
        if name in self.processed:
            digest, result = self.processed[name]
            if digest != context.digest:
                raise refused("message_id_reused")
            return again(result)
        result = command()
        self.processed[name] = context.digest, result
        return result

    def is_done(self, context: RequestContext, aggregate_id: UUID) -> bool:
        """Return whether this very command was carried out before."""
        digest, _ = self.processed.get(_command_name(context, aggregate_id), (None, None))
        return digest == context.digest

    def forget_commands(self, aggregate_id: UUID) -> None:
        """Forget which commands something has seen."""
        for name in [each for each in self.processed if each[1] == aggregate_id]:
            del self.processed[name]

    def save_profile(
        self, account: Account, patch: dict[str, Any], happened: EventType = PROFILE_UPDATED, *also: str
    ) -> Profile:
        """Give *account* the next version of its profile, and publish what has *happened*.

        Args:
            account: The account.
            patch: The new values of fields.
            happened: What to publish.
            also: What else has changed.

        """
        before = account.profile
        values = {**patch, "version": before.version + 1, "updated_at": self.now()}
        after = account.profile = before.model_copy(update=values)
        changed = sorted({*patch, *also})
        self.publish(happened, after.id, {"id": after.id, "version": after.version, "changed": changed})
        return after

    def publish(self, event_type: EventType, subject: UUID | str, data: dict[str, Any]) -> None:
        """Publish an event, at once."""
        event = Event[Any](
            id=str(uuid4()),
            type=event_type.name,
            subject=str(subject),
            time=self.now(),
            data=event_type.data.model_validate(data),
        )
        self.exchange.publish(event)


def _command_name(context: RequestContext, aggregate_id: UUID | None) -> CommandName:
    sender = context.user or context.former_user
    return sender.id if sender else None, aggregate_id, context.key
