import hashlib
import json
from typing import Any
from uuid import uuid4

import pytest

from profile_contracts.operations import PROFILE_DELETE, PROFILE_UPDATE, Operation
from service.app.auth.actors import Anonymous, TrustedService, User
from service.app.request_context import RequestContext
from service.domain.idempotency import IdempotencyKey, MessageIdReused, ProcessedCommand
from service.domain.profile import Role
from service.infrastructure.inputports.amqp.context import MessageContext
from service.infrastructure.inputports.amqp.stages.add_idempotency_key import AddIdempotencyKey
from tests.fakes.keys import in_use
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
    await AddIdempotencyKey(in_use(secret), in_use())(context, rest)
    assert rest.seen == [context]
    assert context.caller is not None
    return context.caller.idempotency_key


async def test_the_same_command_has_the_same_key() -> None:
    key = await key_of(a_command())

    assert key == await key_of(a_command())
    assert key is not None
    assert (len(key.id), len(key.digest)) == (16, 16)


async def test_a_command_that_a_former_version_has_processed_is_known() -> None:
    """It had another secret, and put who asks, and fields that had not been sent, into the digest."""
    context = a_command()
    said = f"profile.delete\nservice:hr\n{context.request.model_dump_json()}".encode()
    former = hashlib.blake2b(said, key=b"f" * 32, digest_size=16).digest()
    await AddIdempotencyKey(in_use(b"k" * 32), in_use(b"f" * 32))(context, Rest())
    key = context.caller.idempotency_key if context.caller else None

    assert key is not None
    assert key.former is not None
    assert key.former.message_id == "m-1"
    assert ProcessedCommand(former, 1, "Ada").is_of(key)
    with pytest.raises(MessageIdReused):
        ProcessedCommand(b"other", 1, "Ada").ensure_is_of(key)


async def key_by(*secrets: bytes) -> IdempotencyKey:
    context = a_command()
    await AddIdempotencyKey(in_use(*secrets), in_use())(context, Rest())
    assert context.caller is not None
    assert context.caller.idempotency_key is not None
    return context.caller.idempotency_key


async def test_a_command_has_a_key_by_each_secret_in_use() -> None:
    old, new = b"k" * 32, b"n" * 32
    before, between, after = await key_by(old), await key_by(new, old), await key_by(new)

    assert between.ids == (after.id, before.id)
    assert between.digests == (after.digest, before.digest)
    assert (before.others, after.others) == ((), ())
    for recorded in (before.digest, after.digest):
        assert ProcessedCommand(recorded, 1, "Ada").is_of(between)
        assert not ProcessedCommand(b"other", 1, "Ada").is_of(between)


async def test_an_optional_field_of_a_later_version_changes_no_key() -> None:
    class Later(PROFILE_DELETE.request):  # type: ignore[name-defined, misc]
        why: str = "no reason"

    context = a_command()
    context.request = Later.model_validate_json(json.dumps({"id": ID}))

    assert await digest_of(context) == await digest_of(a_command())


async def digest_of(context: MessageContext) -> bytes:
    key = await key_of(context)
    assert key is not None
    return key.digest


ADA, BOB = uuid4(), uuid4()


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (RequestContext(User(ADA, Role.USER, uuid4())), RequestContext(User(ADA, Role.USER, uuid4())), True),
        (RequestContext(User(ADA, Role.USER, uuid4())), RequestContext(User(BOB, Role.USER, uuid4())), False),
        (RequestContext(Anonymous(), "gateway"), RequestContext(Anonymous(), "gateway"), True),
        (RequestContext(Anonymous(), "gateway"), RequestContext(Anonymous(), "other"), False),
        (RequestContext(Anonymous()), HR, False),
        (
            RequestContext(Anonymous(former_user=(gone := User(ADA, Role.USER, uuid4())))),
            RequestContext(gone),
            True,
        ),
    ],
    ids=["sessions of a user", "users", "a gateway", "gateways", "nobody", "an ended session"],
)
async def test_a_name_belongs_to_who_sent_it(
    one: RequestContext, other: RequestContext, *, is_same: bool
) -> None:
    first, second = await key_of(a_command(caller=one)), await key_of(a_command(caller=other))

    assert first is not None
    assert second is not None
    assert (first.id == second.id) is is_same


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
    assert key.former is not None
    assert key.former.message_id == "ours"
