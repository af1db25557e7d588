from typing import Any

import pytest

from service.infrastructure.inputports.vouching import sender, vouch
from tests.fakes.broker import FakeBroker

KEY, OTHER = b"k" * 32, b"o" * 32
BODY = b"{}"


def test_the_broker_is_believed_and_then_we_are() -> None:
    first = FakeBroker().deliver(BODY, message_id="m-1", user_id="hr")
    second = FakeBroker().deliver(BODY, message_id="m-1", headers=vouch(first, KEY))
    third = FakeBroker().deliver(BODY, message_id="m-1", headers=vouch(second, KEY))

    assert [sender(each, KEY) for each in (first, second, third)] == ["hr"] * 3


def test_of_nobody_there_is_nothing_to_say() -> None:
    assert vouch(FakeBroker().deliver(BODY), KEY) == {}
    assert sender(FakeBroker().deliver(BODY), KEY) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b"{ }"},
        {"message_id": "m-2"},
        {"message_id": None},
        {"headers": {"x-vouched-user": "admin"}},
        {"headers": {"x-vouched-user": 7}},
        {"headers": {"x-vouched-mac": "0" * 32}},
        {"headers": {"x-vouched-mac": None}},
        {"headers": {"x-vouched-mac": "\ud800"}},
    ],
)
def test_our_word_is_for_one_message_of_one_sender(changes: dict[str, Any]) -> None:
    headers = vouch(FakeBroker().deliver(BODY, message_id="m-1", user_id="hr"), KEY)
    given = {"body": BODY, "message_id": "m-1", **changes}
    given["headers"] = {**headers, **changes.get("headers", {})}

    assert sender(FakeBroker().deliver(**given), KEY) is None


def test_nobody_else_can_give_it() -> None:
    headers = vouch(FakeBroker().deliver(BODY, message_id="m-1", user_id="hr"), OTHER)

    assert sender(FakeBroker().deliver(BODY, message_id="m-1", headers=headers), KEY) is None
