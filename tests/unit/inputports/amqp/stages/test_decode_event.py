import pytest

from profile_contracts.events import PostEvent, ProfileEvent
from service.infrastructure.inputports.amqp.decoding import Malformed, MalformedJson, MalformedRequest
from service.infrastructure.inputports.amqp.stages.decode_event import DecodeEvent
from tests.unit.inputports.amqp.stages.running import CASCADE, Rest, a_context
from tests.unit.inputports.amqp.test_cascade import OWNER, POST, an_event


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (an_event("profile.deleted"), ProfileEvent),
        (an_event("post.created", id=str(POST), user_id=str(OWNER)), PostEvent),
    ],
)
async def test_the_data_of_the_event_goes_on(body: bytes, kind: type) -> None:
    context, rest = a_context(body, CASCADE), Rest()
    await DecodeEvent()(context, rest)

    assert type(context.request) is kind
    assert rest.seen == [context]


@pytest.mark.parametrize(
    ("body", "refusal"), [(b"{", MalformedJson), (an_event(id="no uuid"), MalformedRequest)]
)
async def test_what_is_no_event_is_refused(body: bytes, refusal: type[Malformed]) -> None:
    rest = Rest()

    with pytest.raises(refusal):
        await DecodeEvent()(a_context(body, CASCADE), rest)
    assert rest.seen == []
