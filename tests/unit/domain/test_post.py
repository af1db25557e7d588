from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from service.domain.events import EventType
from service.domain.patch import NothingToChange
from service.domain.post import Post, PostPatch, PostStatus
from tests.builders import NOON, a_post

LATER, LATEST = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
TITLE = PostPatch(title="Note H")


def published(post: Post) -> list[tuple[str, int, list[str]]]:
    """Return what others are told: type, version, names of changed fields."""
    return [(each.type.value, each.version, each.data["changed"]) for each in post.events]


def test_a_new_post_is_active_at_version_1() -> None:
    post = a_post()

    assert (post.status, post.version, post.deleted_at, post.events) == (PostStatus.ACTIVE, 1, None, ())
    assert post.is_active


@pytest.mark.parametrize("status", [PostStatus.DELETED, PostStatus.ERASED])
def test_nothing_else_is_active(status: PostStatus) -> None:
    assert not a_post(status=status).is_active


def test_a_new_post_is_announced() -> None:
    post = a_post()
    with_created_event = post.with_created_event()
    (event,) = with_created_event.events

    assert with_created_event == post
    assert (event.type, event.subject, event.time) == (EventType.POST_CREATED, post.id, NOON)
    assert event.data == {"id": post.id, "user_id": post.user_id, "version": 1, "changed": []}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        (TITLE, ["title"]),
        (PostPatch(body="Another."), ["body"]),
        (PostPatch(title="Note H", body="Another."), ["body", "title"]),
        (PostPatch(title="Note G", body="Another."), ["body"]),
    ],
)
def test_a_change_makes_the_next_version_and_names_what_changed(changes: PostPatch, names: list[str]) -> None:
    changed = a_post().updated(changes, LATER)

    assert (changed.version, changed.updated_at, changed.created_at) == (2, LATER, NOON)
    assert {name: getattr(changed, name) for name in changes.provided()} == changes.provided()
    assert published(changed) == [("post.updated", 2, names)]


def test_a_change_leaves_everything_else_as_it_was() -> None:
    post = a_post()
    changed = post.updated(TITLE, LATER)
    untouched = set(Post.__dataclass_fields__) - {"title", "version", "updated_at", "events"}

    assert {each: getattr(changed, each) for each in untouched} == {
        each: getattr(post, each) for each in untouched
    }
    assert post.title == "Note G"


def test_versions_grow_by_1() -> None:
    post = a_post()
    for version, title in enumerate(["B", "C", "D"], start=2):
        post = post.updated(PostPatch(title=title), LATER)

        assert (post.version, [each.version for each in post.events]) == (version, [version])


def test_a_change_to_what_is_there_already_changes_nothing() -> None:
    post = a_post()

    assert post.updated(PostPatch(title=post.title, body=post.body), LATER) is post


def test_a_change_has_to_name_a_field() -> None:
    with pytest.raises(NothingToChange):
        a_post().updated(PostPatch(), LATER)


@pytest.mark.parametrize("with_owner", [False, True])
def test_deleting_makes_a_version_of_its_own(*, with_owner: bool) -> None:
    deleted = a_post().deleted(LATER, with_owner=with_owner)

    assert (deleted.status, deleted.version) == (PostStatus.DELETED, 2)
    assert deleted.deleted_at == deleted.updated_at == LATER
    assert deleted.deleted_with_owner is with_owner
    assert published(deleted) == [("post.deleted", 2, ["status"])]


def test_a_post_is_deleted_by_itself_unless_it_is_said_otherwise() -> None:
    assert a_post().deleted(LATER).deleted_with_owner is False


@pytest.mark.parametrize("with_owner", [True, False])
def test_what_was_deleted_comes_back(*, with_owner: bool) -> None:
    post = a_post()
    restored = post.deleted(LATER, with_owner=with_owner).restored(LATEST)

    assert (restored.status, restored.version) == (PostStatus.ACTIVE, 3)
    assert (restored.deleted_at, restored.deleted_with_owner) == (None, False)
    assert (restored.title, restored.body, restored.updated_at) == (post.title, post.body, LATEST)
    assert published(restored) == [("post.updated", 3, ["status"])]


def test_erasing_leaves_no_word_of_it() -> None:
    post = a_post()
    erased = post.erased(LATER)

    assert (erased.title, erased.body, erased.status) == ("", "", PostStatus.ERASED)
    assert (erased.id, erased.oid, erased.user_id) == (post.id, post.oid, post.user_id)
    assert (erased.version, erased.updated_at, erased.deleted_at) == (2, LATER, LATER)
    assert published(erased) == [("post.deleted", 2, ["body", "status", "title"])]


def test_erasing_what_was_deleted_is_a_version_and_an_event_of_its_own() -> None:
    deleted = a_post().deleted(LATER, with_owner=True)
    erased = deleted.erased(LATEST)

    assert (erased.version, erased.updated_at, erased.deleted_at) == (3, LATEST, LATER)
    assert (erased.title, erased.body, erased.deleted_with_owner) == ("", "", False)
    assert [(each.type, each.data["changed"]) for each in erased.events] == [
        (EventType.POST_UPDATED, ["body", "status", "title"])
    ]


Change = Callable[[Post, datetime], Post]


@pytest.mark.parametrize(
    ("post", "change"),
    [
        (a_post().deleted(LATER), Post.deleted),
        (a_post().deleted(LATER, with_owner=True), Post.deleted),
        (a_post().erased(LATER), Post.deleted),
        (a_post(), Post.restored),
        (a_post().erased(LATER), Post.restored),
        (a_post().deleted(LATER, with_owner=True).erased(LATER), Post.restored),
        (a_post().erased(LATER), Post.erased),
    ],
)
def test_what_is_so_already_or_cannot_be_is_left_as_it_is(post: Post, change: Change) -> None:
    assert change(post, LATEST) is post


def test_a_post_does_not_show_its_words() -> None:
    post = a_post(title="canary-4711", body="canary-4712")

    assert "canary" not in f"{post!r} {PostPatch(title=post.title, body=post.body)!r}"
    assert "canary" not in repr(post.updated(PostPatch(title="canary-4713"), LATER).events)
