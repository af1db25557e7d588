"""Profiles into documents, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bson import ObjectId

from service.domain.email import Email, EmailMalformed
from service.domain.profile import Profile, Role, Status
from service.domain.totp import Totp

# Neither found nor listed, and without a key of their own for an address.
UNLISTED: Final = frozenset({Status.DELETED, Status.ERASED})
# Of the address that a profile has, and of that which it had when it was deleted: it has one of them at most.
KEYS: Final = frozenset({"email_key", "deleted_email_key"})
_ROLES: Final = frozenset(Role)
_STATUSES: Final = frozenset(Status)
_TEXTS: Final = ("first_name", "last_name", "email", "hashed_password")
_TIMES: Final = ("created_at", "updated_at", "deleted_at")
_UNKNOWN_TIME: Final = datetime.fromtimestamp(0, UTC)


def to_document(profile: Profile) -> dict[str, Any]:
    """Return *profile* as it is stored, without its outbox and its commands."""
    document = {
        "_id": ObjectId(profile.oid),
        "id": profile.id,
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "email": profile.email.typed,
        "email_key": profile.email.key,
        "hashed_password": profile.hashed_password,
        "role": profile.role.value,
        "status": profile.status.value,
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
        "deleted_at": profile.deleted_at,
        "previous_status": profile.previous_status and profile.previous_status.value,
        "version": profile.version,
        "sessions_version": profile.sessions_version,
        "verified_email_key": profile.verified_email_key,
        "email_version": profile.email_version,
        "attributes": dict(profile.attributes),
        "totp": _from_totp(profile.totp),
    }
    if profile.status in UNLISTED:
        del document["email_key"]
    if profile.status is Status.DELETED and profile.email.key:
        document["deleted_email_key"] = profile.email.key
    return document


def _from_totp(totp: Totp | None) -> dict[str, Any] | None:
    if totp is None:
        return None
    recovery = list(totp.recovery_digests)
    return {"secret": totp.sealed_secret, "last_step": totp.last_step, "recovery": recovery}


_IN_TOTP: Final = {"secret", "last_step", "recovery"}


def _to_totp(document: Mapping[str, Any]) -> Totp:
    return Totp(document["secret"], document["last_step"], tuple(document["recovery"]))


def unused_since(profile: Profile) -> dict[str, Any]:
    """Return the condition that no code of a second factor was used since *profile* was read."""
    if profile.totp is None and not profile.otp_uses:
        return {}
    return {"otp_uses": profile.otp_uses or {"$in": [0, None]}}


def as_authorized(profile: Profile) -> dict[str, Any]:
    """Return the condition that whatever a session of *profile* gave the right to still holds."""
    # None of them may have ended yet; then there is no number.
    return {"logouts": profile.logouts or {"$in": [0, None]}, "sessions_version": profile.sessions_version}


def to_profile(document: Mapping[str, Any]) -> Profile:
    """Return the profile in *document*.

    Of one that is deleted whatever was stored is taken, also what another version of the service has stored
    or what our rules would refuse today: it must be possible to export it, and to erase it.
    """
    if document["status"] in UNLISTED:
        document = _lenient(document)
    return Profile(
        id=document["id"],
        oid=str(document["_id"]),
        first_name=document["first_name"],
        last_name=document["last_name"],
        email=_to_email(document["email"], document.get("email_key")),
        hashed_password=document["hashed_password"],
        role=Role(document["role"]),
        status=Status(document["status"]),
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        deleted_at=document["deleted_at"],
        previous_status=Status(before) if (before := document.get("previous_status")) else None,
        version=document["version"],
        # Profiles from before there were sessions have none.
        sessions_version=document.get("sessions_version", 1),
        logouts=document.get("logouts", 0),
        # Nor were addresses verified, or attributes kept.
        verified_email_key=document.get("verified_email_key"),
        email_version=document.get("email_version", 1),
        attributes=document.get("attributes", {}),
        totp=_to_totp(totp) if (totp := document.get("totp")) else None,
        otp_uses=document.get("otp_uses", 0),
        processed_commands=document.get("processed_commands", 0),
    )


def _lenient(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return *document* with something in every place that may be empty or strange."""
    kept = {name: value for name, value in document.items() if value is not None}
    role, before, attributes = (kept.get(name) for name in ("role", "previous_status", "attributes"))
    totp = kept.get("totp")
    return {
        "version": 1,
        **kept,
        **{name: str(kept.get(name, "")) for name in _TEXTS},
        **{name: kept.get(name, _UNKNOWN_TIME) for name in _TIMES},
        "role": role if role in _ROLES else Role.USER.value,
        "attributes": attributes if isinstance(attributes, Mapping) else {},
        "previous_status": before if before in _STATUSES else None,
        "totp": totp if isinstance(totp, Mapping) and totp.keys() >= _IN_TOTP else None,
    }


def _to_email(typed: str, key: str | None) -> Email:
    """Return an address; of one that is free, no key is stored, and of one that was erased, nothing.

    What is stored is read, whatever the rules are by now: it has to be erased and exported, too. What was an
    address by no rule has no key, and its profile can't be restored.
    """
    if key is not None or not typed:
        return Email(typed, key or "")
    try:
        return Email.recognised(typed)
    except EmailMalformed:
        return Email(typed, "")
