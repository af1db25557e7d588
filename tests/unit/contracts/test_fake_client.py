"""What only the fake of the client has. The rest is in `tests/integration/clients`."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import MISSING, SecretStr

from profile_contracts.auth import (
    ChangePassword,
    ListSessions,
    LogIn,
    LogOut,
    Refresh,
    ResetPassword,
    Scope,
    StartReset,
    VerifyToken,
)
from profile_contracts.errors import Conflict, Disconnected, Forbidden, NotSent, RateLimited, Unauthenticated
from profile_contracts.events import Event, ProfileEvent
from profile_contracts.operations import (
    AUTH_CHANGE_PASSWORD,
    AUTH_LOGIN,
    OPERATIONS,
    POST_CREATE,
    POST_LIST,
    PROFILE_CREATE,
)
from profile_contracts.posts import CreatePost, ListPosts
from profile_contracts.profiles import (
    CreateProfile,
    DeleteProfile,
    EraseProfile,
    GetProfile,
    ListProfiles,
    Profile,
    Role,
    UpdateProfile,
)
from profile_contracts.testing import FakeProfileClient, refused
from profile_contracts.testing.ed25519 import SigningKey
from profile_contracts.testing.fake_client import HANDLERS
from profile_contracts.testing.fake_feed import FakeFeed, FakeQueue
from profile_contracts.verifier import TokenRefused, TokenVerifier
from profile_contracts.verifier.revocations import Revocations

PASSWORD = SecretStr("correct horse battery")
ADA = CreateProfile(first_name="Ada", last_name="Lovelace", email="ada@example.org", password=PASSWORD)
LOGIN = LogIn(email=ADA.email, password=PASSWORD)


def test_the_fake_has_every_operation() -> None:
    assert list(HANDLERS) == [each.queue for each in OPERATIONS]


@pytest.mark.parametrize("message", [b"", b"r", bytes(range(256)) * 5])
def test_its_signatures_are_those_of_any_library(message: bytes) -> None:
    seed = bytes(range(32))
    ours, theirs = SigningKey.of(seed), Ed25519PrivateKey.from_private_bytes(seed)

    assert ours.public == theirs.public_key().public_bytes_raw()
    assert ours.sign(message) == theirs.sign(message)
    Ed25519PublicKey.from_public_bytes(ours.public).verify(ours.sign(message), message)


async def test_a_failure_comes_once_and_only_from_the_operation_that_it_is_for() -> None:
    async with FakeProfileClient() as fake:
        await fake.create_profile(ADA)
        fake.fail_next(refused("too_many_attempts", retry_after_ms=5_000), AUTH_LOGIN)
        await fake.list_posts(ListPosts())
        with pytest.raises(RateLimited) as limited:
            await fake.log_in(LOGIN)

        assert limited.value.error.retry_after_ms == 5_000
        assert limited.value.retryable
        assert (await fake.log_in(LOGIN)).token_type == "Bearer"


async def test_a_lost_reply_is_of_a_command_that_was_carried_out() -> None:
    async with FakeProfileClient() as fake:
        fake.fail_next(Disconnected("The line broke.", sent=True), carried_out=True)
        with pytest.raises(Disconnected):
            await fake.create_profile(ADA, idempotency_key="mine")

        assert (await fake.create_profile(ADA, idempotency_key="mine")).version == 1
        with pytest.raises(Conflict):
            await fake.create_profile(ADA)


async def test_a_command_that_nobody_waits_for_is_carried_out_even_if_nobody_hears_so() -> None:
    async with FakeProfileClient() as fake:
        fake.fail_next(Disconnected("The line broke.", sent=True), carried_out=True)
        with pytest.raises(Disconnected):
            await fake.publish(PROFILE_CREATE, ADA)
        assert (await fake.log_in(LOGIN)).token_type == "Bearer"

        other = ADA.model_copy(update={"email": "grace@example.org"})
        fake.fail_next(Disconnected("The line broke.", sent=False))
        with pytest.raises(Disconnected):
            await fake.publish(PROFILE_CREATE, other)
        assert (await fake.create_profile(other)).version == 1


async def test_tokens_expire_when_the_clock_is_turned() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    async with FakeProfileClient(now=lambda: now[0], token_seconds=60) as fake:
        await fake.create_profile(ADA)
        token = SecretStr((await fake.log_in(LOGIN)).access_token)
        now[0] += timedelta(seconds=59)
        before = await fake.verify_token(VerifyToken(token=token))
        now[0] += timedelta(seconds=1)
        after = await fake.verify_token(VerifyToken(token=token))

    assert (before.active, after.active) == (True, False)


async def test_a_verifier_with_the_clock_of_the_fake_goes_by_it() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    async with (
        FakeProfileClient(now=lambda: now[0], token_seconds=60) as fake,
        TokenVerifier(fake, now=lambda: now[0]) as verifier,
    ):
        created = await fake.create_profile(ADA)
        token = (await fake.log_in(LOGIN)).access_token
        now[0] += timedelta(seconds=59)
        assert (await verifier.verify(token)).sub == created.id
        now[0] += timedelta(seconds=1)
        with pytest.raises(TokenRefused) as refusal:
            await verifier.verify(token)

    assert refusal.value.reason == "token_expired"


async def test_a_verifier_whose_feed_breaks_says_so_and_asks_the_service(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def note(_: Revocations, __: Event[Any]) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Revocations, "note", note)
    async with FakeProfileClient() as fake, TokenVerifier(fake) as verifier:
        await fake.create_profile(ADA)
        token = (await fake.log_in(LOGIN)).access_token
        await verifier.verify(token)
        await fake.log_out(LogOut(scope=Scope.LOCAL), token)
        for _ in range(100):  # the event comes, the loop breaks, and lets go of the feed
            await asyncio.sleep(0)
        assert not verifier.feed_is_up
        with pytest.raises(TokenRefused) as refusal:
            await verifier.verify(token)

    assert refusal.value.reason == "session_ended"
    assert "down for good: a bug" in caplog.text
    assert "RuntimeError" in caplog.text


async def test_one_time_tokens_expire_when_the_clock_is_turned() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    async with FakeProfileClient(now=lambda: now[0], trusted_for=["auth.start_reset"]) as fake:
        await fake.create_profile(ADA)
        started = [await fake.start_reset(StartReset(email=ADA.email)) for _ in range(2)]
        resets = [ResetPassword(token=SecretStr(each.token), new_password=PASSWORD) for each in started]
        now[0] += timedelta(seconds=started[0].expires_in) - timedelta(milliseconds=1)
        await fake.reset_password(resets[0], idempotency_key="mine")
        now[0] += timedelta(milliseconds=1)
        for late in (
            fake.reset_password(resets[0], idempotency_key="mine"),
            fake.reset_password(resets[1]),
        ):
            with pytest.raises(Unauthenticated, match="one_time_token_invalid"):
                await late


async def test_sessions_say_when_they_were_used_last() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    async with FakeProfileClient(now=lambda: now[0]) as fake:
        await fake.create_profile(ADA)
        tokens = await fake.log_in(LOGIN)
        now[0] += timedelta(minutes=1)
        last = await fake.log_in(LOGIN)
        before = (await fake.list_sessions(ListSessions(), last.access_token)).items
        now[0] += timedelta(minutes=1)
        await fake.refresh(Refresh(refresh_token=SecretStr(tokens.refresh_token)))
        after = (await fake.list_sessions(ListSessions(), last.access_token)).items

    assert [(each.last_used_at.minute, each.current) for each in before] == [(1, True), (0, False)]
    assert [(each.last_used_at.minute, each.current) for each in after] == [(2, False), (1, True)]
    assert [each.created_at.minute for each in after] == [0, 1]


async def test_a_trusted_gateway_may_do_on_its_own_account_what_is_listed_and_nothing_else() -> None:
    of_profiles = ["profile.create", "profile.get", "profile.update"]
    listed = [*of_profiles, "auth.sessions", "auth.change_password", "post.create"]
    async with FakeProfileClient(trusted_for=listed) as fake:
        created = await fake.create_profile(ADA.model_copy(update={"role": Role.ADMIN}))
        own = await fake.update_profile(UpdateProfile(id=created.id, email="lovelace@example.org"))

        assert await fake.get_profile(GetProfile(id=created.id)) == own
        for of_users in (
            fake.update_profile(UpdateProfile(id=created.id, role=Role.USER)),
            fake.list_sessions(ListSessions()),
            fake.call(POST_CREATE, CreatePost(title="a", body="b")),
            fake.call(AUTH_CHANGE_PASSWORD, ChangePassword(current_password=PASSWORD, new_password=PASSWORD)),
        ):
            with pytest.raises(Forbidden, match="not_allowed"):
                await of_users
        for unlisted in (fake.list_profiles(ListProfiles()), fake.delete_profile(DeleteProfile(id=own.id))):
            with pytest.raises(Unauthenticated, match="missing_token"):
                await unlisted
        with pytest.raises(Unauthenticated, match="token_invalid"):
            await fake.get_profile(GetProfile(id=created.id), "not.a.token")


@pytest.mark.parametrize(
    ("client_ip", "shown"),
    [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8::7%eth0", "2001:db8::/64")],
)
async def test_where_a_user_is_a_trusted_gateway_says_and_no_other(client_ip: str, shown: str) -> None:
    for trusted_for, expected in ([], (MISSING, MISSING)), (["profile.get"], (shown, "curl/8")):
        async with FakeProfileClient(trusted_for=trusted_for) as fake:
            await fake.create_profile(ADA)
            tokens = await fake.log_in(LOGIN, client_ip=client_ip, user_agent="curl/8")
            (session,) = (await fake.list_sessions(ListSessions(), tokens.access_token)).items

        assert (session.client_ip, session.user_agent) == expected


async def test_the_last_administrator_is_not_erased() -> None:
    async with FakeProfileClient(trusted_for=["profile.erase"]) as fake:
        created = await fake.create_profile(ADA)
        fake.make_admin(created.id)
        with pytest.raises(Conflict, match="last_admin"):
            await fake.erase_profile(EraseProfile(id=created.id))


def test_nobody_is_trusted_for_what_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"no such operation: \['profile.eat'\]"):
        FakeProfileClient(trusted_for=["profile.get", "profile.eat"])


def test_every_user_may_have_a_session() -> None:
    with pytest.raises(ValueError, match="max_sessions has to be 1 at least, not 0"):
        FakeProfileClient(max_sessions=0)


async def test_the_end_of_a_session_too_many_is_heard_and_that_of_an_old_one_is_not() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    async with FakeProfileClient(now=lambda: now[0], max_sessions=1) as fake:
        feed = fake.events("auth.session_revoked")
        hearing = asyncio.ensure_future(_reasons(feed, 2))
        await feed.wait_connected()
        await fake.create_profile(ADA)
        for _ in range(2):
            token = SecretStr((await fake.log_in(LOGIN)).access_token)
        now[0] += timedelta(days=30)
        assert not (await fake.verify_token(VerifyToken(token=token))).active
        await fake.log_out(LogOut(scope=Scope.LOCAL), (await fake.log_in(LOGIN)).access_token)
        async with asyncio.timeout(5):
            assert await hearing == ["too_many_sessions", "logout"]


async def test_it_says_what_it_was_asked() -> None:
    async with FakeProfileClient() as fake:
        await fake.create_profile(ADA)
        await fake.list_posts(ListPosts())

    assert fake.calls == [(PROFILE_CREATE.queue, ADA), (POST_LIST.queue, ListPosts())]


async def test_an_administrator_is_made() -> None:
    async with FakeProfileClient() as fake:
        created = await fake.create_profile(ADA)
        fake.make_admin(created.id)
        token = (await fake.log_in(LOGIN)).access_token
        profile = await fake.get_profile(GetProfile(id=created.id), token)

    assert isinstance(profile, Profile)
    assert (profile.role, profile.version) == (Role.ADMIN, 2)


async def test_who_logs_in_right_after_all_sessions_have_ended_is_no_stranger_to_a_verifier() -> None:
    """The clock stands still, as that of a test may."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    async with FakeProfileClient(now=lambda: now) as fake, TokenVerifier(fake, now=lambda: now) as verifier:
        created = await fake.create_profile(ADA)
        feed = fake.events("auth.session_revoked")
        hearing = asyncio.ensure_future(_reasons(feed, 1))
        await feed.wait_connected()
        fake.make_admin(created.id)
        tokens = await fake.log_in(LOGIN)
        async with asyncio.timeout(5):
            await hearing

        assert (await verifier.verify(tokens.access_token)).role is Role.ADMIN


