from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from profile_contracts.operations import OPERATIONS
from service.infrastructure.rabbitmq import dead_letter_queues
from service.infrastructure.rabbitmq.bounded_publish import TakesNoMessages
from service.infrastructure.rabbitmq.dead_letter import (
    DeadLetter,
    DeadLetterFilter,
    parked,
    replay_blocker,
    replayed,
    source_queues,
)
from service.infrastructure.rabbitmq.dead_letter_queues import DeadLetters
from service.infrastructure.rabbitmq.topology import CASCADE_QUEUE, MALFORMED, PARKED
from tests.builders import NOON
from tests.fakes.broker import FakeBroker

DELETE = frozenset({"profile.delete"})
TRACE = f"00-{32 * 'a'}-{16 * 'b'}-01"


def a_letter(message_id: str = "m-1", body: bytes = b'{"id":"1"}', **headers: Any) -> DeadLetter:
    """Return a letter that may go back, with *headers* (`_` for `-`) in place of the usual ones."""
    usual: dict[str, Any] = {
        "x-error-code": "internal",
        "x-error-reason": "internal_error",
        "x-error-type": "KeyError",
        "x-failed-at": NOON.isoformat(),
        "x-original-queue": "profile.delete",
        "x-replayable": True,
    }
    given = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return DeadLetter(FakeBroker().deliver(body, message_id=message_id, headers=given))


def test_a_letter_says_what_went_wrong() -> None:
    letter = a_letter(x_attempts=4, x_replay_count=2)

    assert (letter.id, letter.code, letter.reason, letter.error_type) == (
        "m-1",
        "internal",
        "internal_error",
        "KeyError",
    )
    assert (letter.failed_at, letter.attempts, letter.replays) == (NOON, 4, 2)


@pytest.mark.parametrize("value", [None, 1, b"\xff", [], {}, "yesterday", "2026-11-22T12:00:00"])
def test_headers_that_make_no_sense_are_borne(value: object) -> None:
    names = ("x_error_code", "x_failed_at", "x_attempt", "x_original_queue", "x_replayable")
    given: dict[str, Any] = dict.fromkeys(names, value)
    letter = a_letter(**given)

    assert letter.failed_at is None
    assert letter.attempts in (1, 2)
    assert not letter.is_replayable
    assert replay_blocker(letter, DELETE)


def test_every_queue_of_dead_letters_knows_where_they_came_from() -> None:
    known = source_queues()

    assert known["profile.delete.dlq"] == DELETE
    assert known[f"{CASCADE_QUEUE}.dlq"] == {CASCADE_QUEUE}
    assert known[PARKED] >= {CASCADE_QUEUE, *(each.queue for each in OPERATIONS)}
    assert len(known) == len(OPERATIONS) + 3


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({}, None),
        ({"x_original_queue": "profile.create"}, "its header x-original-queue names another queue"),
        ({"x_original_queue": "amq.rabbitmq.reply-to"}, "its header x-original-queue names another queue"),
        ({"x_original_queue": ""}, "its header x-original-queue names another queue"),
        ({"x_replayable": False}, "what was asked is not kept"),
        ({"x_replayable": "true"}, "what was asked is not kept"),
        ({"x_replay_count": 2}, None),
        ({"x_replay_count": 3}, "replayed 3 times or more already; --force does it again"),
    ],
)
def test_only_what_is_whole_goes_back_and_only_to_where_it_came_from(
    headers: dict[str, Any], refusal: str | None
) -> None:
    assert replay_blocker(a_letter(**headers), DELETE) == refusal


def test_what_is_left_of_a_malformed_request_goes_nowhere() -> None:
    letter = a_letter(x_original_queue="profile.create")

    assert replay_blocker(letter, source_queues()[MALFORMED]) == "of a malformed request nothing is kept"


def test_force_overrides_the_count_and_nothing_else() -> None:
    assert replay_blocker(a_letter(x_replay_count=9), DELETE, force=True) is None
    assert replay_blocker(a_letter(x_replayable=False), DELETE, force=True)
    assert replay_blocker(a_letter(x_original_queue="auth.login"), DELETE, force=True)


def test_what_goes_back_carries_nothing_that_was_noted_on_it() -> None:
    letter = a_letter(
        x_attempt=3, x_delivery_count=20, x_replay_count=1, traceparent=TRACE, x_death="d", CC=["q"]
    )
    message = replayed(letter, "operator")

    assert message.headers == {"traceparent": TRACE, "x-replay-count": 2}
    assert (message.body, message.message_id, message.user_id) == (b'{"id":"1"}', "m-1", "operator")
    assert (message.reply_to, message.expiration) == (None, None)


def test_what_is_parked_keeps_everything_and_says_since_when() -> None:
    letter = a_letter(x_delivery_count=20, CC=["q"], BCC=["q"], x=2**63)
    message = parked(letter, NOON)
    gone = ("x-delivery-count", "CC", "BCC", "x")
    expected = {name: value for name, value in letter.message.headers.items() if name not in gone}

    assert message.headers == {**expected, "x-parked-at": "2026-11-22T12:00:00.000+00:00"}
    assert (message.body, message.message_id) == (b'{"id":"1"}', "m-1")


LETTERS = [
    a_letter("a", x_error_code="invalid", x_error_reason="malformed_json"),
    a_letter("b", x_failed_at=(NOON - timedelta(days=3)).isoformat()),
    a_letter("c", x_failed_at="?"),
]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (DeadLetterFilter(), "abc"),
        (DeadLetterFilter(reason="internal_error"), "bc"),
        (DeadLetterFilter(code="invalid"), "a"),
        (DeadLetterFilter(code="invalid", reason="internal_error"), ""),
        (DeadLetterFilter(ids=frozenset({"c", "a", "z"})), "ac"),
        (DeadLetterFilter(failed_before=NOON - timedelta(days=1)), "b"),
        (DeadLetterFilter(failed_before=datetime.max.replace(tzinfo=UTC)), "ab"),  # nobody knows how old c is
    ],
)
def test_letters_are_chosen_by_all_that_is_asked_for(wanted: DeadLetterFilter, ids: str) -> None:
    assert [each.id for each in wanted.of(LETTERS)] == list(ids)


async def test_a_letter_that_the_broker_does_not_confirm_elsewhere_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def publish_soon(*_: Any, **__: Any) -> None:
        raise TakesNoMessages

    monkeypatch.setattr(dead_letter_queues, "publish_soon", publish_soon)
    nothing: Any = None
    box, broker = DeadLetters("u", nothing, nothing), FakeBroker()
    letter = DeadLetter(broker.deliver(b"{}", headers={"x-original-queue": "profile.delete"}))
    with pytest.raises(TimeoutError, match=r"is there an alarm\? What was not moved yet stays where it is"):
        await box.replay(letter)
    with pytest.raises(TimeoutError, match="one letter may be moved twice"):
        await box.park(letter, NOON)

    assert broker.journal == []
