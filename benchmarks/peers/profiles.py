"""A profile as all peers answer it."""

from collections.abc import Mapping
from typing import Any, Final

COLLECTION: Final = "profiles"


def to_json(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what is answered of a profile, ready for JSON. It has to be there."""
    assert document is not None  # noqa: S101 - a benchmark asks for what is there
    return {
        "id": str(document["id"]),
        "oid": str(document["_id"]),
        "first_name": document["first_name"],
        "last_name": document["last_name"],
        "email": document["email"],
        "role": document["role"],
        "status": document["status"],
        "created_at": document["created_at"].isoformat(),
        "updated_at": document["updated_at"].isoformat(),
        "version": document["version"],
    }
