from dataclasses import fields
from uuid import uuid4

import pytest

from service.app.queries import export_profile
from service.app.queries.export_profile import ExportProfile, ExportProfileHandler
from service.domain.post import Post
from service.domain.profile import Profile, ProfileNotFound
from service.domain.session import Session
from tests.builders import NOON, a_post, a_profile, a_session
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles
from tests.fakes.sessions import FakeSessions


def names(kind: type[Profile | Session | Post]) -> set[str]:
    """Return the names of everything that is held of a thing, but for the secrets and the outbox."""
    return {each.name for each in fields(kind)} - {"hashed_password", "totp", "events"}


async def test_everything_about_a_user_is_told_but_the_hash() -> None:
    ada = a_profile(hashed_password="$2b$canary")
    mine = [a_post(user_id=ada.id, title="Mine"), a_post(user_id=ada.id).deleted(NOON)]
    session = a_session(ada.id)
    handler = ExportProfileHandler(
        FakeProfiles(ada, a_profile()), FakeSessions(session, a_session()), FakePosts(*mine, a_post())
    )
    held = await handler.handle(ExportProfile(ada.id))

    assert held.keys() == {"profile", "sessions", "posts"}
    assert held["profile"].keys() == names(Profile)
    assert held["profile"]["email"] == ada.email.typed
    assert [each["id"] for each in held["sessions"]] == [session.id]
    assert held["sessions"][0].keys() == names(Session)
    assert {(each["id"], each["title"], each["status"]) for each in held["posts"]} == {
        (each.id, each.title, each.status) for each in mine
    }
    assert held["posts"][0].keys() == names(Post)
    assert "canary" not in repr(held)


async def test_the_deleted_are_told_of_too_and_of_the_erased_there_is_nothing_to_tell() -> None:
    deleted, erased = a_profile().deleted(NOON), a_profile().erased(NOON)
    handler = ExportProfileHandler(FakeProfiles(deleted, erased), FakeSessions(), FakePosts())

    assert (await handler.handle(ExportProfile(deleted.id)))["profile"]["email"] == deleted.email.typed
    assert (await handler.handle(ExportProfile(erased.id)))["profile"]["email"] == ""


async def test_of_nobody_nothing_is_told() -> None:
    with pytest.raises(ProfileNotFound):
        await ExportProfileHandler(FakeProfiles(), FakeSessions(), FakePosts()).handle(ExportProfile(uuid4()))


async def test_very_many_posts_are_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_profile, "_PAGE", 2)
    ada = a_profile()
    mine = [a_post(user_id=ada.id) for _ in range(5)]
    handler = ExportProfileHandler(FakeProfiles(ada), FakeSessions(), FakePosts(*mine))
    held = await handler.handle(ExportProfile(ada.id))

    assert [each["id"] for each in held["posts"]] == sorted(each.id for each in mine)
