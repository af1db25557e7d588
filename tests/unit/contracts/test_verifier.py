"""The parts of the verifier: what is genuine, which keys there are, which sessions have ended."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from profile_contracts.auth import JsonWebKey, JsonWebKeySet
from profile_contracts.errors import NoReply
from profile_contracts.events import Event, SessionRevoked
from profile_contracts.verifier import AccessClaims, CannotVerify, TokenRefused
from profile_contracts.verifier.keys import Keys
from profile_contracts.verifier.revocations import Revocations, Session
from profile_contracts.verifier.tokens import claims_of, key_name, milliseconds_of
from service.app.ids import new_id
from service.domain.session_events import all_revoked

NOW = datetime.now(UTC)
USER = new_id(NOW - timedelta(days=9))
LATER = timedelta(minutes=10)
A_MOMENT = timedelta(milliseconds=1)
KEY = Ed25519PrivateKey.generate()


def a_token(changes: Mapping[str, Any] | None = None, *, typ: str = "at+jwt") -> str:
    usual = {
        "iss": "profile-service",
        "aud": "gateways",
        "sub": str(USER),
        "sid": str(new_id(NOW)),
        "role": "user",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 600,
        "jti": "1",
    }
    claims = {name: value for name, value in {**usual, **(changes or {})}.items() if value is not None}
    return jwt.encode(claims, KEY, "EdDSA", headers={"kid": "k", "typ": typ})


def read(token: str, now: datetime = NOW) -> AccessClaims:
    assert key_name(token) == "k"
    key = jwt.PyJWK.from_dict(jwt.algorithms.OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True))
    return claims_of(token, key, "profile-service", "gateways", now)


def reason(token: str, now: datetime = NOW) -> str:
    with pytest.raises(TokenRefused) as refused:
        read(token, now)
    return refused.value.reason


def test_a_good_token_is_read() -> None:
    assert read(a_token()).sub == USER


def test_a_token_says_how_its_user_has_logged_in_and_those_of_former_versions_do_not() -> None:
    assert read(a_token({"amr": ["pwd", "otp"]})).amr == ("pwd", "otp")
    assert read(a_token()).amr == ()


def test_a_token_of_a_worker_whose_clock_is_ahead_is_good() -> None:
    assert read(a_token({"iat": int(NOW.timestamp()) + 20})).sub == USER


def test_an_expired_token_is_called_so() -> None:
    assert reason(a_token({"exp": int(NOW.timestamp()) - 1})) == "token_expired"


@pytest.mark.parametrize("years", [-10, 10])
def test_a_token_expires_by_the_clock_that_is_given(years: int) -> None:
    now = (NOW + years * timedelta(days=365)).replace(microsecond=0)
    token = a_token({"iat": int(now.timestamp()) - 600, "exp": int(now.timestamp())})

    assert read(token, now - A_MOMENT).sub == USER
    assert reason(token, now) == "token_expired"
    assert reason(token.replace(".", ".x", 1), now) == "token_invalid"


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"])
def test_a_token_that_lacks_something_is_invalid(name: str) -> None:
    assert reason(a_token({name: None})) == "token_invalid"


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "role", "iat", "exp"])
def test_a_token_that_says_something_else_is_invalid(name: str) -> None:
    assert reason(a_token({name: "x"})) == "token_invalid"


def test_another_kind_of_token_is_invalid() -> None:
    assert reason(a_token(typ="JWT")) == "token_invalid"


class Service:
    """Has these keys, and may be away."""

    def __init__(self) -> None:
        self.kids = ["a"]
        self.asked = 0
        self.is_away = False

    async def keys(self) -> JsonWebKeySet:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise NoReply
        x = jwt.algorithms.OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True)["x"]
        return JsonWebKeySet(keys=tuple(JsonWebKey(x=x, kid=each) for each in self.kids))


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("profile_contracts.verifier.keys.monotonic", lambda: now[0])
    return now


async def test_keys_are_asked_for_once_however_many_want_them(service: Service, clock: list[float]) -> None:
    keys = Keys(service.keys)
    found = await asyncio.gather(*(keys.find("a") for _ in range(50)))
    clock[0] += 599

    assert all(found)
    assert await keys.find("a")
    assert service.asked == 1


async def test_old_keys_are_asked_for_again_and_not_used(service: Service, clock: list[float]) -> None:
    keys = Keys(service.keys)
    await keys.find("a")
    service.kids = ["b"]
    clock[0] += 600

    assert await keys.find("a") is None
    assert await keys.find("b")

    service.is_away = True
    clock[0] += 600
    for _ in range(3):
        with pytest.raises(CannotVerify):
            await keys.find("b")
    assert keys.last_known("b")
    assert service.asked == 3


async def test_an_unknown_name_is_asked_for_once_a_second(service: Service, clock: list[float]) -> None:
    keys = Keys(service.keys)
    await keys.find("a")
    service.kids = ["a", "b"]

    assert await keys.find("b") is None
    clock[0] += 1
    assert await keys.find("b")
    assert service.asked == 2


async def test_a_retired_key_is_forgotten_at_once_and_the_others_need_no_answer(
    service: Service, clock: list[float]
) -> None:
    service.kids = ["a", "b"]
    keys = Keys(service.keys)
    await keys.find("a")
    service.is_away = True
    clock[0] += 1
    keys.retain(["b", "c"])

    assert await keys.find("b")
    assert keys.last_known("a") is None
    await keys.close()


async def test_whatever_goes_wrong_with_the_keys_nobody_can_verify_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def ask() -> JsonWebKeySet:
        raise RuntimeError("a bug")

    keys = Keys(ask)
    for _ in range(2):
        with pytest.raises(CannotVerify) as failed:
            await keys.find("a")
        assert isinstance(failed.value.__cause__, RuntimeError)

    assert caplog.text.count("RuntimeError: a bug") == 1


async def test_a_service_that_does_not_say_its_keys_is_nothing_to_log(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.is_away = True
    with pytest.raises(CannotVerify):
        await Keys(service.keys).find("a")

    assert caplog.text == ""


async def test_who_waits_for_keys_when_nobody_asks_any_more_cannot_verify() -> None:
    is_asked = asyncio.Event()

    async def ask() -> JsonWebKeySet:
        is_asked.set()
        await asyncio.Event().wait()
        return JsonWebKeySet(keys=())

    keys = Keys(ask)
    finding = asyncio.create_task(keys.find("a"))
    await is_asked.wait()
    await keys.close()

    with pytest.raises(CannotVerify):
        await finding


def claims(session: UUID, *, iat: float) -> AccessClaims:
    values = {"sub": USER, "sid": session, "role": "user", "iat": int(iat), "exp": int(iat) + 600, "jti": "1"}
    return AccessClaims.model_validate(values)


def since(seconds: float) -> float:
    """Return a time of issue that much later than the feed's begin."""
    return time.time() + seconds


