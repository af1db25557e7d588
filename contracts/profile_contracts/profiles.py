"""What is said about profiles."""

from enum import StrEnum
from typing import Annotated

from pydantic import MISSING, Field

from profile_contracts.fields import (
    DEFAULT_PAGE_SIZE,
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


class CreateProfile(Request):
    """Sign a user up."""

    first_name: Name
    last_name: Name
    email: Email
    password: NewPassword
    role: Role = Role.USER


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
    last_name: Name | MISSING = MISSING
    email: Email | MISSING = MISSING
    current_password: Annotated[
        Secret | MISSING, Field(description="Required of users who change their own e-mail.")
    ] = MISSING
    role: Annotated[Role | MISSING, Field(description="Administrators only.")] = MISSING
    status: Annotated[SettableStatus | MISSING, Field(description="Administrators only.")] = MISSING


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


class Profile(Result):
    """A profile as its owner, administrators and trusted services see it. It never holds a password hash."""

    id: Id
    oid: ObjectId
    first_name: str
    last_name: str
    email: str
    role: Role
    status: Status
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


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
    status: Status
    deleted_at: Timestamp
