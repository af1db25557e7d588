from dataclasses import replace
from datetime import timedelta

import pytest

from service.app.auth.actors import Anonymous, TrustedService, User
from service.app.auth.session_guard import SessionEnded, SessionGuard
from service.app.ids import new_id
from service.domain.profile import Profile, ProfilePatch, Role, Status
from service.domain.session import Session
from tests.builders import NOON, a_profile
from tests.fakes.clock import FakeClock
from tests.fakes.profiles import FakeProfiles
from tests.fakes.sessions import FakeSessions

ADA = replace(a_profile(), sessions_version=2)
SESSION = Session.opened(new_id(NOON), ADA.id, 2, NOON)
USER = User(ADA.id, Role.USER, SESSION.id)


def a_guard(
    profile: Profile = ADA, session: Session = SESSION, clock: FakeClock | None = None
) -> SessionGuard:
    return SessionGuard(FakeProfiles(profile), FakeSessions(session), clock or FakeClock())


async def test_a_user_with_a_session_is_let_write() -> None:
    assert await a_guard().authorizing_profile(USER) == ADA
    assert await a_guard().is_alive(USER)
    assert await a_guard().user_of(SESSION) == ADA


@pytest.mark.parametrize("nobody", [Anonymous(), TrustedService("hr")])
async def test_who_is_no_user_needs_no_session(nobody: Anonymous | TrustedService) -> None:
    assert await a_guard().authorizing_profile(nobody) is None


async def test_a_profile_that_was_just_read_is_not_read_again() -> None:
    read = replace(ADA, first_name="as it was read")

    assert await a_guard().authorizing_profile(USER, read) == read
    assert await a_guard().authorizing_profile(USER, a_profile()) == ADA


# New ids are greater than old ones.
STRANGERS = [Session.opened(SESSION.id, new_id(NOON + timedelta(days=days)), 2, NOON) for days in (-1, 1)]
OTHERS = [replace(SESSION, sessions_version=version) for version in (1, 3)]
SUSPENDED = ADA.updated(ProfilePatch(status=Status.SUSPENDED), NOON)


@pytest.mark.parametrize(
    ("profile", "session"),
    [
        *((ADA, each) for each in (*STRANGERS, *OTHERS)),
        (SUSPENDED, replace(SESSION, sessions_version=SUSPENDED.sessions_version)),
        (a_profile(), SESSION),
    ],
    ids=["of an older user", "of a newer user", "before a logout", "from the future", "suspended", "gone"],
)
async def test_a_session_that_is_not_theirs_now_lets_nobody_write(profile: Profile, session: Session) -> None:
    guard = a_guard(profile, session)

    with pytest.raises(SessionEnded):
        await guard.authorizing_profile(USER)
    assert session.user_id != USER.id or not await guard.is_alive(USER)


@pytest.mark.parametrize("session", OTHERS, ids=["before a logout", "from the future"])
async def test_a_session_of_another_version_has_no_user(session: Session) -> None:
    assert await a_guard(ADA, session).user_of(session) is None


@pytest.mark.parametrize("seconds", [-1, 0, 1])
async def test_a_session_is_good_until_it_expires(seconds: int) -> None:
    clock = FakeClock(SESSION.expires_at + timedelta(seconds=seconds))

    assert a_guard(clock=clock).is_good(SESSION, USER, ADA) is (seconds < 0)
