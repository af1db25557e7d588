import base64
import hashlib
import re
from typing import Any

import pytest

from service.infrastructure.rabbitmq.connection import HEARTBEAT_SECONDS, with_connection_name
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology

WHOLE = definitions(topology())


def may(user: str, right: str, name: str) -> bool:
    """Return whether *user* has that right on *name*, as RabbitMQ reads the file."""
    [permission] = [each for each in WHOLE["permissions"] if each["user"] == user]
    return re.search(permission[right], name) is not None


def test_the_file_holds_the_topology() -> None:
    whole = topology()

    assert [each["name"] for each in WHOLE["queues"]] == [each.name for each in whole.queues]
    assert [each["name"] for each in WHOLE["exchanges"]] == [each.name for each in whole.exchanges]
    assert [(each["source"], each["destination"], each["routing_key"]) for each in WHOLE["bindings"]] == [
        (each.exchange, each.queue, each.routing_key) for each in whole.bindings
    ]
    assert [each["name"] for each in WHOLE["policies"]] == [each.name for each in whole.policies]


def test_queues_have_no_argument_but_their_type() -> None:
    assert {tuple(each["arguments"]) for each in WHOLE["queues"]} == {("x-queue-type",)}


@pytest.mark.parametrize("kind", ["queues", "exchanges"])
def test_everything_outlives_a_restart(kind: str) -> None:
    assert all(each["durable"] and not each["auto_delete"] for each in WHOLE[kind])


def test_everything_is_in_one_virtual_host() -> None:
    parts = ("permissions", "queues", "exchanges", "bindings", "policies")

    assert {each["vhost"] for part in parts for each in WHOLE[part]} == {"/"}
    assert WHOLE["vhosts"] == [{"name": "/"}]


@pytest.mark.parametrize("name", ["profile-service", "gateway"])
def test_a_user_has_the_password_that_is_its_name_and_no_tag(name: str) -> None:
    [user] = [each for each in WHOLE["users"] if each["name"] == name]
    hashed = base64.b64decode(user["password_hash"])

    assert hashed[4:] == hashlib.sha256(hashed[:4] + name.encode()).digest()
    assert (user["tags"], user["hashing_algorithm"]) == ([], "rabbit_password_hashing_sha256")


@pytest.mark.parametrize(
    ("right", "name", "allowed"),
    [
        ("write", "profile.commands", True),
        ("write", "amq.default", False),
        ("write", "profile.unroutable", False),
        ("read", "profile.events.history", True),
        ("write", "profile.events.history", False),
        ("configure", "profile.events.history", False),
        ("write", "profileXcommands", False),
        ("read", "profile.create", False),
        ("read", "profile.create.dlq", False),
        ("configure", "profile.create", False),
        ("configure", "anything", False),
    ],
)
def test_a_gateway_may_write_requests_and_nothing_else(right: str, name: str, *, allowed: bool) -> None:
    assert may("gateway", right, name) is allowed


@pytest.mark.parametrize(
    ("right", "name", "allowed"),
    [
        ("read", "profile.create", True),
        ("read", "auth.login", True),
        ("configure", "profile.create", True),
        ("write", "amq.default", True),
        ("write", "profile.commands", True),
        ("read", "billing.invoices", False),
        ("configure", "billing.invoices", False),
        ("write", "billing", False),
        ("write", "amq.direct", False),
    ],
)
def test_the_service_keeps_to_its_own_names(right: str, name: str, *, allowed: bool) -> None:
    assert may("profile-service", right, name) is allowed


def test_the_file_is_the_same_every_time() -> None:
    again: dict[str, Any] = definitions(topology())

    assert again == WHOLE


def test_a_connection_says_whose_it_is_and_keeps_its_secrets_in_place() -> None:
    url = with_connection_name("amqp://u:p%40ss@mq:5673/v%2Fh?a=1", "consume")

    assert url.query["name"].startswith("profile-service@")
    assert url.query["name"].endswith(" consume")
    assert (url.query["heartbeat"], url.query["a"]) == (str(HEARTBEAT_SECONDS), "1")
    assert (url.user, url.password, url.host, url.port, url.raw_path) == ("u", "p@ss", "mq", 5673, "/v%2Fh")
