"""What replies have to look like."""

import re
from datetime import datetime
from typing import Any

PROFILE = {
    "id",
    "oid",
    "first_name",
    "last_name",
    "email",
    "role",
    "status",
    "created_at",
    "updated_at",
    "version",
    "email_verified",
    "attributes",
    "totp_enrolled",
}
PUBLIC = {"id", "first_name", "last_name", "created_at"}
POST = {"id", "oid", "user_id", "title", "body", "status", "created_at", "updated_at", "version"}
DELETED = {"id", "status", "deleted_at"}

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
OBJECT_ID = re.compile(r"[0-9a-f]{24}")
UTC_MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def result(reply: dict[str, Any]) -> dict[str, Any]:
    """Return the result in *reply*, which has to have one."""
    assert reply.keys() == {"ok", "result"}, reply
    assert reply["ok"] is True
    found: dict[str, Any] = reply["result"]
    return found


def refusal(reply: dict[str, Any]) -> tuple[str, str]:
    """Return code and reason of the error in *reply*, which has to have one."""
    assert reply.keys() == {"ok", "error"}, reply
    assert reply["ok"] is False
    error = reply["error"]
    assert {"code", "reason", "message", "retryable"} <= error.keys()
    return error["code"], error["reason"]


def moment(text: str) -> datetime:
    """Return the time that *text* says, which has to be in the form of the contract."""
    assert UTC_MILLISECONDS.fullmatch(text), text
    return datetime.fromisoformat(text)
