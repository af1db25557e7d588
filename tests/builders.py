"""Things that tests need, with everything filled in that a test does not care about."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from bson import ObjectId

from service.app.auth.actors import User
from service.app.ids import new_id
from service.domain.email import Email
from service.domain.post import Post
from service.domain.profile import Profile, Role
from service.domain.session import Session

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


def a_post(**changes: Any) -> Post:
    """Return a post that is not stored anywhere, with *changes*."""
    values: dict[str, Any] = {
        "id": new_id(NOON),
        "oid": str(ObjectId()),
        "user_id": new_id(NOON),
        "title": "Note G",
        "body": "It weaves algebraic patterns.",
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Post(**{**values, **changes})


def a_user(user_id: UUID | None = None, role: Role = Role.USER, session: UUID | None = None) -> User:
    """Return somebody with an access token."""
    return User(user_id or uuid4(), role, session or uuid4())


def a_session(user_id: UUID | None = None, **changes: Any) -> Session:
    """Return a session that is not stored anywhere, with *changes*."""
    session = Session.opened(new_id(NOON), user_id or uuid4(), 1, NOON)
    return replace(session, **changes)