async def test_once_closed_it_takes_no_calls_and_gives_no_events() -> None:
    async with FakeProfileClient() as fake:
        events = fake.events("#")
        ending = asyncio.ensure_future(_all(events))
        await events.wait_connected()
    async with asyncio.timeout(5):
        heard = await ending

    assert heard == []
    with pytest.raises(NotSent):
        await fake.list_posts(ListPosts())
    with pytest.raises(NotSent):
        fake.events("#")


async def test_two_who_share_a_queue_get_each_event_once() -> None:
    heard: list[str] = []
    all_heard = asyncio.Event()

    async def listen(feed: FakeFeed) -> None:
        async for event in feed:
            heard.append(event.subject)
            if len(heard) == 5:
                all_heard.set()

    async with FakeProfileClient() as fake:
        feeds = [fake.events("profile.*", queue="mails") for _ in range(2)]
        tasks = [asyncio.ensure_future(listen(each)) for each in feeds]
        await asyncio.gather(*(each.wait_connected() for each in feeds))
        emails = [f"{each}@example.org" for each in range(5)]
        created = [await fake.create_profile(ADA.model_copy(update={"email": each})) for each in emails]
        async with asyncio.timeout(5):
            await all_heard.wait()
    await asyncio.gather(*tasks)

    assert sorted(heard) == sorted(str(each.id) for each in created)


@pytest.mark.parametrize(
    ("key", "is_bound"),
    [
        ("#", True),
        ("profile.*", True),
        ("profile.#", True),
        ("profile.created", True),
        ("profile.created.#", True),
        ("*.created", True),
        ("*.updated", False),
        ("profile", False),
        ("*", False),
    ],
)
def test_a_queue_is_bound_as_to_a_topic_exchange(key: str, is_bound: bool) -> None:  # noqa: FBT001 - a column
    queue = FakeQueue({key})
    queue.put(
        Event[Any](
            id="1",
            type="profile.created",
            subject="1",
            time=datetime.now(UTC),
            data=ProfileEvent(id=uuid4(), version=1, changed=()),
        )
    )

    assert bool(queue.waiting) is is_bound


async def _all(events: FakeFeed) -> list[str]:
    return [event.subject async for event in events]


async def _reasons(events: FakeFeed, count: int) -> list[str]:
    heard: list[str] = []
    async for event in events:
        heard.append(event.data.reason)
        if len(heard) == count:
            break
    return heard
