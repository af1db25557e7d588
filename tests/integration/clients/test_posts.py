"""Whoever speaks for the service keeps posts by the same rules."""

from uuid import uuid4

from profile_contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from profile_contracts.posts import (
    CreatePost,
    DeletePost,
    GetPost,
    ListPosts,
    Post,
    PostStatus,
    UpdatePost,
)
from tests.integration.clients.failing import refusing
from tests.integration.clients.subjects import Person, Subject

NOTE = CreatePost(title="Note G", body="It weaves.\r\nAlgebraic patterns.")


async def _written(subject: Subject, person: Person) -> Post:
    return await subject.api.create_post(NOTE, person.token)


async def test_a_post_is_written_and_read_by_anybody(subject: Subject) -> None:
    person = await subject.person()
    post = await _written(subject, person)

    assert (post.user_id, post.title, post.body) == (person.id, "Note G", "It weaves.\nAlgebraic patterns.")
    assert (post.status, post.version) == (PostStatus.ACTIVE, 1)
    assert await subject.api.get_post(GetPost(id=post.id)) == post


async def test_nobody_writes_without_a_token(subject: Subject) -> None:
    async with refusing(Unauthenticated, "token_invalid"):
        await subject.api.create_post(NOTE, "not.a.token")


async def test_an_unknown_post_is_not_found(subject: Subject) -> None:
    person = await subject.person()
    for call in (
        subject.api.get_post(GetPost(id=uuid4())),
        subject.api.update_post(UpdatePost(id=uuid4(), title="Note H"), person.token),
        subject.api.delete_post(DeletePost(id=uuid4()), person.token),
    ):
        async with refusing(NotFound, "post_not_found", "id"):
            await call


async def test_a_post_is_changed_by_its_owner_and_administrators(subject: Subject) -> None:
    person, admin = await subject.person(), await subject.admin()
    post = await _written(subject, person)
    second = await subject.api.update_post(UpdatePost(id=post.id, title="Note H"), person.token)
    third = await subject.api.update_post(UpdatePost(id=post.id, body="It sings."), admin.token)

    assert (second.title, second.body, second.version) == ("Note H", post.body, 2)
    assert (third.title, third.body, third.version) == ("Note H", "It sings.", 3)


async def test_others_change_and_delete_no_post(subject: Subject) -> None:
    post, other = await _written(subject, await subject.person()), await subject.person()
    for call in (
        subject.api.update_post(UpdatePost(id=post.id, title="Note H"), other.token),
        subject.api.delete_post(DeletePost(id=post.id), other.token),
    ):
        async with refusing(Forbidden, "not_allowed"):
            await call


async def test_a_change_of_a_post_names_something_and_the_version_there_is(subject: Subject) -> None:
    person = await subject.person()
    post = await _written(subject, person)
    async with refusing(Invalid, "nothing_to_change"):
        await subject.api.update_post(UpdatePost(id=post.id), person.token)
    async with refusing(Conflict, "stale_version", "expected_version"):
        stale = UpdatePost(id=post.id, expected_version=2, title="Note H")
        await subject.api.update_post(stale, person.token)
    async with refusing(Conflict, "stale_version", "expected_version"):
        await subject.api.delete_post(DeletePost(id=post.id, expected_version=2), person.token)


async def test_a_deleted_post_is_gone(subject: Subject) -> None:
    person = await subject.person()
    post = await _written(subject, person)
    deleted = await subject.api.delete_post(DeletePost(id=post.id, expected_version=1), person.token)

    assert (deleted.id, deleted.status) == (post.id, PostStatus.DELETED)
    async with refusing(NotFound, "post_not_found", "id"):
        await subject.api.get_post(GetPost(id=post.id))


async def test_commands_about_posts_are_carried_out_once(subject: Subject) -> None:
    person, other = await subject.person(), await subject.person()
    create, change, delete = (uuid4().hex for _ in range(3))
    posts = [await subject.api.create_post(NOTE, person.token, idempotency_key=create) for _ in range(2)]
    of_other = await subject.api.create_post(NOTE, other.token, idempotency_key=create)
    update = UpdatePost(id=posts[0].id, title="Note H")
    changed = [await subject.api.update_post(update, person.token, idempotency_key=change) for _ in range(2)]
    request = DeletePost(id=posts[0].id)
    deleted = [await subject.api.delete_post(request, person.token, idempotency_key=delete) for _ in range(2)]

    assert posts[0] == posts[1]
    assert of_other.id != posts[0].id
    assert [each.version for each in changed] == [2, 2]
    assert deleted[0] == deleted[1]


async def test_posts_are_listed_page_by_page_the_newest_first(subject: Subject) -> None:
    person = await subject.person()
    written = [await _written(subject, person) for _ in range(3)]
    await _written(subject, await subject.person())
    first = await subject.api.list_posts(ListPosts(user_id=person.id, limit=2, cursor=None))
    await _written(subject, person)
    second = await subject.api.list_posts(ListPosts(user_id=person.id, limit=2, cursor=first.next_cursor))

    assert {each.id for each in (*first.items, *second.items)} == {each.id for each in written}
    assert [each.id for each in first.items] == sorted((each.id for each in first.items), reverse=True)
    assert second.next_cursor is None
    async with refusing(Invalid, "cursor_invalid", "cursor"):
        await subject.api.list_posts(ListPosts(cursor=first.next_cursor))