def ended(
    *sessions: UUID, at: datetime = NOW, kept: UUID | None = None, **changes: Any
) -> Event[SessionRevoked]:
    """Return the event as the service makes it."""
    data = {**all_revoked(USER, 2, "suspended", at, kept).data, "session_ids": list(sessions), **changes}
    return Event[SessionRevoked](
        id="1", type="auth.session_revoked", subject="x", time=at, data=SessionRevoked.model_validate(data)
    )


def test_a_session_is_alive_until_it_is_named() -> None:
    known, mine, other = Revocations(), new_id(NOW), new_id(NOW)
    token = claims(mine, iat=since(60))
    assert known.state_of(token) is Session.ALIVE
    known.note(ended(mine))

    assert known.state_of(token) is Session.ENDED
    assert known.state_of(claims(other, iat=since(60))) is Session.ALIVE


@pytest.mark.parametrize(
    ("opened", "state"),
    [
        (-LATER, Session.ENDED),
        (-A_MOMENT, Session.ENDED),
        (timedelta(), Session.ENDED),
        (A_MOMENT, Session.UNCERTAIN),  # perhaps by a login that was under way
        (timedelta(seconds=29), Session.UNCERTAIN),
        (timedelta(seconds=31), Session.ALIVE),
    ],
    ids=str,
)
@pytest.mark.parametrize("says_before", [True, False])
def test_the_time_in_the_id_of_a_session_decides_whether_it_is_one_of_all(
    opened: timedelta, state: Session, *, says_before: bool
) -> None:
    known, session = Revocations(), new_id(NOW + opened)
    known.note(ended() if says_before else ended(revoked_before=None))

    assert known.state_of(claims(session, iat=since(60))) is state


