"""One user as a line of JSON: what `profilectl profile import` reads and `export-all` writes."""

import json
from typing import Annotated

from pydantic import Field, ValidationError

from profile_contracts.fields import (
    AttributeName,
    AttributeValue,
    Email,
    Id,
    Name,
    Request,
    Timestamp,
    rfc3339,
)
from profile_contracts.profiles import Role as WireRole
from profile_contracts.profiles import SettableStatus
from service.app.commands.import_profiles import ProfileToImport
from service.domain.profile import Profile, Role, Status


class ProfileLine(Request):
    """One user."""

    id: Id | None = None
    email: Email
    first_name: Name
    last_name: Name | None = None
    role: WireRole = WireRole.USER
    status: SettableStatus = SettableStatus.ACTIVE
    email_verified: bool = False
    attributes: Annotated[dict[AttributeName, AttributeValue], Field(max_length=32, default_factory=dict)]
    created_at: Timestamp | None = None
    password_hash: Annotated[str, Field(max_length=512, repr=False)]


def read_line(line: bytes) -> ProfileToImport:
    """Return the user in *line*, or raise `ValidationError`."""
    read = ProfileLine.model_validate_json(line)
    return ProfileToImport(
        id=read.id,
        email=read.email,
        first_name=read.first_name,
        last_name=read.last_name or "",
        role=Role(read.role),
        status=Status(read.status),
        is_verified=read.email_verified,
        attributes=read.attributes,
        created_at=read.created_at,
        password_hash=read.password_hash,
    )


def reasons_of(error: ValidationError) -> str:
    """Return what is wrong with a line, field by field: nothing that stands in it, be it a field's name."""
    reasons: dict[str, str] = {}
    for each in error.errors(include_input=False, include_url=False, include_context=False):
        is_ours = each["type"] != "extra_forbidden" and each["loc"]
        name = f"{each['loc'][0]}: " if is_ours else ""
        reasons.setdefault(name, each["msg"] if is_ours or not each["loc"] else "There is a field too many")
    return "; ".join(f"{name}{message}" for name, message in reasons.items())


def write_line(profile: Profile) -> bytes:
    """Return *profile* as a line."""
    line = {
        "id": str(profile.id),
        "email": profile.email.typed,
        "first_name": profile.first_name,
        "last_name": profile.last_name or None,
        "role": profile.role.value,
        "status": profile.status.value,
        "email_verified": profile.email_verified,
        "attributes": profile.attributes,
        "created_at": rfc3339(profile.created_at),
        "password_hash": profile.hashed_password,
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
