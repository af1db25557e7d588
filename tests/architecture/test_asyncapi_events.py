"""The AsyncAPI document holds the events of the contract, and the service tells no others."""

from collections.abc import Iterator
from typing import Any

import pytest

from profile_contracts.events import EVENTS, EVENTS_EXCHANGE, Event, EventType
from service.domain import events as domain
from tests.architecture.document import complaints, references, resolve

PERSONAL = {"first_name", "last_name", "email", "password", "title", "body"}


@pytest.fixture(scope="module")
def sent(document: dict[str, Any]) -> dict[str, Any]:
    """Return the operations that send, by title."""
    operations = [each for each in document["operations"].values() if each["action"] == "send"]
    return {each["title"]: each for each in operations}


def message_of(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """Return the only message of *operation*."""
    (reference,) = operation["messages"]
    message: dict[str, Any] = resolve(document, resolve(document, reference["$ref"])["$ref"])
    return message


def fields(document: dict[str, Any], schema: object) -> Iterator[str]:
    """Yield the names of all fields in *schema* and in what it refers to."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for each in schema.values():
            yield from fields(document, each)
        if isinstance(schema.get("$ref"), str):
            yield from fields(document, resolve(document, schema["$ref"]))
    elif isinstance(schema, list):
        for each in schema:
            yield from fields(document, each)


def test_the_service_tells_the_events_of_the_contract() -> None:
    """What the domain can say has an entry in the table, and the table promises nothing else."""
    assert sorted(each.value for each in domain.EventType) == sorted(each.name for each in EVENTS)


def test_the_events_of_the_contract_are_documented_and_no_others(
    document: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Neither operations, nor routing keys, nor messages are there for other events."""
    names = [each.name for each in EVENTS]
    exchanges = {
        channel["address"]: channel["bindings"]["amqp"].get("exchange", {}).get("name")
        for channel in document["channels"].values()
        if channel["address"]
    }
    messages = document["components"]["messages"].values()
    cloud_events = [each for each in messages if each["contentType"] == "application/cloudevents+json"]

    assert sorted(sent) == sorted(names)
    assert sorted(key for key, each in exchanges.items() if each == EVENTS_EXCHANGE) == sorted(names)
    assert len(cloud_events) == len(names)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_is_documented(document: dict[str, Any], sent: dict[str, Any], event: EventType) -> None:
    """An event has its routing key on the exchange, its envelope, its data and a valid example."""
    operation = sent[event.name]
    channel = resolve(document, operation["channel"]["$ref"])
    exchange = channel["bindings"]["amqp"]["exchange"]
    message = message_of(document, operation)
    envelope = resolve(document, message["payload"]["$ref"])
    (example,) = message["examples"]

    assert (channel["address"], channel["bindings"]["amqp"]["is"]) == (event.name, "routingKey")
    assert (exchange["name"], exchange["type"], exchange["durable"]) == (EVENTS_EXCHANGE, "topic", True)
    assert "reply" not in operation
    assert operation["summary"] == event.summary
    assert envelope["required"] == list(Event.model_fields)
    assert envelope["properties"]["type"]["const"] == event.name
    assert envelope["properties"]["data"]["$ref"].endswith(f"/{event.data.__name__}")
    assert complaints(document, message["payload"], example["payload"]) == []
    assert example["payload"]["data"] == event.example
    assert example["headers"]["messageId"] == example["payload"]["id"]


def test_an_event_of_another_type_would_be_noticed(document: dict[str, Any], sent: dict[str, Any]) -> None:
    """The schema of an envelope is not one that fits all."""
    created = message_of(document, sent["profile.created"])
    revoked = message_of(document, sent["auth.session_revoked"])["examples"][0]["payload"]
    wrong = {complaint.partition(":")[0] for complaint in complaints(document, created["payload"], revoked)}

    assert wrong == {"$.type", "$.data"}


def test_events_have_no_field_for_anything_personal(document: dict[str, Any], sent: dict[str, Any]) -> None:
    """Whoever hears an event asks for the rest, and is asked for its rights."""
    found = {
        name: set(fields(document, message_of(document, operation)["payload"]))
        for name, operation in sent.items()
    }

    assert all({"specversion", "data"} < names for names in found.values())
    assert {name: names & PERSONAL for name, names in found.items() if names & PERSONAL} == {}


def test_the_search_for_fields_looks_everywhere(document: dict[str, Any]) -> None:
    """It finds what a request that signs somebody up holds, so that finding nothing means something."""
    request = document["components"]["messages"]["ProfileCreateRequest"]

    assert list(references(request["payload"]))
    assert PERSONAL - {"title", "body"} <= set(fields(document, request["payload"]))
