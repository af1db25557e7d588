from typing import Any

from service.app.auth.actors import Anonymous
from service.app.request_context import RequestContext
from service.infrastructure.inputports.amqp.route import MessageKind, Route
from service.infrastructure.inputports.amqp.stages.handle import Handle
from tests.unit.inputports.amqp.stages.running import Rest, a_context


async def test_the_handler_hears_who_asks_for_what_and_its_result_is_kept() -> None:
    heard: list[tuple[object, object]] = []

    async def handler(request: object, caller: object) -> Any:
        heard.append((request, caller))
        return "result"

    context = a_context(route=Route("profile.get", MessageKind.QUERY, handler))
    context.request, context.caller = "request", RequestContext(Anonymous())
    await Handle()(context, Rest())

    assert heard == [("request", context.caller)]
    assert context.result == "result"
