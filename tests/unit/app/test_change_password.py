import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from service.app.auth.change_password import ChangePassword
from service.app.auth.passwords import InvalidCredentials, PasswordTooPersonal
from service.app.auth.session_guard import SessionEnded
from service.app.request_context import RequestContext
from service.domain.idempotency import IdempotencyKey, MessageIdReused
from service.domain.password import PasswordTooShort
from service.domain.profile import Profile
from tests.builders import NOON, a_profile
from tests.fakes.app_fixture import AppFixture
from tests.fakes.passwords import fake_hash

PASSWORD = "correct horse"


@pytest.fixture
def ada() -> Profile:
    return a_profile(hashed_password=fake_hash(PASSWORD.encode()))


@pytest.fixture
def app_fixture(ada: Profile) -> AppFixture:
    return AppFixture(ada)


async def test_a_change_of_password_ends_all_sessions_and_opens_one(
    app_fixture: AppFixture, ada: Profile
) -> None:
    users = [await app_fixture.logged_in(ada) for _ in range(2)]
    change = ChangePassword(RequestContext(users[0][0]), PASSWORD, "another horse")
    done = await app_fixture.app.change_password.handle(change)
    stored = await app_fixture.profiles.get(ada.id)

    assert [await app_fixture.accepts(tokens) for _, tokens in users] == [False, False]
    assert await app_fixture.accepts(done)
    assert (stored.hashed_password, stored.version, stored.sessions_version) == (
        fake_hash(b"another horse"),
        2,
        2,
    )
    assert app_fixture.revoked == [(ada.id, (), "password_changed")]


async def test_the_same_change_of_password_twice_at_once_gives_good_tokens_to_both(
    app_fixture: AppFixture, ada: Profile
) -> None:
    user, _ = await app_fixture.logged_in(ada)
    key = IdempotencyKey(b"i" * 16, b"d" * 16)
    change = ChangePassword(RequestContext(user, idempotency_key=key), PASSWORD, "another horse")
    handle = app_fixture.app.change_password.handle
    both = [*await asyncio.gather(handle(change), handle(change)), await handle(change)]

    assert [await app_fixture.accepts(each) for each in both] == [True] * 3
    assert (await app_fixture.profiles.get(ada.id)).version == 2


async def test_a_session_that_a_change_of_password_opens_begins_after_what_came_before(
    app_fixture: AppFixture, ada: Profile
) -> None:
    """Another worker's clock may be ahead, by which all sessions have ended just now."""
    ahead = ada.with_password(NOON + timedelta(seconds=20), hashed=ada.hashed_password, session_id=None)
    await app_fixture.profiles.save(ahead)
    user, _ = await app_fixture.logged_in(ahead)
    change = ChangePassword(RequestContext(user), PASSWORD, "another horse")
    done = await app_fixture.app.change_password.handle(change)
    before, now = (each.data for each in app_fixture.profiles.published if "reason" in each.data)
    opened = app_fixture.tokens.verify(done.access_token.text).user.session

    assert now["spared_session_id"] == opened
    assert now["revoked_before"] >= before["revoked_before"]
    assert int(opened.hex[:12], 16) >= before["revoked_before"]


@pytest.mark.parametrize(
    ("current", "new", "refusal"),
    [
        ("wrong horse", "another horse", InvalidCredentials),
        ("a" * 73, "another horse", InvalidCredentials),
        (PASSWORD, "short", PasswordTooShort),
        (PASSWORD, "lovelace", PasswordTooPersonal),
    ],
)
async def test_a_refused_change_of_password_changes_nothing(
    app_fixture: AppFixture, ada: Profile, current: str, new: str, refusal: type[Exception]
) -> None:
    user, tokens = await app_fixture.logged_in(ada)

    with pytest.raises(refusal):
        await app_fixture.app.change_password.handle(ChangePassword(RequestContext(user), current, new))
    assert await app_fixture.profiles.get(ada.id) == ada
    assert await app_fixture.accepts(tokens)


async def test_a_password_that_was_changed_meanwhile_is_not_changed_again(
    app_fixture: AppFixture, ada: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _ = await app_fixture.logged_in(ada)
    hash_new = app_fixture.hasher.hash

    async def slow(password: bytes) -> str:
        await app_fixture.profiles.save(
            ada.with_password(app_fixture.clock.now(), hashed="the hash of a rival", session_id=uuid4())
        )
        return await hash_new(password)

    monkeypatch.setattr(app_fixture.hasher, "hash", slow)

    with pytest.raises(SessionEnded):
        await app_fixture.app.change_password.handle(
            ChangePassword(RequestContext(user), PASSWORD, "another horse")
        )
    assert (await app_fixture.profiles.get(ada.id)).hashed_password == "the hash of a rival"


@pytest.mark.parametrize(
    ("digest", "rival", "outcome", "verified"),
    [
        # The same command on another worker: both are answered.
        (b"d" * 16, None, None, 2),
        # And somebody has changed the password once more: that was tried once, and not twice.
        (b"d" * 16, "the hash of a rival", InvalidCredentials, 2),
        # Another command under the same message id.
        (b"e" * 16, None, MessageIdReused, 1),
    ],
)
async def test_of_twins_that_change_a_password_one_does_and_the_other_is_answered_once(
    app_fixture: AppFixture,
    ada: Profile,
    monkeypatch: pytest.MonkeyPatch,
    *,
    digest: bytes,
    rival: str | None,
    outcome: type[Exception] | None,
    verified: int,
) -> None:
    repeats: list[str] = []
    key = IdempotencyKey(b"i" * 16, b"d" * 16, on_repeat=lambda: repeats.append("again"))
    user, _ = await app_fixture.logged_in(ada)
    hash_new = app_fixture.hasher.hash

    async def slow(password: bytes) -> str:
        hashed = await hash_new(password)
        twin = replace(key, digest=digest, on_repeat=lambda: None)
        await app_fixture.profiles.save(
            done := replace(
                ada.with_password(app_fixture.clock.now(), hashed=hashed, session_id=uuid4()),
                idempotency_key=twin,
            )
        )
        if rival:
            later = replace(done, idempotency_key=None)
            await app_fixture.profiles.save(
                later.with_password(app_fixture.clock.now(), hashed=rival, session_id=uuid4())
            )
        return hashed

    monkeypatch.setattr(app_fixture.hasher, "hash", slow)
    change = ChangePassword(RequestContext(user, idempotency_key=key), PASSWORD, "another horse")
    app_fixture.hasher.verified = 0

    if outcome:
        with pytest.raises(outcome):
            await app_fixture.app.change_password.handle(change)
    else:
        assert await app_fixture.accepts(await app_fixture.app.change_password.handle(change))
    assert app_fixture.hasher.verified == verified
    assert repeats == ["again"] * (digest == key.digest)


async def test_a_new_password_is_not_overwritten_by_an_old_hash(
    app_fixture: AppFixture, ada: Profile
) -> None:
    await app_fixture.profiles.save(
        ada.with_password(app_fixture.clock.now(), hashed="a newer one", session_id=uuid4())
    )
    await app_fixture.profiles.replace_hash(ada, "an older one")

    assert (await app_fixture.profiles.get(ada.id)).hashed_password == "a newer one"
