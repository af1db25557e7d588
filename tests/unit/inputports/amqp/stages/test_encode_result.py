import json

import pytest
from pydantic_core import PydanticSerializationError

from profile_contracts.operations import PROFILE_GET
from profile_contracts.profiles import Profile
from service.infrastructure.inputports.amqp.stages.encode_result import EncodeResult
from tests.unit.inputports.amqp.stages.running import Rest, a_context

PROFILE = Profile.model_validate(PROFILE_GET.example[1])


async def test_the_result_is_written_as_a_reply() -> None:
    context = a_context()
    context.result = PROFILE
    await EncodeResult()(context, Rest())

    assert json.loads(context.body) == {"ok": True, "result": json.loads(PROFILE.model_dump_json())}


async def test_a_result_that_cannot_be_written_is_a_failure() -> None:
    context = a_context()
    context.result = PROFILE.model_copy(update={"first_name": "\ud800"})

    with pytest.raises(PydanticSerializationError):
        await EncodeResult()(context, Rest())
    assert context.body == b""
