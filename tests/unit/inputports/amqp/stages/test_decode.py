import json

import pytest

from profile_contracts.operations import PROFILE_GET
from service.infrastructure.inputports.amqp.decoding import (
    Malformed,
    MalformedJson,
    MalformedRequest,
    UnsupportedContentType,
)
from service.infrastructure.inputports.amqp.stages.decode import Decode
from tests.unit.inputports.amqp.stages.running import Rest, a_context

GET = json.dumps(PROFILE_GET.example[0]).encode()


async def test_the_request_is_read_and_goes_on() -> None:
    context, rest = a_context(GET), Rest()
    await Decode()(context, rest)

    assert context.request == PROFILE_GET.request.model_validate_json(GET)
    assert rest.seen == [context]


@pytest.mark.parametrize(
    ("body", "content_type", "refusal"),
    [
        (b"{", None, MalformedJson),
        (b"{}", None, MalformedRequest),
        (GET, "text/plain", UnsupportedContentType),
    ],
)
async def test_what_is_no_request_is_refused(
    body: bytes, content_type: str | None, refusal: type[Malformed]
) -> None:
    rest = Rest()

    with pytest.raises(refusal):
        await Decode()(a_context(body, content_type=content_type), rest)
    assert rest.seen == []
