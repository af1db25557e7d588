from collections.abc import Mapping
from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_contracts.operations import (
    AUTH_LOGIN,
    OPERATIONS,
    PROFILE_CREATE,
    PROFILE_DELETE,
    PROFILE_GET,
    Operation,
)
from service.app.auth.actors import (
    Actor,
    Anonymous,
    MissingToken,
    TokenExpired,
    TokenInvalid,
    TrustedService,
    User,
)
from service.app.auth.permissions import SecondFactorNeeded
from service.app.auth.session_guard import SessionEnded
from service.app.request_context import RequestContext
from service.domain.errors import Unauthenticated, Unavailable
from service.domain.profile import Role
from service.infrastructure.inputports.amqp.arrivals import Arrivals
from service.infrastructure.inputports.amqp.sender_signature import History, sign_sender
from service.infrastructure.inputports.amqp.stages.authenticator import Authenticator
from tests.any_text import TEXT
from tests.builders import a_profile
from tests.fakes.app_fixture import AppFixture
from tests.fakes.broker import REPLY_TO, FakeBroker, message
from tests.fakes.keys import in_use
from tests.fakes.tokens import EXPIRES_AT
from tests.unit.inputports.amqp.stages.running import Rest, a_context, a_route

ADA = a_profile()
TRUSTED = {"hr": frozenset({"profile.create"}), "idle": frozenset[str]()}
AnyOperation = Operation[Any, Any]
KEY = b"k" * 32


@pytest.fixture
def app_fixture() -> AppFixture:
    return AppFixture(ADA)


def an_authenticator(
    app_fixture: AppFixture,
    trusted: Mapping[str, frozenset[str]] = TRUSTED,
    *,
    is_broker_believed: bool = False,
) -> Authenticator:
    arrivals = Arrivals(app_fixture.clock, is_broker_believed)
    return Authenticator(app_fixture.tokens, app_fixture.sessions, trusted, in_use(KEY), arrivals)


@pytest.fixture
def authenticator(app_fixture: AppFixture) -> Authenticator:
    return an_authenticator(app_fixture)


async def asked(
    authenticator: Authenticator,
    header: object,
    user_id: str | None = None,
    operation: AnyOperation = PROFILE_GET,
) -> Actor:
    """Return who asks with that header."""
    headers = {} if header is None else {"authorization": header}
    return (
        await authenticator.authenticate(message(headers=headers, user_id=user_id), a_route(operation))
    ).actor


def why(actor: Actor) -> type[Unauthenticated]:
    """Return what *actor* hears where somebody is needed."""
    assert isinstance(actor, Anonymous)
    return type(actor.auth_error)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
async def test_a_bearer_token_names_the_human(
    authenticator: Authenticator, app_fixture: AppFixture, scheme: str
) -> None:
    ada, tokens = await app_fixture.logged_in(ADA)

    assert await asked(authenticator, scheme + tokens.access_token.text) == ada


async def test_the_human_decides_even_if_the_service_is_trusted(
    authenticator: Authenticator, app_fixture: AppFixture
) -> None:
    ada, tokens = await app_fixture.logged_in(ADA)

    assert await asked(authenticator, f"Bearer {tokens.access_token.text}", "hr", PROFILE_CREATE) == ada


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer dead", "Basic YTpi", "dead", b"Bearer dead", 1, True, ["Bearer"], {}],
)
@pytest.mark.parametrize("user_id", [None, "hr"])
async def test_a_dead_token_gains_nothing_by_a_trusted_service(
    authenticator: Authenticator, header: object, user_id: str | None
) -> None:
    assert why(await asked(authenticator, header, user_id, PROFILE_CREATE)) is TokenInvalid


async def test_a_token_has_to_be_text(authenticator: Authenticator, app_fixture: AppFixture) -> None:
    _, tokens = await app_fixture.logged_in(ADA)

    assert why(await asked(authenticator, f"Bearer {tokens.access_token.text}".encode())) is TokenInvalid


async def test_an_expired_token_is_called_expired(
    authenticator: Authenticator, app_fixture: AppFixture
) -> None:
    _, tokens = await app_fixture.logged_in(ADA)
    app_fixture.tokens.expire()

    assert why(await asked(authenticator, f"Bearer {tokens.access_token.text}", "hr")) is TokenExpired


