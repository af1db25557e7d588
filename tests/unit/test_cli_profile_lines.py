"""Lines of an import: what they hold, and what is said about those that are wrong."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from service.cli.profile_lines import read_line, reasons_of, write_line
from service.domain.profile import Role, Status
from tests.builders import a_profile

LEAST = {"email": "ada@canary.example", "first_name": "Ada", "password_hash": "$2b$canary"}


def line(**changes: Any) -> bytes:
    return json.dumps({**LEAST, **changes}).encode()


def test_what_is_exported_is_read_again() -> None:
    ada = a_profile(
        role=Role.ADMIN, status=Status.SUSPENDED, attributes={"a": 1, "b": True, "c": "\u00e9"}, last_name=""
    )
    read = read_line(write_line(ada))

    assert (read.id, read.email, read.first_name, read.last_name) == (ada.id, ada.email.typed, "Ada", "")
    assert (read.role, read.status, read.is_verified) == (Role.ADMIN, Status.SUSPENDED, False)
    assert (read.attributes, read.created_at) == (ada.attributes, ada.created_at)
    assert read.password_hash == ada.hashed_password


def test_only_address_first_name_and_hash_are_needed() -> None:
    read = read_line(line())

    assert (read.role, read.status, read.is_verified, read.last_name) == (Role.USER, Status.ACTIVE, False, "")
    assert (read.attributes, read.created_at, read.id) == ({}, None, None)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (b"{", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        (b"\xff", "Invalid JSON"),
        (b"[]", "Input should be an object"),
        (line(first_name=""), "first_name: Value should have at least 1 item"),
        (line(email=["ada@canary.example"]), "email: Input should be a valid string"),
        (line(role="ada@canary.example"), "role: Input should be 'user' or 'admin'"),
        (line(status="deleted"), "status: Input should be 'active' or 'suspended'"),
        (line(attributes={"ada@canary.example": 1}), "attributes: String should match pattern"),
        (line(attributes={"a": ["ada@canary.example"]}), "attributes: "),
        (line(created_at="2026-01-01T00:00:00"), "created_at: Input should have timezone info"),
        (line(**{"ada@canary.example": 1}), "There is a field too many"),
        (line(password_hash="$2b$canary" * 100), "password_hash: String should have at most 512 characters"),
        (line(first_name=1, id="canary"), "id: Input should be a valid UUID"),
        (line(first_name=1, id="canary"), "first_name: Input should be a valid string"),
    ],
)
def test_what_is_wrong_is_said_by_field_and_nothing_of_what_stands_there(wrong: bytes, reason: str) -> None:
    with pytest.raises(ValidationError) as raised:
        read_line(wrong)
    said = reasons_of(raised.value)

    assert reason in said
    assert "canary" not in said
