import json
from typing import Any
from uuid import uuid4

import pytest

from profile_contracts.operations import PROFILE_DELETE, PROFILE_UPDATE, Operation
from service.app.auth.actors import Anonymous, TrustedService
from service.app.request_context import RequestContext
from service.domain.idempotency import IdempotencyKey, MessageIdReused, ProcessedCommand
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.stages.add_idempotency_key import AddIdempotencyKey
from tests.unit.inputports.amqp.stages.running import Rest, a_context

ID = str(uuid4())
HR = RequestContext(TrustedService("hr"))


def a_command(
    message_id: str | None = "m-1",
    operation: Operation[Any, Any] = PROFILE_DELETE,
    caller: RequestContext = HR,
    **fields: Any,
) -> MessageContext:
    context = a_context(route=operation, message_id=message_id)
    request = json.dumps({"id": ID, **fields})
    context.request, context.caller = operation.request.model_validate_json(request), caller
    return context


async def key_of(context: MessageContext, secret: bytes = b"k" * 32) -> IdempotencyKey | None:
    rest = Rest()
    await AddIdempotencyKey(secret)(context, rest)
    assert rest.seen == [context]
    assert context.caller is not None
    return context.caller.idempotency_key


async def test_the_same_command_has_the_same_key() -> None:
    key = await key_of(a_command())

    assert key == await key_of(a_command())
    assert key is not None
    assert key.message_id == "m-1"


async def test_a_command_that_a_former_version_has_processed_is_known() -> None:
    former = await key_of(a_command(), b"f" * 32)
    context = a_command()
    await AddIdempotencyKey(b"k" * 32, b"f" * 32)(context, Rest())
    key = context.caller.idempotency_key if context.caller else None

    assert former is not None
    assert key is not None
    assert key.digest != former.digest
    assert ProcessedCommand(former, "as it was").result_for(key) == "as it was"
    with pytest.raises(MessageIdReused):
        ProcessedCommand(IdempotencyKey("m-1", b"other"), "as it was").result_for(key)


@pytest.mark.parametrize(
    "other",
    [
        a_command("m-2"),
        a_command(expected_version=2),
        a_command(caller=RequestContext(Anonymous())),
        a_command(operation=PROFILE_UPDATE, first_name="Ada"),
    ],
    ids=["another name", "another request", "somebody else", "another operation"],
)
async def test_another_command_has_another_key(other: MessageContext) -> None:
    assert await key_of(other) != await key_of(a_command())


async def test_nobody_can_tell_a_request_by_its_digest() -> None:
    assert await key_of(a_command(), b"o" * 32) != await key_of(a_command())


@pytest.mark.parametrize("message_id", [None, ""])
async def test_a_command_without_a_name_has_no_key(message_id: str | None) -> None:
    assert await key_of(a_command(message_id)) is None


async def test_a_name_that_we_have_given_counts_too() -> None:
    context = a_command(None)
    context.message_id = "ours"
    key = await key_of(context)

    assert key is not None
    assert key.message_id == "ours"
    assert context.caller is not None
    assert context.caller.message_id == "ours"