BEFORE = int((EXPIRES_AT - timedelta(seconds=1)).timestamp() * 1000)
AFTER = int(EXPIRES_AT.timestamp() * 1000)


async def asked_late(
    app_fixture: AppFixture,
    headers: dict[str, Any],
    operation: AnyOperation = PROFILE_DELETE,
    *,
    reply_to: str | None = None,
    is_broker_believed: bool = True,
) -> Actor:
    """Return who asks with a token that has expired by now, in a message with *headers*."""
    _, tokens = await app_fixture.logged_in(ADA)
    app_fixture.tokens.expire()
    app_fixture.clock.advance(hours=1)
    late = message(
        headers={"authorization": f"Bearer {tokens.access_token.text}", **headers},
        reply_to=reply_to,
        message_id="m-1",
        exchange="profile.commands",
    )
    authenticator = an_authenticator(app_fixture, is_broker_believed=is_broker_believed)
    return (await authenticator.authenticate(late, a_route(operation))).actor


def first_came(at: int, key: bytes = KEY) -> dict[str, str | int]:
    """Return the headers by which a worker says when a message first came."""
    return sign_sender(History(attempts=1, arrived_at=at), "m-1", b"{}", [key])


@pytest.mark.parametrize(
    "headers",
    [
        {"timestamp_in_ms": BEFORE},
        first_came(BEFORE),
        # What the broker says of a retry is when that was published.
        {**first_came(BEFORE), "timestamp_in_ms": AFTER},
    ],
    ids=["the broker says so", "a worker has signed it", "both"],
)
async def test_a_token_was_good_when_a_command_came_that_nobody_waits_for(
    app_fixture: AppFixture, headers: dict[str, Any]
) -> None:
    assert isinstance(await asked_late(app_fixture, headers), User)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"timestamp_in_ms": AFTER},
        {"timestamp_in_ms": 0},
        {"timestamp_in_ms": -BEFORE},
        {"timestamp_in_ms": str(BEFORE)},
        {"timestamp_in_ms": 2**63 - 1},
        {"timestamp_in_ms": None},
        first_came(AFTER),
        {**first_came(AFTER), "timestamp_in_ms": BEFORE},
        {"x-arrived-at": BEFORE},
        {**first_came(AFTER), "x-arrived-at": BEFORE},
        first_came(BEFORE, b"o" * 32),
    ],
    ids=range(12),
)
async def test_a_token_that_was_not_good_then_is_expired(
    app_fixture: AppFixture, headers: dict[str, Any]
) -> None:
    assert why(await asked_late(app_fixture, headers)) is TokenExpired


async def test_a_sender_is_not_believed_when_its_message_came(app_fixture: AppFixture) -> None:
    found = await asked_late(app_fixture, {"timestamp_in_ms": BEFORE}, is_broker_believed=False)

    assert why(found) is TokenExpired


@pytest.mark.parametrize(
    ("operation", "reply_to"), [(PROFILE_DELETE, REPLY_TO), (PROFILE_GET, REPLY_TO), (PROFILE_GET, None)]
)
async def test_where_somebody_waits_a_token_is_judged_as_of_now(
    app_fixture: AppFixture, operation: AnyOperation, reply_to: str | None
) -> None:
    found = await asked_late(app_fixture, {"timestamp_in_ms": BEFORE}, operation, reply_to=reply_to)

    assert why(found) is TokenExpired


