"""What the fake keeps of each thing, beside what the service shows of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from profile_contracts.posts import Post, PostStatus
from profile_contracts.profiles import Profile, Status
from profile_contracts.testing.request_context import Origin


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret that may become a second factor."""

    secret: bytes = field(repr=False)
    expires_at: datetime


@dataclass(slots=True)
class SecondFactor:
    """What the codes of a user follow from.

    Attributes:
        last_step: The time step of the code that was used last: those up to it are good no more.
        recovery_codes: Those that were not used.

    """

    secret: bytes = field(repr=False)
    last_step: int
    recovery_codes: set[str] = field(repr=False)


@dataclass(slots=True)
class Account:
    """A profile, and the password of its user.

    Attributes:
        previous_status: That of a deleted profile before it was deleted.
        is_erased: Whether only a name is left of a deleted profile.
        credentials_version: 1 more with each change that ends all one-time tokens.
        enrolments: Secrets that were given for a second factor, by name.

    """

    profile: Profile
    password: str = field(repr=False)
    previous_status: Status = Status.ACTIVE
    is_erased: bool = False
    credentials_version: int = 1
    enrolments: dict[str, Enrolment] = field(default_factory=dict, repr=False)
    second_factor: SecondFactor | None = field(default=None, repr=False)

    @property
    def is_deleted(self) -> bool:
        """Whether the profile is deleted, erased or not."""
        return self.profile.status is Status.DELETED

    @property
    def may_log_in(self) -> bool:
        """Whether the user may."""
        return self.profile.status is Status.ACTIVE

    @property
    def personal_words(self) -> tuple[str, ...]:
        """What no password is made from."""
        return self.profile.first_name, self.profile.last_name, self.profile.email


@dataclass(slots=True)
class PostRecord:
    """A post.

    Attributes:
        went_with_owner: Whether it was deleted because its owner was, and comes back with the owner.
        is_erased: Whether only a name is left of a deleted post.

    """

    post: Post
    went_with_owner: bool = False
    is_erased: bool = False

    @property
    def is_active(self) -> bool:
        """Whether it can be read."""
        return self.post.status is PostStatus.ACTIVE


@dataclass(slots=True)
class Session:
    """One login.

    Attributes:
        refresh_tokens: Those of all its generations.
        with_code: Whether a code of a second factor was shown in it, or by the login that opened it.

    """

    id: UUID
    user_id: UUID
    created_at: datetime
    last_used_at: datetime
    origin: Origin
    refresh_tokens: list[str] = field(default_factory=list, repr=False)
    with_code: bool = False

    @property
    def good_refresh_tokens(self) -> list[str]:
        """The last one, and the one before, whose successor was not used yet."""
        return self.refresh_tokens[-2:]

    @property
    def expires_at(self) -> datetime:
        """When it ends: 30 days after it was refreshed last, and 90 days after the login in any case."""
        return min(self.last_used_at + timedelta(days=30), self.created_at + timedelta(days=90))


@dataclass(frozen=True, slots=True)
class OneTimeToken:
    """What a one-time token is good for.

    Attributes:
        queue: The operation that takes it.
        credentials_version: That of the account when it was given.

    """

    queue: str
    profile_id: UUID
    credentials_version: int
    expires_at: datetime
