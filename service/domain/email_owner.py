"""Whose address it is, while some are stored under the key of a former rule."""

from collections.abc import Sequence
from contextlib import suppress

import idna

from service.domain.email import Email
from service.domain.email_idna2003 import former_key
from service.domain.profile import Profile


def keys_of(email: Email) -> Sequence[str]:
    """Return under which keys the owner of *email* may be stored: one, but for a few domains."""
    local, _, domain = email.key.rpartition("@")
    if "xn--" not in domain:
        return [email.key]
    with suppress(UnicodeError):  # it says so, and is none
        domain = idna.decode(domain)
    former = (former_key(email.typed), former_key(f"{local}@{domain}"))
    return list(dict.fromkeys([email.key, *filter(None, former)]))


def owner_among(profiles: Sequence[Profile], email: Email) -> Profile | None:
    """Return whose *email* is, of those who were found under one of its keys.

    It is that of whoever wrote it so. Else that of whoever has the same mailbox by the rule of today. Else
    that of whoever has held the key since the rule before: until the owner of the mailbox signs up.
    """
    named = [each for each in profiles if each.email.typed == email.typed]
    same = [each for each in profiles if each.email.current_key == email.key]
    held = [each for each in profiles if each.email.key == email.key]
    return next(iter(named + same + held), None)


def is_held_by_former_rule(holder: Profile, email: Email) -> bool:
    """Return whether *holder* has the key of *email* only because another mailbox once had the same."""
    return holder.email.key == email.key and holder.email.current_key != email.key