async def test_a_session_is_judged_as_of_now_whenever_a_command_came(
    app_fixture: AppFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def has_ended(_: object) -> None:
        """Find no session."""

    monkeypatch.setattr(app_fixture.repository, "find", has_ended)

    assert why(await asked_late(app_fixture, {"timestamp_in_ms": BEFORE})) is SessionEnded


async def test_the_token_of_an_ended_session_is_dead(
    authenticator: Authenticator, app_fixture: AppFixture
) -> None:
    ada, tokens = await app_fixture.logged_in(ADA)
    await app_fixture.sessions.end(ada.id, "logout")

    assert why(await asked(authenticator, f"Bearer {tokens.access_token.text}", "hr")) is SessionEnded


async def test_nobody_is_let_in_while_it_is_not_known(
    authenticator: Authenticator, app_fixture: AppFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> None:
        raise Unavailable

    _, tokens = await app_fixture.logged_in(ADA)
    monkeypatch.setattr(app_fixture.repository, "find", away)

    with pytest.raises(Unavailable):
        await asked(authenticator, f"Bearer {tokens.access_token.text}")


async def test_a_trusted_service_is_trusted_with_the_listed_operation(authenticator: Authenticator) -> None:
    assert await asked(authenticator, None, "hr", PROFILE_CREATE) == TrustedService("hr")


@pytest.mark.parametrize(
    ("user_id", "operation"),
    [
        (None, PROFILE_CREATE),
        ("", PROFILE_CREATE),
        ("hr", PROFILE_DELETE),
        ("HR", PROFILE_CREATE),
        ("idle", PROFILE_CREATE),
        ("gateway", PROFILE_CREATE),
    ],
)
async def test_with_any_other_it_is_nobody(
    authenticator: Authenticator, user_id: str | None, operation: AnyOperation
) -> None:
    assert why(await asked(authenticator, None, user_id, operation)) is MissingToken


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.authentication == "none"], ids=lambda each: each.queue
)
async def test_where_nobody_is_needed_a_token_is_not_looked_at(
    authenticator: Authenticator, app_fixture: AppFixture, operation: AnyOperation
) -> None:
    _, tokens = await app_fixture.logged_in(ADA)

    assert await asked(authenticator, f"Bearer {tokens.access_token.text}", None, operation) == Anonymous()


async def test_a_caller_is_known_by_what_the_broker_has_validated(authenticator: Authenticator) -> None:
    request = message(user_id="hr", message_id="m-1", headers={"x-client-ip": "192.0.2.7"})

    assert await authenticator.authenticate(request, a_route(AUTH_LOGIN)) == RequestContext(
        Anonymous(), "hr", "192.0.2.7/32"
    )


@pytest.mark.parametrize("redelivered", [False, True])
async def test_whether_a_request_is_delivered_again_is_known(
    authenticator: Authenticator, *, redelivered: bool
) -> None:
    request = FakeBroker().deliver(b"{}", redelivered=redelivered)
    caller = await authenticator.authenticate(request, a_route(AUTH_LOGIN))

    assert caller.is_redelivered is redelivered


@pytest.mark.parametrize(
    ("user_id", "said", "known"),
    [
        ("hr", "Mozilla/5.0", "Mozilla/5.0"),
        ("gateway", "Mozilla/5.0", None),
        (None, "Mozilla/5.0", None),
        ("hr", "", None),
        ("hr", "M\u00f6zilla", None),
        ("hr", "x" * 257, None),
        ("hr", "Mozilla\n5.0", None),
        ("hr", 7, None),
    ],
)
async def test_a_trusted_service_says_what_the_humans_program_is(
    authenticator: Authenticator, user_id: str | None, said: object, known: str | None
) -> None:
    request = message(user_id=user_id, headers={"x-user-agent": said})

    assert (await authenticator.authenticate(request, a_route(AUTH_LOGIN))).user_agent == known


async def client(authenticator: Authenticator, address: object, user_id: str | None = "hr") -> str | None:
    """Return where the human is."""
    request = message(user_id=user_id, headers={"x-client-ip": address})
    return (await authenticator.authenticate(request, a_route(AUTH_LOGIN))).client_network


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:0DB8:0:0:ffff::", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
async def test_a_trusted_service_says_where_the_human_is(
    authenticator: Authenticator, address: str, network: str
) -> None:
    assert await client(authenticator, address) == network


@pytest.mark.parametrize("user_id", [None, "", "gateway", "HR"])
async def test_nobody_else_is_believed(authenticator: Authenticator, user_id: str | None) -> None:
    assert await client(authenticator, "192.0.2.7", user_id) is None


@pytest.mark.parametrize(
    "address", ["", "nonsense", "192.0.2.7/24", "192.0.2.07", " 192.0.2.7", 7, b"::1", None, []]
)
async def test_what_is_no_address_is_none(authenticator: Authenticator, address: object) -> None:
    assert await client(authenticator, address) is None


