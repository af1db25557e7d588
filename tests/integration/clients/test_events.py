"""Whoever speaks for the service gives its events, and takes commands that nobody waits for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from profile_contracts.auth import (
    ChangePassword,
    LogOut,
    Scope,
    StartReset,
    StartVerification,
    VerifyEmail,
)
from profile_contracts.errors import NotSent
from profile_contracts.event_feed import EventFeed
from profile_contracts.events import CommandFailed, Event, SessionRevoked
from profile_contracts.operations import AUTH_START_RESET, POST_CREATE, PROFILE_UPDATE
from profile_contracts.posts import CreatePost, DeletePost, ListPosts, PostPage, UpdatePost
from profile_contracts.profiles import DeleteProfile, EraseProfile, RestoreProfile, UpdateProfile
from tests.integration.clients.failing import reason_of
from tests.integration.clients.subjects import PASSWORD, Subject
from tests.integration.gateway import eventually


class Heard(list[Event[Any]]):
    """The events so far."""

    async def wait(self, is_enough: Callable[[], bool]) -> None:
        async def look() -> bool:
            return is_enough()

        await eventually(look, within=20)

    def types(self, subject: object) -> list[str]:
        return [each.type for each in self if each.subject == str(subject)]


@asynccontextmanager
async def _listening(feed: EventFeed) -> AsyncIterator[Heard]:
    heard = Heard()

    async def listen() -> None:
        async for event in feed:
            heard.append(event)

    task = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(10):
            await feed.wait_connected()
        yield heard
    finally:
        await feed.close()
        await task


async def test_what_happens_to_a_profile_is_published_in_order(subject: Subject) -> None:
    async with _listening(subject.api.events("profile.*")) as heard:
        person = await subject.person()
        await subject.api.update_profile(UpdateProfile(id=person.id, last_name="King"), person.token)
        await subject.api.delete_profile(DeleteProfile(id=person.id), person.token)
        await heard.wait(lambda: len(heard.types(person.id)) == 3)

    assert heard.types(person.id) == ["profile.created", "profile.updated", "profile.deleted"]
    about = [each.data for each in heard if each.subject == str(person.id)]
    assert [each.version for each in about] == [1, 2, 3]
    assert [each.changed for each in about] == [(), ("last_name",), ("status",)]


async def test_what_happens_to_a_post_is_published_in_order(subject: Subject) -> None:
    person = await subject.person()
    async with _listening(subject.api.events("post.#")) as heard:
        post = await subject.api.create_post(CreatePost(title="a", body="b"), person.token)
        await subject.api.update_post(UpdatePost(id=post.id, title="c"), person.token)
        await subject.api.delete_post(DeletePost(id=post.id), person.token)
        await heard.wait(lambda: len(heard.types(post.id)) == 3)

    assert heard.types(post.id) == ["post.created", "post.updated", "post.deleted"]
    assert {each.data.user_id for each in heard if each.subject == str(post.id)} == {person.id}


async def test_what_operators_and_tokens_do_is_published(subject: Subject) -> None:
    admin = await subject.admin()
    async with _listening(subject.api.events("profile.*", "post.*")) as heard:
        person = await subject.person()
        post = await subject.api.create_post(CreatePost(title="a", body="b"), person.token)
        started = await subject.api.start_verification(StartVerification(id=person.id), person.token)
        await subject.api.verify_email(VerifyEmail(token=SecretStr(started.token)))
        await subject.api.delete_profile(DeleteProfile(id=person.id), person.token)
        await heard.wait(lambda: len(heard.types(post.id)) == 2)
        await subject.api.restore_profile(RestoreProfile(id=person.id), admin.token)
        await heard.wait(lambda: len(heard.types(post.id)) == 3)
        await subject.api.erase_profile(EraseProfile(id=person.id), admin.token)
        await heard.wait(lambda: len(heard.types(post.id)) == 4 and len(heard.types(person.id)) == 5)

    def changes(subject_id: object) -> list[tuple[str, tuple[str, ...]]]:
        return [(each.type, each.data.changed) for each in heard if each.subject == str(subject_id)]

    assert changes(person.id) == [
        ("profile.created", ()),
        ("profile.updated", ("email_verified",)),
        ("profile.deleted", ("status",)),
        ("profile.updated", ("status",)),
        ("profile.erased", ("email", "email_verified", "first_name", "last_name", "password", "status")),
    ]
    assert changes(post.id) == [
        ("post.created", ()),
        ("post.deleted", ("status",)),
        ("post.updated", ("status",)),
        ("post.deleted", ("body", "status", "title")),
    ]


async def test_ended_sessions_are_published(subject: Subject) -> None:
    one, other = await subject.person(), await subject.person()
    async with _listening(subject.api.events("auth.session_revoked")) as heard:
        await subject.api.log_out(LogOut(scope=Scope.LOCAL), one.token)
        change = ChangePassword(current_password=PASSWORD, new_password=SecretStr("a better horse"))
        await subject.api.change_password(change, other.token)

        def of(user_id: object) -> list[SessionRevoked]:
            return [each.data for each in heard if each.data.user_id == user_id]

        await heard.wait(lambda: bool(of(one.id) and of(other.id)))

    (logout,), (changed,) = of(one.id), of(other.id)
    assert (logout.reason, len(logout.session_ids), logout.revoked_before) == ("logout", 1, None)
    assert (changed.reason, changed.session_ids) == ("password_changed", ())
    assert changed.spared_session_id
    assert changed.revoked_before


async def test_a_durable_queue_keeps_what_was_not_acknowledged(subject: Subject) -> None:
    name, gaps = f"gateway.{uuid4().hex}", []

    async def on_gap() -> None:
        gaps.append(name)

    first = subject.api.events("profile.created", queue=name, on_gap=on_gap)
    async with _listening(first) as heard:
        created, next_one = (await subject.person()).id, (await subject.person()).id
        # Whoever hears of the next one has acknowledged the one before.
        await heard.wait(lambda: bool(heard.types(next_one)))
    meanwhile = (await subject.person()).id
    with pytest.raises(ConnectionError):
        await _fail_at_first(subject.api.events("profile.created", queue=name))
    async with _listening(subject.api.events("profile.created", queue=name, on_gap=on_gap)) as again:
        await again.wait(lambda: bool(again.types(meanwhile)))

    assert (again.types(meanwhile), again.types(created)) == (["profile.created"], [])
    assert gaps == [name]


async def test_a_command_that_nobody_waits_for_is_carried_out_once(subject: Subject) -> None:
    person, key = await subject.person(), uuid4().hex
    for _ in range(2):
        post = CreatePost(title="Note G", body="It weaves.")
        await subject.api.publish(POST_CREATE, post, person.token, idempotency_key=key)

    async def found() -> int:
        return len((await subject.api.list_posts(ListPosts(user_id=person.id))).items)

    assert await eventually(found) == 1


async def test_a_refusal_that_nobody_waits_for_is_published(subject: Subject) -> None:
    person, other, key = await subject.person(), await subject.person(), uuid4().hex
    async with _listening(subject.api.events("command.failed")) as heard:
        change = UpdateProfile(id=person.id, last_name="King")
        await subject.api.publish(PROFILE_UPDATE, change, other.token, idempotency_key=key)

        def failures() -> list[CommandFailed]:
            return [each.data for each in heard if each.data.message_id == key]

        await heard.wait(lambda: bool(failures()))

    (failed,) = failures()
    assert (failed.queue, failed.code, failed.reason) == ("profile.update", "forbidden", "not_allowed")


async def _fail_at_first(feed: EventFeed) -> None:
    async with asyncio.timeout(10), feed as events:
        async for _ in events:
            raise ConnectionError


async def _not_sent(call: Awaitable[object]) -> bool:
    return await reason_of(call) == NotSent.reason


async def test_what_cannot_be_sent_is_not(subject: Subject) -> None:
    person = await subject.person()
    listing = ListPosts()

    assert await _not_sent(subject.api.list_posts(listing, idempotency_key="a b"))
    assert await _not_sent(subject.api.list_posts(listing, idempotency_key="x" * 256))
    assert await _not_sent(subject.api.list_posts(listing, client_ip="nowhere"))
    longest = "fe80::1%" + "x" * 56  # as much as the service reads
    assert isinstance(await subject.api.list_posts(listing, client_ip=longest), PostPage)
    assert await _not_sent(subject.api.list_posts(listing, client_ip=f"{longest}x"))
    assert await _not_sent(subject.api.list_posts(listing, user_agent="curl\x7f"))
    assert await _not_sent(subject.api.list_posts(listing, user_agent="\U0001f600" * 257))
    assert await _not_sent(subject.api.list_posts(listing, traceparent="00-zz"))
    for no_token in ("", "two words", "a==="):
        assert await _not_sent(subject.api.create_post(CreatePost(title="a", body="b"), no_token))
    large = CreatePost(title="a", body="\U0001f600" * 20_000)
    assert await _not_sent(subject.api.create_post(large, person.token))


async def test_an_empty_token_is_refused_and_is_not_the_gateways_own_account(subject: Subject) -> None:
    request = StartReset(email=(await subject.person()).email)
    call: Any = subject.trusted.call
    assert (await call(AUTH_START_RESET, request, None)).token

    assert await _not_sent(call(AUTH_START_RESET, request, ""))
    assert await _not_sent(subject.trusted.publish(AUTH_START_RESET, request, ""))
