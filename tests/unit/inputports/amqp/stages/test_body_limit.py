import pytest

from profile_contracts.fields import MAX_BODY_BYTES
from service.infrastructure.inputports.amqp.stages.body_limit import BodyLimit
from tests.unit.inputports.amqp.stages.running import Rest, a_context


@pytest.mark.parametrize(
    ("size", "dropped"), [(0, False), (MAX_BODY_BYTES, False), (MAX_BODY_BYTES + 1, True)]
)
async def test_a_body_over_the_limit_is_dropped_and_its_message_goes_on(size: int, *, dropped: bool) -> None:
    context, rest = a_context(b" " * size), Rest()
    await BodyLimit()(context, rest)

    assert context.is_too_large is dropped
    assert len(context.message.body) == (0 if dropped else size)
    assert rest.seen == [context]
