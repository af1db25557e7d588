"""Who may do what, cell by cell: what a caller with a correct request is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from tests.integration.identity.people import NEW_PASSWORD
from tests.integration.requests import PASSWORD


class Actor(StrEnum):
    """Who asks. The request is about a user called the subject."""

    ANONYMOUS = "anonymous"
    SELF = "self"  # the subject
    OTHER = "other"
    ADMIN = "admin"
    SUSPENDED = "suspended"  # with a token from before
    TRUSTED = "trusted service"
    UNTRUSTED = "untrusted service"  # trusted by nobody, but named by the broker


OK, NOBODY, FORBIDDEN, CONFLICT = "ok", "unauthenticated", "forbidden", "conflict"
FULL, PUBLIC = "ok, full", "ok, public"

Cells = Mapping[Actor, str]


def _cells(*outcomes: str) -> Cells:
    return dict(zip(Actor, outcomes, strict=True))


@dataclass(frozen=True, slots=True)
class Row:
    """One operation, or one field of it.

    Attributes:
        body: The request; `{id}` and its like stand for what the subject has.
        cells: By actor, a code, or what is answered.
        changes: Whether it leaves the subject or the actor otherwise than it was.

    """

    operation: str
    field: str
    body: Mapping[str, Any]
    cells: Cells
    changes: bool = False


_ID: Final = {"id": "{id}"}
_POST_ID: Final = {"id": "{post_id}"}
_CREATE: Final = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "{new_email}",
    "password": PASSWORD,
}
_ANYBODY: Final = _cells(OK, OK, OK, OK, OK, OK, OK)
_USERS: Final = _cells(NOBODY, OK, OK, OK, NOBODY, FORBIDDEN, NOBODY)
_AUTHORS: Final = _cells(NOBODY, OK, FORBIDDEN, OK, NOBODY, FORBIDDEN, NOBODY)
_STALE: Final = _cells(NOBODY, CONFLICT, FORBIDDEN, CONFLICT, NOBODY, FORBIDDEN, NOBODY)

_OPERATORS: Final = _cells(NOBODY, FORBIDDEN, FORBIDDEN, OK, NOBODY, OK, NOBODY)

# Cells in the order of `Actor`: anonymous, self, other, admin, suspended, trusted, untrusted.
ALLOW_TABLE: Final = (
    Row("profile.create", "", _CREATE, _ANYBODY),
    Row(
        "profile.create",
        "role=user",
        {**_CREATE, "role": "user"},
        _ANYBODY,
    ),
    Row(
        "profile.create",
        "role=admin",
        {**_CREATE, "role": "admin"},
        _cells(NOBODY, FORBIDDEN, FORBIDDEN, OK, NOBODY, OK, NOBODY),
    ),
    Row("profile.get", "", _ID, _cells(NOBODY, FULL, PUBLIC, FULL, NOBODY, FULL, NOBODY)),
    Row(
        "profile.update",
        "last_name",
        {**_ID, "last_name": "King"},
        _cells(NOBODY, OK, FORBIDDEN, OK, NOBODY, OK, NOBODY),
    ),
    Row(
        "profile.update",
        "email without password",
        {**_ID, "email": "{new_email}"},
        _cells(NOBODY, "invalid", FORBIDDEN, OK, NOBODY, OK, NOBODY),
        changes=True,
    ),
    Row(
        "profile.update",
        "email with password",
        {**_ID, "email": "{new_email}", "current_password": PASSWORD},
        _cells(NOBODY, OK, FORBIDDEN, OK, NOBODY, OK, NOBODY),
        changes=True,
    ),
    Row(
        "profile.update",
        "role",
        {**_ID, "role": "admin"},
        _cells(NOBODY, FORBIDDEN, FORBIDDEN, OK, NOBODY, FORBIDDEN, NOBODY),
        changes=True,
    ),
    Row(
        "profile.update",
        "status",
        {**_ID, "status": "suspended"},
        _cells(NOBODY, FORBIDDEN, FORBIDDEN, OK, NOBODY, FORBIDDEN, NOBODY),
        changes=True,
    ),
    Row(
        "profile.delete",
        "",
        _ID,
        _cells(NOBODY, OK, FORBIDDEN, OK, NOBODY, OK, NOBODY),
        changes=True,
    ),
    Row("profile.list", "", {}, _cells(NOBODY, FORBIDDEN, FORBIDDEN, OK, NOBODY, OK, NOBODY)),
    Row(
        "profile.list",
        "own email_prefix",
        {"email_prefix": "{email}"},
        _cells(NOBODY, FORBIDDEN, FORBIDDEN, OK, NOBODY, OK, NOBODY),
    ),
    Row("profile.find", "", {"email": "{email}"}, _OPERATORS),
    Row("profile.export", "", _ID, _cells(NOBODY, OK, FORBIDDEN, OK, NOBODY, OK, NOBODY)),
    Row("profile.restore", "", _ID, _cells(NOBODY, FORBIDDEN, FORBIDDEN, CONFLICT, NOBODY, CONFLICT, NOBODY)),
    Row("profile.erase", "", _ID, _OPERATORS, changes=True),
    Row("auth.login", "", {"email": "{email}", "password": PASSWORD}, _ANYBODY),
    Row("auth.refresh", "", {"refresh_token": "{refresh_token}"}, _ANYBODY),
    Row("auth.logout", "", {"scope": "global"}, _USERS, changes=True),
    Row(
        "auth.logout",
        "with password",
        {"scope": "global", "current_password": PASSWORD},
        _USERS,
        changes=True,
    ),
    Row("auth.logout", "session_id", {"session_id": "{id}"}, _USERS),
    Row(
        "auth.logout",
        "user_id",
        {"user_id": "{id}", "scope": "global"},
        _cells(NOBODY, OK, FORBIDDEN, OK, NOBODY, FORBIDDEN, NOBODY),
        changes=True,
    ),
    Row("auth.sessions", "", {}, _USERS),
    Row(
        "auth.sessions",
        "user_id",
        {"user_id": "{id}"},
        _cells(NOBODY, OK, FORBIDDEN, OK, NOBODY, OK, NOBODY),
    ),
    Row("auth.unlock", "", _ID, _OPERATORS),
    Row("auth.verify", "", {"token": "{token}"}, _ANYBODY),
    Row(
        "auth.change_password",
        "",
        {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
        _USERS,
        changes=True,
    ),
    Row(
        "auth.start_reset",
        "",
        {"email": "{email}"},
        _cells(NOBODY, FORBIDDEN, FORBIDDEN, FORBIDDEN, NOBODY, OK, NOBODY),
    ),
    Row(
        "auth.reset_password",
        "",
        {"token": "{reset_token}", "new_password": NEW_PASSWORD},
        _ANYBODY,
        changes=True,
    ),
    Row(
        "auth.start_verification",
        "",
        _ID,
        _cells(NOBODY, OK, FORBIDDEN, OK, NOBODY, OK, NOBODY),
    ),
    Row("auth.verify_email", "", {"token": "{verification_token}"}, _ANYBODY, changes=True),
    Row("auth.totp_enroll", "", {"current_password": PASSWORD}, _USERS),
    Row(
        "auth.totp_confirm",
        "of nobody",
        {"enrolment": "none", "otp": "000000"},
        _cells(NOBODY, "invalid", "invalid", "invalid", NOBODY, FORBIDDEN, NOBODY),
    ),
    Row("auth.totp_remove", "own", {"current_password": PASSWORD}, _USERS),
    Row(
        "auth.totp_remove",
        "id",
        {**_ID, "current_password": PASSWORD},
        _cells(NOBODY, OK, FORBIDDEN, OK, NOBODY, FORBIDDEN, NOBODY),
    ),
    Row("auth.keys", "", {}, _ANYBODY),
    Row("post.create", "", {"title": "Note G", "body": "It weaves."}, _USERS),
    Row("post.get", "", _POST_ID, _ANYBODY),
    Row("post.update", "title", {**_POST_ID, "title": "Note H"}, _AUTHORS),
    Row("post.update", "body", {**_POST_ID, "body": "It thinks."}, _AUTHORS),
    Row("post.update", "stale", {**_POST_ID, "title": "Note I", "expected_version": 99}, _STALE),
    Row("post.list", "", {}, _ANYBODY),
    Row("post.list", "of one user", {"user_id": "{id}"}, _ANYBODY),
    Row("post.delete", "stale", {**_POST_ID, "expected_version": 99}, _STALE),
    Row("post.delete", "", _POST_ID, _AUTHORS, changes=True),
)
CELLS: Final = [(row, actor) for row in ALLOW_TABLE for actor in Actor]
