"""Which addresses and passwords the fake takes. The service knows many more that are bad."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from pydantic import MISSING, SecretStr

from profile_contracts.testing.memory import Memory
from profile_contracts.testing.records import Account
from profile_contracts.testing.refusals import refused

_ADDRESS: Final = re.compile(r"[^\s@.]+(\.[^\s@.]+)*@[^\W_]([\w-]*[^\W_])?(\.[^\W_]([\w-]*[^\W_])?)*")
_COMMON: Final = {"password", "12345678", "qwertyuiop", "password123"}
_MIN_CHARACTERS = 8
_SHORT_WORD, _LITTLE = 2, 4


def email_key(email: str) -> str:
    """Return what two spellings of one address have in common."""
    return unicodedata.normalize("NFKC", email).casefold()


def require_free_email(memory: Memory, email: str, owner: Account | None = None) -> None:
    """Raise `Invalid` if *email* is no address, and `Conflict` if somebody but its *owner* has it."""
    require_email(email)
    holder = find_by_email(memory, email)
    if holder not in (None, owner):
        raise refused("email_taken", field="email")


def require_email(email: str) -> None:
    """Raise `Invalid` if *email* is no address."""
    if not _ADDRESS.fullmatch(email):
        raise refused("email_malformed", field="email")


def find_by_email(memory: Memory, email: str) -> Account | None:
    """Return the account that has *email*, in whatever spelling."""
    return next((each for each in _with_email(memory, email) if not each.is_deleted), None)


def find_deleted_by_email(memory: Memory, email: str) -> Account | None:
    """Return the account that had *email* when it was deleted: of several, the last one."""
    deleted = [each for each in _with_email(memory, email) if each.is_deleted]
    return max(deleted, key=lambda each: each.profile.updated_at, default=None)


def new_password(memory: Memory, given: SecretStr, field: str, *personal: str) -> str:
    """Return a password that somebody wants to have, or raise `Invalid`."""
    password = unicodedata.normalize("NFKC", given.get_secret_value())
    if "\0" in password:
        raise refused("password_malformed", field=field)
    if len(password.encode()) > memory.rules.max_password_bytes:
        raise refused("password_too_long", field=field)
    if len(password) < _MIN_CHARACTERS:
        raise refused("password_too_short", field=field)
    if password.casefold() in _COMMON:
        raise refused("password_too_common", field=field)
    if _is_made_from(password.casefold(), personal):
        raise refused("password_too_personal", field=field)
    return password


def verify_password(account: Account | None, given: SecretStr) -> Account:
    """Return *account* if the password is that of its user, who may log in; else raise `Unauthenticated`."""
    password = unicodedata.normalize("NFKC", given.get_secret_value())
    if account is None or not account.may_log_in or account.password != password:
        raise refused("invalid_credentials")
    return account


def verify_current_password(account: Account, given: SecretStr | MISSING) -> None:
    """Return if the password is that of *account*; raise `Invalid` if there is none."""
    if given is MISSING:
        raise refused("current_password_required", field="current_password")
    verify_password(account, given)


def _with_email(memory: Memory, email: str) -> Iterator[Account]:
    key = email_key(email)
    return (each for each in memory.accounts.values() if email_key(each.profile.email) == key)


def _is_made_from(password: str, personal: tuple[str, ...]) -> bool:
    rest = password
    for each in personal:
        for word in sorted({each, *re.split(r"[@.]", each)}, key=len, reverse=True):
            if len(word) > _SHORT_WORD:
                rest = rest.replace(word.casefold(), "")
    return rest != password and len(rest) <= _LITTLE
