"""By one-time tokens nobody but a trusted service learns who has an account: no answer takes other work."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from service.app.auth.actors import Actor, Anonymous, TrustedService
from service.app.auth.reset_password import ResetPassword
from service.app.auth.start_reset import StartReset
from service.app.auth.start_verification import StartVerification
from service.app.auth.verify_email import VerifyEmail
from service.app.request_context import RequestContext
from service.domain.errors import ServiceError
from service.domain.idempotency import IdempotencyKey
from service.domain.profile import Profile, ProfilePatch, Role, Status
from tests.builders import NOON, a_profile, a_user, an_address
from tests.fakes.app_fixture import AppFixture
from tests.fakes.profiles import FakeProfiles

MAILER = TrustedService("mailer")
UNTRUSTED: list[Actor] = [Anonymous(), a_user(), a_user(role=Role.ADMIN)]
STATUSES = [Status.ACTIVE, Status.SUSPENDED, Status.DELETED, Status.ERASED]


class WatchedProfiles(FakeProfiles):
    """Notes each call, in their order: each would be one to the database."""

    def __init__(self, *profiles: Profile) -> None:
        super().__init__(*profiles)
        self.called: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if asyncio.iscoroutinefunction(found):
            self.called.append(name)
        return found


async def work_of(fixture: AppFixture, call: Awaitable[object]) -> tuple[object, ...]:
    """Return how *call* is refused, and all that is done for that."""
    assert isinstance(fixture.profiles, WatchedProfiles)
    fixture.profiles.called.clear()
    hashed = fixture.hasher.hashed + fixture.hasher.verified
    with pytest.raises(ServiceError) as refused:
        await call
    return (
        type(refused.value),
        str(refused.value),
        *fixture.profiles.called,
        fixture.hasher.hashed + fixture.hasher.verified - hashed,
    )


def a_fixture(*profiles: Profile) -> AppFixture:
    return AppFixture(profiles=WatchedProfiles(*profiles))


@pytest.mark.parametrize("actor", UNTRUSTED, ids=["nobody", "a user", "an administrator"])
async def test_who_is_not_trusted_is_refused_a_reset_before_anything_is_looked_up(actor: Actor) -> None:
    profiles = [a_profile(status=each) for each in STATUSES]
    fixture = a_fixture(*profiles)
    addresses = [*(each.email.typed for each in profiles), an_address(), "no address"]
    works = {
        await work_of(fixture, fixture.app.start_reset.handle(StartReset(actor, each))) for each in addresses
    }

    ((_, _, work),) = works
    assert work == 0


@pytest.mark.parametrize("actor", UNTRUSTED[:2], ids=["nobody", "a user"])
async def test_of_others_nobody_starts_a_verification_and_nothing_is_looked_up(actor: Actor) -> None:
    profiles = [a_profile(status=each) for each in STATUSES]
    fixture = a_fixture(*profiles)
    start = fixture.app.start_verification
    works = {
        await work_of(fixture, start.handle(StartVerification(actor, each)))
        for each in (*(profile.id for profile in profiles), uuid4())
    }

    ((_, _, work),) = works
    assert work == 0


@pytest.mark.parametrize("key", [None, IdempotencyKey(b"i" * 16, b"d" * 16)], ids=["no key", "a key"])
async def test_a_token_that_has_ended_takes_the_same_work_whatever_has_become_of_its_user(
    key: IdempotencyKey | None,
) -> None:
    changes = {
        "another password": lambda each: each.with_password(NOON, hashed="another", session_id=uuid4()),
        "suspended": lambda each: each.updated(ProfilePatch(status=Status.SUSPENDED), NOON),
        "deleted": lambda each: each.deleted(NOON),
        "erased": lambda each: each.erased(NOON),
    }
    profiles = {name: a_profile() for name in changes}
    fixture = a_fixture(*profiles.values())
    app, context = fixture.app, replace(RequestContext(Anonymous()), idempotency_key=key)
    resets, verifications = set(), set()
    for name, profile in profiles.items():
        reset = (await app.start_reset.handle(StartReset(MAILER, profile.email.typed))).token
        verification = (await app.start_verification.handle(StartVerification(MAILER, profile.id))).token
        await fixture.profiles.save(changes[name](profile))
        for password in ("a better staple", "short"):
            call = app.reset_password.handle(ResetPassword(context, reset, password))
            resets.add(await work_of(fixture, call))
        verifications.add(await work_of(fixture, app.verify_email.handle(VerifyEmail(context, verification))))

    assert (len(resets), len(verifications)) == (1, 1)
