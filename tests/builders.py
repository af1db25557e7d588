"""Things that tests need, with everything filled in that a test does not care about."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from bson import ObjectId

from service.app.ids import new_id
from service.domain.emails import Email
from service.domain.profiles import Profile

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def an_address() -> str:
    """Return an e-mail address that nobody else has."""
    return f"{uuid4().hex}@Example.org"


def a_profile(**changes: Any) -> Profile:
    """Return a profile that is not stored anywhere, with *changes*."""
    values: dict[str, Any] = {
        "id": new_id(NOON),
        "oid": str(ObjectId()),
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": Email.parse(an_address()),
        "hashed_password": "not a hash",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Profile(**{**values, **changes})
