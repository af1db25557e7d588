"""The whole service without its servers: requests pass through FastStream, and fakes stand behind."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import uuid4

from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitQueue
from prometheus_client import CollectorRegistry
from pydantic import MISSING, BaseModel

from profile_contracts.operations import COMMON_ERRORS, OPERATIONS, Operation
from profile_contracts.replies import Failure
from service.domain.profile import Role
from service.infrastructure.inputports.amqp.arrivals import Arrivals
from service.infrastructure.inputports.amqp.handlers.auth import subscribe_auth
from service.infrastructure.inputports.amqp.handlers.posts import subscribe_posts
from service.infrastructure.inputports.amqp.handlers.profiles import subscribe_profiles
from service.infrastructure.inputports.amqp.in_flight import InFlight
from service.infrastructure.inputports.amqp.pipeline import Dependencies, pipeline
from service.infrastructure.inputports.amqp.reply_to_policy import ReplyToPolicy
from service.infrastructure.inputports.amqp.router import QueueBinding, Router
from service.infrastructure.inputports.amqp.stages.authenticator import Authenticator
from service.infrastructure.inputports.amqp.stages.record_metrics import RecordMetrics
from service.infrastructure.rabbitmq.topology import COMMANDS_EXCHANGE
from tests.builders import a_profile
from tests.fakes.app_fixture import AppFixture
from tests.fakes.broker import REPLY_TO, FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.consumers import closed_circuit
from tests.fakes.keys import in_use
from tests.fakes.tokens import FakeTokens

PASSWORD = "correct horse"
KEY = b"k" * 32


@dataclass(slots=True)
class MessagingHarness:
    """Where requests are handed in and replies handed out."""

    broker: RabbitBroker
    outgoing: FakeBroker
    app_fixture: AppFixture

    @property
    def clock(self) -> FakeClock:
        """The clock of the application."""
        return self.app_fixture.clock

    @property
    def tokens(self) -> FakeTokens:
        """The access tokens of the application."""
        return self.app_fixture.tokens

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
        text: str = (await self.log_in(email))["access_token"]
        return text

    async def log_in(self, email: str) -> dict[str, Any]:
        """Return all tokens of the user with that address."""
        reply = await self.ask("auth.login", {"email": email, "password": PASSWORD})
        tokens: dict[str, Any] = reply["result"]
        return tokens

    async def admin(self) -> str:
        """Return the token of a new administrator."""
        boss = a_profile(role=Role.ADMIN)
        await self.app_fixture.profiles.add(boss)
        _, done = await self.app_fixture.logged_in(boss)
        return done.access_token.text


def _check(operation: Operation[Any, Any], reply: dict[str, Any]) -> None:
    """Fail if *reply* is none that the contract promises."""
    if reply["ok"]:
        written = json.dumps(reply["result"])
        matching = [each for each in operation.results if _fits(each, set(reply["result"]))]
        assert [json.loads(each.model_validate_json(written).model_dump_json()) for each in matching] == [
            reply["result"]
        ]
    else:
        error = Failure.model_validate(reply).error
        assert (COMMON_ERRORS | operation.errors)[error.reason] is error.code


def _fits(result: type[BaseModel], names: set[str]) -> bool:
    """Return whether a result has fields of these names, and no others that have to be there."""
    may_be_left_out = {name for name, field in result.model_fields.items() if field.default is MISSING}
    return set(result.model_fields) - may_be_left_out <= names <= set(result.model_fields)


def _binding(operation: Operation[Any, Any]) -> QueueBinding:
    return QueueBinding(
        RabbitQueue(operation.queue, durable=True, routing_key=operation.queue),
        RabbitExchange(COMMANDS_EXCHANGE, durable=True, declare=False),
        Channel(prefetch_count=1),
    )


def needs_of(
    app_fixture: AppFixture,
    broker: FakeBroker,
    trusted: Mapping[str, frozenset[str]],
    in_flight: InFlight | None = None,
) -> Dependencies:
    """Return what stages work with; *trusted* are the operations of services."""
    return Dependencies(
        authenticator=Authenticator(
            app_fixture.tokens, app_fixture.sessions, trusted, in_use(KEY), Arrivals(app_fixture.clock)
        ),
        publisher=broker,
        reply_to_policy=ReplyToPolicy(),
        clock=app_fixture.clock,
        wait_capacity=broker.wait_capacity,
        circuit_breaker=closed_circuit(),
        in_flight=in_flight or InFlight(),
        arrivals=Arrivals(app_fixture.clock),
        sender_keys=in_use(KEY),
        digest_keys=in_use(KEY),
        former_digest_keys=in_use(),
        record_metrics=_shared_metrics(),
    )


@cache
def _shared_metrics() -> RecordMetrics:
    """Return what measures the requests of all tests: nobody looks at it, and it takes long to make."""
    return RecordMetrics(CollectorRegistry(), Arrivals(FakeClock()))


class Subscribers:
    """Keeps what subscribes, by its queue."""

    def __init__(self) -> None:
        self.by_queue: dict[str, Any] = {}

    def subscriber(self, queue: RabbitQueue, *_: object, **__: object) -> Any:
        return lambda serve: self.by_queue.update({queue.name: serve})


@dataclass(slots=True)
class SharedBroker:
    """FastStream with the subscriptions of the service, made once: what serves them is each test's own."""

    broker: RabbitBroker
    by_queue: dict[str, Any] = field(default_factory=dict)

    def subscriber(self, queue: RabbitQueue, *arguments: Any, **more: Any) -> Any:
        async def serve(message: Any) -> Any:
            return await self.by_queue[queue.name](message)

        subscribe = self.broker.subscriber(queue, *arguments, **more)
        return lambda _: subscribe(serve)


def subscribed(outgoing: FakeBroker, app_fixture: AppFixture) -> dict[str, Any]:
    """Return what serves the messages of each queue, without FastStream."""
    subscribers = Subscribers()
    _subscribe(subscribers, outgoing, app_fixture)
    return subscribers.by_queue


def a_shared_broker() -> SharedBroker:
    """Return one that nobody serves yet. `TestRabbitBroker` opens it."""
    shared = SharedBroker(RabbitBroker("amqp://nowhere.invalid", apply_types=False, logger=None))
    _subscribe(shared, FakeBroker(), AppFixture())
    return shared


def a_harness(shared: SharedBroker) -> MessagingHarness:
    """Return a harness without any profile, to which *shared* hands its messages from now on."""
    harness = MessagingHarness(shared.broker, FakeBroker(), AppFixture())
    shared.by_queue = subscribed(harness.outgoing, harness.app_fixture)
    return harness


def _subscribe(broker: Any, outgoing: FakeBroker, app_fixture: AppFixture) -> None:
    trusted = {
        "hr": frozenset({"profile.create", "profile.get", "profile.list"}),
        "cms": frozenset({"post.create", "post.get", "post.update", "post.delete"}),
    }
    in_flight = InFlight()
    needs = needs_of(app_fixture, outgoing, trusted, in_flight)
    router = Router(broker, pipeline(needs), in_flight, _binding)
    subscribe_profiles(router, app_fixture.app)
    subscribe_posts(router, app_fixture.app)
    subscribe_auth(router, app_fixture.app)
