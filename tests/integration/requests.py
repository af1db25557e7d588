"""A request of every operation, and what may be in its fields."""

from typing import Any
from uuid import uuid4

from tests.builders import an_address

PASSWORD = "correct horse battery"
# By operation, by field: values of a wrong type.
NO_STRING: tuple[Any, ...] = (0, 1.5, True, [], ["a"], {}, {"a": 1})
NO_INTEGER: tuple[Any, ...] = ("1", "", 1.5, True, [1], {}, {"a": 1})
# What MongoDB would take for a query, and jsons of old would take for an object.
OPERATORS = ({"$ne": None}, {"$gt": ""}, {"$where": "1"}, {"$oid": "0" * 24}, [{"$ne": None}])


def a_request(operation: str, **changes: Any) -> dict[str, Any]:
    """Return a well-formed request of *operation*, with *changes*."""
    some_id = str(uuid4())
    person = {"first_name": "Ada", "last_name": "Lovelace", "email": an_address(), "password": PASSWORD}
    usual: dict[str, dict[str, Any]] = {
        "profile.create": person,
        "profile.get": {"id": some_id},
        "profile.update": {"id": some_id, "first_name": "Augusta"},
        "profile.delete": {"id": some_id},
        "profile.list": {},
        "auth.login": {"email": an_address(), "password": PASSWORD},
        "auth.refresh": {"refresh_token": "none"},
        "auth.logout": {"scope": "local"},
        "auth.verify": {"token": "none"},
        "auth.change_password": {"current_password": PASSWORD, "new_password": "a better horse"},
        "auth.keys": {},
        "post.create": {"title": "Note G", "body": "It weaves algebraic patterns."},
        "post.get": {"id": some_id},
        "post.update": {"id": some_id, "title": "Note H"},
        "post.delete": {"id": some_id},
        "post.list": {},
    }
    return {**usual[operation], **changes}


OPERATIONS = (
    "profile.create",
    "profile.get",
    "profile.update",
    "profile.delete",
    "profile.list",
    "auth.login",
    "auth.refresh",
    "auth.logout",
    "auth.verify",
    "auth.change_password",
    "auth.keys",
    "post.create",
    "post.get",
    "post.update",
    "post.delete",
    "post.list",
)
STRINGS = {
    "profile.create": ("first_name", "last_name", "email", "password", "role"),
    "profile.get": ("id",),
    "profile.update": (
        "id",
        "first_name",
        "last_name",
        "email",
        "current_password",
        "role",
        "status",
    ),
    "profile.delete": ("id",),
    "profile.list": ("cursor", "status", "role", "email_prefix"),
    "auth.login": ("email", "password"),
    "auth.refresh": ("refresh_token",),
    "auth.logout": ("scope",),
    "auth.verify": ("token",),
    "auth.change_password": ("current_password", "new_password"),
    "auth.keys": (),
    "post.create": ("title", "body"),
    "post.get": ("id",),
    "post.update": ("id", "title", "body"),
    "post.delete": ("id",),
    "post.list": ("user_id", "cursor"),
}
VERSIONED = ("profile.update", "profile.delete", "post.update", "post.delete")
INTEGERS = dict.fromkeys(VERSIONED, ("expected_version",))
INTEGERS |= dict.fromkeys(("profile.list", "post.list"), ("limit",))
FIELDS = [
    (operation, field)
    for operation in OPERATIONS
    for field in (*STRINGS[operation], *INTEGERS.get(operation, ()))
]


def of_wrong_type(operation: str, field: str) -> tuple[Any, ...]:
    """Return values that *field* must not have."""
    return NO_INTEGER if field in INTEGERS.get(operation, ()) else NO_STRING
