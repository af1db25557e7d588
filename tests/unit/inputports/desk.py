"""The whole service without its servers: requests pass through FastStream, and fakes stand behind."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue

from contracts.operations import COMMON_ERRORS, OPERATIONS, Operation
from contracts.replies import Failure
from service.app.application import Application
from service.app.auth.actors import User
from service.app.auth.log_in import LogInHandler
from service.app.commands.create_profile import CreateProfileHandler
from service.app.commands.delete_profile import DeleteProfileHandler
from service.app.commands.update_profile import UpdateProfileHandler
from service.app.queries.get_profile import GetProfileHandler
from service.domain.profiles import Role
from service.infrastructure.inputports.auth import subscribe_auth
from service.infrastructure.inputports.endpoint import Edge
from service.infrastructure.inputports.outgoing import ReplyAddresses
from service.infrastructure.inputports.principals import Principals
from service.infrastructure.inputports.profiles import subscribe_profiles
from service.infrastructure.inputports.requests import Requests, Source
from service.infrastructure.rabbitmq.topology import COMMANDS_EXCHANGE
from tests.fakes.broker import REPLY_TO, FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.passwords import FakePasswords
from tests.fakes.profiles import FakeProfiles
from tests.fakes.tokens import FakeTokens

PASSWORD = "correct horse"


@dataclass(slots=True)
class Desk:
    """Where requests are handed in and replies handed out."""

    broker: RabbitBroker
    outgoing: FakeBroker
    clock: FakeClock
    profiles: FakeProfiles
    tokens: FakeTokens

    async def ask(
        self, queue: str, body: dict[str, Any], token: str | None = None, **properties: Any
    ) -> dict[str, Any]:
        """Return the reply, after comparing it with what the contract says."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        given: dict[str, Any] = {"reply_to": REPLY_TO, "correlation_id": uuid4().hex, "headers": headers}
        await self.broker.publish(json.dumps(body).encode(), queue, COMMANDS_EXCHANGE, **given | properties)
        _, message, _ = self.outgoing.replies.pop()
        reply: dict[str, Any] = json.loads(message.body)
        _check(next(each for each in OPERATIONS if each.queue == queue), reply)
        return reply

    async def refusal(self, queue: str, body: dict[str, Any], token: str | None = None) -> tuple[str, str]:
        """Return code and reason of the refusal."""
        error = (await self.ask(queue, body, token))["error"]
        return error["code"], error["reason"]

    async def sign_up(self, email: str) -> dict[str, Any]:
        """Return the profile of a new user."""
        person = {"first_name": "Ada", "last_name": "Lovelace", "email": email, "password": PASSWORD}
        profile: dict[str, Any] = (await self.ask("profile.create", person))["result"]
        return profile

    async def token(self, email: str) -> str:
        """Return a token of the user with that address."""
        reply = await self.ask("auth.login", {"email": email, "password": PASSWORD})
        text: str = reply["result"]["access_token"]
        return text

    def admin(self) -> str:
        """Return the token of an administrator."""
        return self.tokens.issue(User(uuid4(), Role.ADMIN)).text


def _check(operation: Operation[Any, Any], reply: dict[str, Any]) -> None:
    """Fail if *reply* is none that the contract promises."""
    if reply["ok"]:
        written = json.dumps(reply["result"])
        matching = [each for each in operation.results if set(each.model_fields) == set(reply["result"])]
        assert [json.loads(each.model_validate_json(written).model_dump_json()) for each in matching] == [
            reply["result"]
        ]
    else:
        error = Failure.model_validate(reply).error
        assert (COMMON_ERRORS | operation.errors)[error.reason] is error.code


def _source(operation: Operation[Any, Any]) -> Source:
    return Source(
        RabbitQueue(operation.queue, durable=True, routing_key=operation.queue),
        RabbitExchange(COMMANDS_EXCHANGE, durable=True, declare=False),
        Channel(prefetch_count=1),
    )


def a_desk() -> Desk:
    """Return a desk with nobody in the files. `TestRabbitBroker` opens it."""
    broker = RabbitBroker("amqp://nowhere.invalid", apply_types=False, logger=None)
    desk = Desk(broker, FakeBroker(), FakeClock(), FakeProfiles(), FakeTokens())
    passwords = FakePasswords()
    app = Application(
        create_profile=CreateProfileHandler(desk.profiles, passwords, desk.clock),
        get_profile=GetProfileHandler(desk.profiles),
        update_profile=UpdateProfileHandler(desk.profiles, passwords, desk.clock),
        delete_profile=DeleteProfileHandler(desk.profiles, desk.clock),
        log_in=LogInHandler(desk.profiles, passwords, desk.tokens),
        tokens=desk.tokens,
    )
    principals = Principals(desk.tokens, {"hr": frozenset({"profile.create", "profile.get"})})
    requests = Requests(broker, Edge(principals, desk.outgoing, ReplyAddresses(), desk.clock), _source)
    subscribe_profiles(requests, app)
    subscribe_auth(requests, app)
    return desk
