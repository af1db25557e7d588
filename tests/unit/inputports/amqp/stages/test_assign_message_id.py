from typing import Any

import pytest

from profile_contracts.operations import PROFILE_UPDATE
from service.infrastructure.inputports.amqp.stages.assign_message_id import AssignMessageId
from tests.unit.inputports.amqp.stages.running import Rest, a_context


@pytest.mark.parametrize("given", [None, ""])
async def test_a_command_of_nobody_who_waits_gets_a_name_of_its_own(given: str | None) -> None:
    contexts = [a_context(route=PROFILE_UPDATE, message_id=given, reply_to=None) for _ in range(2)]
    rest = Rest()
    for each in contexts:
        await AssignMessageId()(each, rest)

    assert len({each.message_id for each in contexts}) == 2
    assert all(each.message_id for each in contexts)
    assert rest.seen == contexts


@pytest.mark.parametrize(
    ("properties", "kept"),
    [({"message_id": "m-1", "reply_to": None}, "m-1"), ({"message_id": "m-1"}, "m-1"), ({}, None)],
)
async def test_a_name_is_kept_and_who_waits_needs_none(properties: dict[str, Any], kept: str | None) -> None:
    context = a_context(route=PROFILE_UPDATE, **properties)
    await AssignMessageId()(context, Rest())

    assert context.message_id == kept
