"""What the fake remembers, and who asks."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from profile_contracts.errors import ErrorReply
from profile_contracts.events import Event, EventType
from profile_contracts.fields import Result
from profile_contracts.posts import Post
from profile_contracts.profiles import Profile, Role
from profile_contracts.testing.fake_feed import FakeExchange
from profile_contracts.testing.refusals import refused
from profile_contracts.testing.token_signer import TokenSigner

ResultT = TypeVar("ResultT", bound=Result)


@dataclass(slots=True)
class Account:
    """A profile, and the password of its user."""

    profile: Profile
    password: str = field(repr=False)


@dataclass(slots=True)
class Session:
    """One login. Its refresh tokens are those of all its generations."""

    id: UUID
    user_id: UUID
    refresh_tokens: list[str] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """A human who has logged in."""

    id: UUID
    role: Role
    session_id: UUID


@dataclass(frozen=True, slots=True)
class RequestContext:
    """All that is known of a request beside its body.

    Attributes:
        user: Who asks, if that is known.
        auth_error: What to answer where it has to be known.
        former_user: Whose token came, if it is good and only its session has ended.
        key: The idempotency key.
        digest: What stands for the whole command.

    """

    user: User | None
    auth_error: ErrorReply
    former_user: User | None
    key: str
    digest: str

    def require_user(self) -> User:
        """Return who asks, or raise `Unauthenticated`."""
        if self.user is None:
            raise self.auth_error
        return self.user


@dataclass(slots=True)
class Memory:
    """Everything that the fake remembers.

    Attributes:
        clock: Tells the time.
        signer: Makes access tokens.
        accounts, posts, sessions: Those that are neither deleted nor ended.
        access_tokens: Whose they are, and until when, in seconds since 1970.
        processed: Commands by sender, aggregate and key: their digests, and what came of them.

    """

    clock: Callable[[], datetime]
    signer: TokenSigner
    accounts: dict[UUID, Account] = field(default_factory=dict)
    posts: dict[UUID, Post] = field(default_factory=dict)
    sessions: dict[UUID, Session] = field(default_factory=dict)
    access_tokens: dict[str, tuple[User, int]] = field(default_factory=dict, repr=False)
    processed: dict[tuple[UUID | None, UUID | None, str], tuple[str, Any]] = field(default_factory=dict)
    exchange: FakeExchange = field(default_factory=FakeExchange)
    _last_id: int = 0

    def now(self) -> datetime:
        """Return the time, to the millisecond."""
        now = self.clock().astimezone(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def new_id(self) -> UUID:
        """Return a UUID of version 7 (RFC 9562, 5.7), which is larger than all before."""
        milliseconds = int(self.now().timestamp() * 1000)
        self._last_id = max(milliseconds << 12, self._last_id + 1)
        time, rest = self._last_id >> 12, self._last_id & 0xFFF
        return UUID(int=time << 80 | 0x7 << 76 | rest << 64 | 0b10 << 62 | secrets.randbits(62))

    def account(self, profile_id: UUID) -> Account:
        """Return an account, or raise `NotFound`."""
        if profile_id not in self.accounts:
            raise refused("profile_not_found", field="id")
        return self.accounts[profile_id]

    def context(self, token: str | None, key: str, digest: str) -> RequestContext:
        """Return who asks with an access *token*."""
        if token is None:
            return RequestContext(None, refused("missing_token"), None, key, digest)
        user, expires_at = self.access_tokens.get(token, (None, 0))
        if user is None:
            return RequestContext(None, refused("token_invalid"), None, key, digest)
        if self.now().timestamp() >= expires_at:
            return RequestContext(None, refused("token_expired"), None, key, digest)
        if user.session_id not in self.sessions:
            return RequestContext(None, refused("session_ended"), user, key, digest)
        return RequestContext(user, refused("missing_token"), None, key, digest)

    def once(
        self,
        context: RequestContext,
        aggregate_id: UUID | None,
        command: Callable[[], ResultT],
        again: Callable[[ResultT], ResultT],
    ) -> ResultT:
        """Return what comes of *command*, or of the one before with the same key, as *again* has it now."""
        sender = context.user or context.former_user
        name = (sender.id if sender else None, aggregate_id, context.key)
        if name in self.processed:
            digest, result = self.processed[name]
            if digest != context.digest:
                raise refused("message_id_reused")
            return again(result)
        result = command()
        self.processed[name] = context.digest, result
        return result

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
