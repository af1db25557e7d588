"""A request of every operation."""

from typing import Any
from uuid import uuid4

from profile_contracts import operations as contracts
from tests.builders import an_address

PASSWORD = "correct horse battery"
OPERATIONS = tuple(each.queue for each in contracts.OPERATIONS)


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
        "profile.find": {"email": an_address()},
        "profile.restore": {"id": some_id},
        "profile.erase": {"id": some_id},
        "profile.export": {"id": some_id},
        "auth.login": {"email": an_address(), "password": PASSWORD},
        "auth.refresh": {"refresh_token": "none"},
        "auth.logout": {"scope": "local"},
        "auth.sessions": {},
        "auth.unlock": {"id": some_id},
        "auth.verify": {"token": "none"},
        "auth.change_password": {"current_password": PASSWORD, "new_password": "a better horse"},
        "auth.start_reset": {"email": an_address()},
        "auth.reset_password": {"token": "none", "new_password": "a better horse"},
        "auth.start_verification": {"id": some_id},
        "auth.verify_email": {"token": "none"},
        "auth.totp_enroll": {"current_password": PASSWORD},
        "auth.totp_confirm": {"enrolment": "none", "otp": "000000"},
        "auth.totp_remove": {"id": some_id},
        "auth.keys": {},
        "post.create": {"title": "Note G", "body": "It weaves algebraic patterns."},
        "post.get": {"id": some_id},
        "post.update": {"id": some_id, "title": "Note H"},
        "post.delete": {"id": some_id},
        "post.list": {},
    }
    return {**usual[operation], **changes}
