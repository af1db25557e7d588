import pytest

from service.infrastructure.inputports.amqp.decoding import Malformed, MessageTooLarge
from service.infrastructure.inputports.amqp.stages.check_envelope import CheckEnvelope, MessageIdMalformed
from tests.unit.inputports.amqp.stages.running import Rest, a_context


@pytest.mark.parametrize("message_id", [None, "", "m-1", "\u00e9", "\U0001f600"])
async def test_a_good_envelope_goes_on(message_id: str | None) -> None:
    context, rest = a_context(message_id=message_id), Rest()
    await CheckEnvelope()(context, rest)

    assert rest.seen == [context]


@pytest.mark.parametrize(
    ("message_id", "is_too_large", "refusal"),
    [("caf\udce9", False, MessageIdMalformed), ("m-1", True, MessageTooLarge)],
)
async def test_a_bad_one_is_refused(message_id: str, refusal: type[Malformed], *, is_too_large: bool) -> None:
    context, rest = a_context(message_id=message_id), Rest()
    context.is_too_large = is_too_large

    with pytest.raises(refusal):
        await CheckEnvelope()(context, rest)
    assert rest.seen == []