def test_the_session_that_is_kept_goes_on() -> None:
    known, kept = Revocations(), new_id(NOW - A_MOMENT)
    known.note(ended(kept=kept))

    assert known.state_of(claims(kept, iat=since(60))) is Session.ALIVE


def test_an_older_event_that_comes_again_revives_no_session() -> None:
    known, spared = Revocations(), new_id(NOW - LATER)
    token, first = claims(spared, iat=since(60)), ended(kept=spared)
    known.note(first)
    assert known.state_of(token) is Session.ALIVE
    known.note(ended(revoked_before=int(NOW.timestamp() * 1000) + 60_000))
    assert known.state_of(token) is Session.ENDED

    known.note(first)
    assert known.state_of(token) is Session.ENDED


def test_a_token_that_the_service_has_refused_is_not_asked_about_again() -> None:
    known, session = Revocations(), new_id(NOW - LATER)
    old = claims(session, iat=since(-1))
    assert known.state_of(old) is Session.UNCERTAIN
    known.refuse(old)

    assert known.state_of(old) is Session.ENDED


def test_what_is_confirmed_is_certain_until_something_newer_is_heard() -> None:
    known, session = Revocations(), new_id(NOW + A_MOMENT)
    token = claims(session, iat=since(60))
    known.note(ended())
    number = known.number()
    assert known.state_of(token) is Session.UNCERTAIN
    known.confirm(session, number)
    assert known.state_of(token) is Session.ALIVE

    known.note(ended())
    assert known.state_of(token) is Session.UNCERTAIN


def test_of_tokens_from_before_a_gap_nothing_is_known_until_it_is_asked() -> None:
    known, session = Revocations(), new_id(NOW - LATER)
    old, new = claims(session, iat=since(-1)), claims(session, iat=since(60))
    assert [known.state_of(each) for each in (old, new)] == [Session.UNCERTAIN, Session.ALIVE]
    asked = known.number()
    known.confirm(session, asked)
    assert known.state_of(old) is Session.ALIVE
    known.note_gap()
    assert known.state_of(old) is Session.UNCERTAIN
    known.confirm(session, asked)  # an answer from before the gap
    assert known.state_of(old) is Session.UNCERTAIN


def test_whether_a_token_is_from_before_a_gap_is_judged_by_the_clock_that_is_given() -> None:
    clock = [1e9]
    known, session = Revocations(now=lambda: clock[0]), new_id(NOW - LATER)
    old, new = claims(session, iat=1e9 + 29), claims(session, iat=1e9 + 30)
    assert [known.state_of(each) for each in (old, new)] == [Session.UNCERTAIN, Session.ALIVE]

    clock[0] += 1
    known.note_gap()
    assert known.state_of(new) is Session.UNCERTAIN


def test_what_is_forgotten_is_a_gap() -> None:
    known, session = Revocations(most=10), new_id(NOW - LATER)
    known.confirm(session, known.number())
    token = claims(session, iat=since(-1))
    for _ in range(10):
        known.note(ended(uuid4()))
        assert known.state_of(token) is Session.ALIVE
    known.note(ended(uuid4()))

    assert known.state_of(token) is Session.UNCERTAIN


def test_the_time_in_an_id_is_read_to_the_millisecond() -> None:
    assert milliseconds_of(new_id(datetime(2038, 1, 19, 3, 14, 8, 7000, UTC))) == 2_147_483_648_007