@given(address=st.ip_addresses().map(str) | TEXT)
async def test_any_header_is_an_address_or_none(address: str) -> None:
    app_fixture = AppFixture()
    authenticator = an_authenticator(app_fixture)
    found = await client(authenticator, address)

    assert found is None or "/" in found


class Written:
    """No text, but written like one."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


@pytest.mark.parametrize("scheme", ["Basic", "Zoo", "", "Bearer2", "aBearer", "Digest"])
async def test_a_good_token_is_dead_under_another_scheme(scheme: str) -> None:
    app_fixture = AppFixture(ADA)
    _, tokens = await app_fixture.logged_in(ADA)
    request = message(headers={"authorization": f"{scheme} {tokens.access_token.text}"})

    actor = (await an_authenticator(app_fixture, {}).authenticate(request, a_route(PROFILE_GET))).actor

    assert isinstance(actor, Anonymous)
    assert type(actor.auth_error) is TokenInvalid


async def test_what_is_only_written_like_a_token_is_dead() -> None:
    app_fixture = AppFixture(ADA)
    _, tokens = await app_fixture.logged_in(ADA)
    request = message()
    request.headers["authorization"] = Written(f"Bearer {tokens.access_token.text}")  # type: ignore[assignment]

    actor = (await an_authenticator(app_fixture, {}).authenticate(request, a_route(PROFILE_GET))).actor

    assert isinstance(actor, Anonymous)
    assert type(actor.auth_error) is TokenInvalid


def test_authenticator_do_not_change() -> None:
    app_fixture = AppFixture()
    authenticator = an_authenticator(app_fixture, {})

    assert not hasattr(authenticator, "__dict__")
    with pytest.raises(FrozenInstanceError):
        authenticator.trusted_services = {}  # type: ignore[misc]


async def test_the_stage_notes_who_asks_and_goes_on(authenticator: Authenticator) -> None:
    context, rest = a_context(route=PROFILE_CREATE, user_id="hr"), Rest()
    await authenticator(context, rest)

    assert context.caller is not None
    assert context.caller.actor == TrustedService("hr")
    assert rest.seen == [context]


@pytest.mark.parametrize(("length", "is_read"), [(8_192, True), (8_193, False)])
async def test_a_token_is_read_up_to_eight_kibibytes(
    authenticator: Authenticator, app_fixture: AppFixture, length: int, *, is_read: bool
) -> None:
    ada, tokens = await app_fixture.logged_in(ADA)
    header = tokens.access_token.text.rjust(length - len("Bearer "))

    assert (await asked(authenticator, f"Bearer {header}") == ada) is is_read


@pytest.mark.parametrize(("length", "network"), [(64, "fe80::/64"), (65, None)])
async def test_an_address_is_read_up_to_64_bytes(
    authenticator: Authenticator, length: int, network: str | None
) -> None:
    assert await client(authenticator, "fe80::1%".ljust(length, "e")) == network


def test_the_secret_is_not_shown(authenticator: Authenticator) -> None:
    assert "kkkk" not in repr(authenticator)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)
async def test_who_needs_a_second_factor_can_only_enroll_one(operation: AnyOperation) -> None:
    app_fixture = AppFixture(ADA)
    app_fixture.sessions = replace(app_fixture.sessions, second_factor_for=frozenset(Role))
    authenticator = an_authenticator(app_fixture, {})
    for with_code in (False, True):
        tokens = await app_fixture.sessions.open(ADA, with_code=with_code)
        context = a_context(route=operation, headers={"authorization": f"Bearer {tokens.access_token.text}"})
        rest = Rest()
        if operation.needs_second_factor and not with_code:
            with pytest.raises(SecondFactorNeeded):
                await authenticator(context, rest)
        else:
            await authenticator(context, rest)

        assert bool(rest.seen) is (with_code or not operation.needs_second_factor)


async def test_where_nobody_needs_one_no_session_is_read_for_that() -> None:
    app_fixture = AppFixture(ADA)
    user, tokens = await app_fixture.logged_in(ADA)
    await app_fixture.session_cache.mark_alive(user.session)
    app_fixture.repository.find = None  # type: ignore[assignment,method-assign]

    assert await asked(an_authenticator(app_fixture), f"Bearer {tokens.access_token.text}") == user
