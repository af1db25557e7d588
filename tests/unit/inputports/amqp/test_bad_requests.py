"""Headers and values that make no sense, on every operation: each request gets the reply that it should."""

from typing import Any

import pytest

from profile_contracts.operations import OPERATIONS
from tests.bad_input import HEARD_WITH_A_DEAD_TOKEN, NO_NUL, NUMERIC, ODD_VALUES, PAST_DEADLINES
from tests.unit.inputports.amqp.messaging_harness import MessagingHarness

EXAMPLES: dict[str, dict[str, Any]] = {each.queue: each.example[0] for each in OPERATIONS}
EXAMPLES["auth.login"] = EXAMPLES["auth.login"] | {"email": "nobody@example.org"}

every_odd_value = pytest.mark.parametrize("value", ODD_VALUES.values(), ids=ODD_VALUES.keys())


def refusal(reply: dict[str, Any]) -> tuple[str, str] | None:
    """Return code and reason of a refusal."""
    return None if reply["ok"] else (reply["error"]["code"], reply["error"]["reason"])


@every_odd_value
async def test_an_authorization_that_is_no_bearer_token_is_a_dead_token(
    harness: MessagingHarness, value: object
) -> None:
    heard = {
        queue: refusal(await harness.ask(queue, body, headers={"authorization": value}))
        for queue, body in EXAMPLES.items()
    }

    assert heard == HEARD_WITH_A_DEAD_TOKEN


@every_odd_value
async def test_headers_of_odd_types_do_not_matter(harness: MessagingHarness, value: object) -> None:
    names = ["x-death", "traceparent", "baggage", "content-type", "x-anything"]
    if not isinstance(value, NUMERIC):
        names += ["x-deadline", "x-delivery-count"]
    for queue, body in EXAMPLES.items():
        odd = await harness.ask(queue, body, headers=dict.fromkeys(names, value))
        plain = await harness.ask(queue, body)

        # The first one has made the profile.
        assert refusal(plain) == (
            refusal(odd) or (("conflict", "email_taken") if queue == "profile.create" else None)
        )


@pytest.mark.parametrize("deadline", PAST_DEADLINES)
async def test_a_deadline_that_is_over_is_said_and_nothing_is_done(
    harness: MessagingHarness, deadline: object
) -> None:
    for queue, body in EXAMPLES.items():
        reply = await harness.ask(queue, body, headers={"x-deadline": deadline})

        assert refusal(reply) == ("deadline_exceeded", "out_of_time")
        assert reply["error"]["retryable"] is True
    assert harness.app_fixture.profiles.published == []


async def test_a_deadline_in_time_is_kept(harness: MessagingHarness) -> None:
    soon = int(harness.clock.now().timestamp() * 1000) + 10_000
    for queue, body in EXAMPLES.items():
        for deadline in (soon, str(soon), 2**62):
            reply = await harness.ask(queue, body, headers={"x-deadline": deadline}, expiration=10)

            assert refusal(reply) != ("deadline_exceeded", "out_of_time")


@pytest.mark.parametrize(("queue", "name"), NO_NUL)
async def test_nul_is_refused_in_every_string(harness: MessagingHarness, queue: str, name: str) -> None:
    reply = await harness.ask(queue, EXAMPLES[queue] | {name: "Ada\0Lovelace"})

    assert refusal(reply) == NO_NUL[queue, name]


async def test_a_token_with_nul_is_not_active(harness: MessagingHarness) -> None:
    reply = await harness.ask("auth.verify", {"token": "Ada\0Lovelace"})

    assert reply == {"ok": True, "result": {"active": False}}
