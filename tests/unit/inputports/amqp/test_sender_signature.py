from dataclasses import replace
from typing import Any

import pytest

from service.infrastructure.inputports.amqp.sender_signature import (
    History,
    sign_sender,
    verified_history,
    verified_sender,
)
from tests.fakes.broker import FakeBroker

KEY, OTHER = [b"k" * 32], [b"o" * 32]
BODY = b"{}"
FAR = History("hr", attempts=2, replays=1, arrived_at=1_700_000_000_000)


def test_the_broker_is_believed_and_then_we_are() -> None:
    first = FakeBroker().deliver(BODY, message_id="m-1", user_id="hr")
    second = FakeBroker().deliver(
        BODY, message_id="m-1", headers=sign_sender(verified_history(first, KEY), "m-1", BODY, KEY)
    )
    third = FakeBroker().deliver(
        BODY, message_id="m-1", headers=sign_sender(verified_history(second, KEY), "m-1", BODY, KEY)
    )

    assert [verified_sender(each, lambda: KEY) for each in (first, second, third)] == ["hr"] * 3


@pytest.mark.parametrize(
    "history", [FAR, History(), History(None, 3), replace(FAR, sender=None), replace(FAR, arrived_at=0)]
)
def test_all_that_was_said_comes_back(history: History) -> None:
    headers = sign_sender(history, None, BODY, KEY)

    assert verified_history(FakeBroker().deliver(BODY, headers=headers), KEY) == history


def test_of_a_new_message_nothing_is_known() -> None:
    assert verified_history(FakeBroker().deliver(BODY), KEY) == History()


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b"{ }"},
        {"message_id": "m-2"},
        {"message_id": None},
        {"headers": {"x-sender": "admin"}},
        {"headers": {"x-sender": 7}},
        {"headers": {"x-sender-mac": "0" * 32}},
        {"headers": {"x-sender-mac": None}},
        {"headers": {"x-sender-mac": "\ud800"}},
        {"headers": {"x-attempt": 1}},
        {"headers": {"x-attempt": None}},
        {"headers": {"x-attempt": 2**63 - 1}},
        {"headers": {"x-replay-count": 0}},
        {"headers": {"x-arrived-at": 1_700_000_000_001}},
        {"headers": {"x-arrived-at": None}},
    ],
)
def test_our_signature_is_for_one_message_of_one_sender_and_its_counts(changes: dict[str, Any]) -> None:
    given = {"body": BODY, "message_id": "m-1", "exchange": "profile.commands", **changes}
    given["headers"] = {**sign_sender(FAR, "m-1", BODY, KEY), **changes.get("headers", {})}

    assert verified_history(FakeBroker().deliver(**given), KEY) == History()


def test_a_signature_lives_as_long_as_its_key() -> None:
    by_old, by_new = (sign_sender(FAR, "m-1", BODY, keys) for keys in (KEY, [*OTHER, *KEY]))

    def believed(headers: dict[str, str | int], keys: list[bytes]) -> bool:
        message = FakeBroker().deliver(BODY, message_id="m-1", headers=headers, exchange="profile.commands")
        return verified_history(message, keys) == FAR

    for keys in ([*OTHER, *KEY], [*KEY, *OTHER]):
        assert [believed(each, keys) for each in (by_old, by_new)] == [True, True]
    assert [believed(each, OTHER) for each in (by_old, by_new)] == [False, True]


def test_nobody_else_can_give_it() -> None:
    headers = sign_sender(FAR, "m-1", BODY, OTHER)
    message = FakeBroker().deliver(BODY, message_id="m-1", headers=headers, exchange="profile.commands")

    assert verified_history(message, KEY) == History()


@pytest.mark.parametrize(
    ("exchange", "sent", "believed"),
    [
        ("", 2, 2),
        ("", 1_000, 1_000),
        ("", 1_001, 0),
        ("", "2", 0),
        ("", True, 0),
        ("", -1, 0),
        ("profile.commands", 2, 0),
    ],
)
def test_replays_are_counted_by_whoever_may_write_to_any_queue_and_attempts_by_us_alone(
    exchange: str, sent: object, believed: int
) -> None:
    message = FakeBroker().deliver(BODY, exchange=exchange, headers={"x-replay-count": sent, "x-attempt": 7})

    assert verified_history(message, KEY) == History(None, 0, believed)
