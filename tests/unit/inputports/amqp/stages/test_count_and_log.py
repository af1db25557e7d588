from collections import Counter
from typing import Any

import pytest
import structlog

from service.domain.errors import NotFound
from service.infrastructure.inputports.amqp.stages.count_and_log import CountAndLog
from tests.unit.inputports.amqp.stages.running import a_context


async def counted(cause: Exception | None = None, **properties: Any) -> tuple[Counter[tuple[str, str]], Any]:
    """Return what was counted, and the line that was written."""
    context, outcomes = a_context(**properties), Counter[tuple[str, str]]()
    if cause:
        context.fail(cause)
    with structlog.testing.capture_logs() as entries:
        await CountAndLog(outcomes)(context)
    [entry] = entries
    return outcomes, entry


@pytest.mark.parametrize(
    ("cause", "code", "level"),
    [(None, "ok", "info"), (NotFound(), "not_found", "info"), (KeyError("canary"), "internal", "error")],
)
async def test_each_message_is_counted_and_logged_by_its_code(
    cause: Exception | None, code: str, level: str
) -> None:
    outcomes, entry = await counted(cause)

    assert outcomes == {("profile.get", code): 1}
    assert (entry["operation"], entry["code"], entry["log_level"]) == ("profile.get", code, level)
    assert "canary" not in str(entry)


async def test_the_line_says_whose_message_it_was() -> None:
    _, entry = await counted(correlation_id=None, message_id="m-1", user_id="hr")

    assert (entry["correlation_id"], entry["service"]) == ("m-1", "hr")
