"""What is said about profiles."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import MISSING, Field

from profile_contracts.fields import (
    DEFAULT_PAGE_SIZE,
    AttributeName,
    AttributeValue,
    Email,
    EmailPrefix,
    Id,
    Limit,
    Name,
    NewPassword,
    NextCursor,
    ObjectId,
    Page,
    Request,
    Result,
    Secret,
    Timestamp,
    Version,
)


class Role(StrEnum):
    """What a user may do: `admin` may act on every profile."""

    USER = "user"
    ADMIN = "admin"


class Status(StrEnum):
    """Where a profile is in its life."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class SettableStatus(StrEnum):
    """The statuses that an administrator may set; deleting has an operation of its own."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


LastName = Annotated[Name | MISSING | None, Field(description="Null, or none: some have one name only.")]


class CreateProfile(Request):
    """Sign a user up."""

    first_name: Name
    last_name: LastName = MISSING
    email: Email
    password: NewPassword
    role: Role = Role.USER
    attributes: Annotated[
        dict[AttributeName, AttributeValue] | MISSING,
        Field(max_length=32, description="What you keep about the user: 32 at most, of 4 KiB in all."),
    ] = MISSING


class GetProfile(Request):
    """Read one profile."""

    id: Id


class UpdateProfile(Request):
    """Change some fields of a profile; at least one has to be named."""

    id: Id
    expected_version: Annotated[
        Version | MISSING, Field(description="Refuse the change if the profile has moved on from here.")
    ] = MISSING
    first_name: Name | MISSING = MISSING
    last_name: LastName = MISSING
    email: Email | MISSING = MISSING
    current_password: Annotated[
        Secret | MISSING, Field(description="Required of users who change their own e-mail.")
    ] = MISSING
    role: Annotated[Role | MISSING, Field(description="Administrators only.")] = MISSING
    status: Annotated[SettableStatus | MISSING, Field(description="Administrators only.")] = MISSING
    attributes: Annotated[
        dict[AttributeName, AttributeValue | None] | MISSING,
        Field(max_length=64, description="Those that change; null removes one. The others stay."),
    ] = MISSING


class DeleteProfile(Request):
    """Delete a profile. Its e-mail address is free at once."""

    id: Id
    expected_version: Version | MISSING = MISSING


class ListProfiles(Request):
    """Read many profiles: the newest first, or by address."""

    limit: Limit = DEFAULT_PAGE_SIZE
    cursor: NextCursor | MISSING = MISSING
    status: SettableStatus | MISSING = MISSING
    role: Role | MISSING = MISSING
    email_prefix: EmailPrefix | MISSING = MISSING


class FindProfile(Request):
    """Find the profile that has an address, in whatever spelling."""

    email: Email
    include_deleted: Annotated[
        bool,
        Field(description="If nobody has the address: the profile that had it when it was deleted last."),
    ] = False


class RestoreProfile(Request):
    """Bring a deleted profile back, if its address is still free. Its posts follow."""

    id: Id
    expected_version: Version | MISSING = MISSING


class EraseProfile(Request):
    """Scrub everything personal about a user, for good (GDPR, article 17). Posts follow in seconds."""

    id: Id
    expected_version: Version | MISSING = MISSING


class ExportProfile(Request):
    """Read everything that is held about a user (GDPR, articles 15 and 20), page by page."""

    id: Id
    limit: Annotated[Limit, Field(description="How many posts at most.")] = DEFAULT_PAGE_SIZE
    cursor: NextCursor | MISSING = MISSING


class Profile(Result):
    """A profile as its owner, administrators and trusted services see it. It never holds a password hash."""

    id: Id
    oid: ObjectId
    first_name: str
    last_name: Annotated[str, Field(description="Empty for whoever has none.")]
    email: str
    role: Role
    status: Status
    created_at: Timestamp
    updated_at: Timestamp
    version: Version
    email_verified: Annotated[
        bool,
        Field(description="Whether the user is known to read the mails to this address."),
    ] = False
    attributes: dict[str, AttributeValue] = Field(default_factory=dict)
    totp_enrolled: Annotated[bool, Field(description="Whether a login needs a code, too: `otp`.")] = False


class ProfilePage(Page[Profile]):
    """Some profiles, and where the next ones are. Deleted profiles are in no list."""


class PublicProfile(Result):
    """A profile as any other user sees it."""

    id: Id
    first_name: str
    last_name: str
    created_at: Timestamp


class DeletedProfile(Result):
    """What is left to say of a profile that was deleted."""

    id: Id
    status: Annotated[Status, Field(description="As it is now: it may have been restored since.")]
    deleted_at: Annotated[
        Timestamp, Field(description="When it was deleted; of one that was restored since, its last change.")
    ]


class ErasedProfile(Result):
    """What is left of a profile that was erased: a name that nobody else will have."""

    id: Id
    status: Literal["erased"] = "erased"
    version: Version
    erased_at: Timestamp


Record = Annotated[
    dict[str, Any], Field(description="As it is stored, but for secrets. Later versions may hold more.")
]


class ExportedProfile(Result):
    """What is held about a user: all of it is the posts of every page, and the rest of any."""

    profile: Record
    sessions: tuple[Record, ...]
    posts: Annotated[tuple[Record, ...], Field(description="Deleted ones too, the oldest first.")]
    next_cursor: Annotated[
        str | None, Field(description="Where the next posts begin. Null at the end of them.")
    ]
