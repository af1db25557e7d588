from typing import Any

import pytest

from service.infrastructure.inputports.amqp.reply_to_policy import ReplyToPolicy, ReplyToRefused
from service.infrastructure.inputports.amqp.stages.resolve_reply_to import ResolveReplyTo
from tests.fakes.broker import REPLY_TO
from tests.unit.inputports.amqp.stages.running import Rest, a_context

resolve = ResolveReplyTo(ReplyToPolicy())


@pytest.mark.parametrize(
    ("properties", "address"),
    [
        ({"reply_to": REPLY_TO}, REPLY_TO),
        ({"reply_to": "hr.replies", "user_id": "hr"}, "hr.replies"),
        ({"reply_to": None}, None),
        ({"reply_to": ""}, None),
    ],
)
async def test_it_is_noted_where_the_reply_goes(properties: dict[str, Any], address: str | None) -> None:
    context, rest = a_context(**properties), Rest()
    await resolve(context, rest)

    assert context.reply_to == address
    assert rest.seen == [context]


@pytest.mark.parametrize(
    "properties", [{"reply_to": "profile.create"}, {"reply_to": "hr.replies", "user_id": "cms"}]
)
async def test_a_queue_that_is_not_the_callers_is_refused(properties: dict[str, Any]) -> None:
    context, rest = a_context(**properties), Rest()

    with pytest.raises(ReplyToRefused):
        await resolve(context, rest)
    assert (context.reply_to, rest.seen) == (None, [])
