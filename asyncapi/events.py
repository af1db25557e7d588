"""The events: a channel, an operation and a message for each row of `profile_contracts.events.EVENTS`."""

from collections.abc import Mapping
from typing import Any, Final

from asyncapi.channels import BINDING, camel, from_channel, from_components, routing_key_binding
from asyncapi.schemas import SCHEMAS, envelope, event_name
from profile_contracts.events import EVENTS, EVENTS_EXCHANGE, EventType
from service.infrastructure.rabbitmq.topology import topology

TAG: Final = {
    "name": "events",
    "description": f"What the service publishes, on the topic exchange `{EVENTS_EXCHANGE}`.",
}
_CONTENT_TYPE: Final = "application/cloudevents+json"
_EXAMPLE_TIME: Final = "2026-11-22T09:30:00.000Z"
_THIN: Final = (
    "It holds ids and names of fields, never what is in them: ask for that. What you can rely on stands in "
    "the introduction, under *Events*."
)


def event_channels() -> dict[str, Any]:
    """Return the channel of every event: its routing key on the exchange."""
    (exchange,) = (each for each in topology().exchanges if each.name == EVENTS_EXCHANGE)
    binding = routing_key_binding(exchange)
    return {camel(each.name): _channel(each, binding) for each in EVENTS}


def event_operations() -> dict[str, Any]:
    """Return the operation that publishes every event."""
    return {camel(each.name): _operation(each) for each in EVENTS}


def event_messages() -> dict[str, Any]:
    """Return the message of every event."""
    return {event_name(each): _message(each) for each in EVENTS}


def _channel(event: EventType, binding: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": event.name,
        "title": event.name,
        "description": f"The routing key on the topic exchange `{EVENTS_EXCHANGE}`.",
        "messages": from_components(event_name(event)),
        "bindings": binding,
    }


def _operation(event: EventType) -> dict[str, Any]:
    channel = camel(event.name)
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": event.name,
        "summary": event.summary,
        "description": _THIN,
        "tags": [{"name": TAG["name"]}],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "timestamp": True, **BINDING}},
        "messages": from_channel(channel, event_name(event)),
    }


def _message(event: EventType) -> dict[str, Any]:
    name, example = event_name(event), _example(event)
    headers = {"messageId": example["id"], "type": event.name, "appId": "profile-service"}
    return {
        "name": name,
        "title": name,
        "summary": event.summary,
        "contentType": _CONTENT_TYPE,
        "headers": {"$ref": f"{SCHEMAS}EventHeaders"},
        "payload": {"$ref": SCHEMAS + name},
        "examples": [{"name": "event", "headers": headers, "payload": example}],
    }


def _example(event: EventType) -> dict[str, Any]:
    """Return the example of *event* in its envelope, as JSON."""
    subject = _subject(event.example)
    example = {
        "id": f"{event.name}/{subject}/{event.example.get('version', 1)}",
        "type": event.name,
        "subject": subject,
        "time": _EXAMPLE_TIME,
        "data": event.example,
    }
    return envelope(event).model_validate(example).model_dump(mode="json")


def _subject(data: Mapping[str, Any]) -> str:
    """Return what it happened to: a profile or post, a session, or the keys."""
    subject: str = data.get("id") or next(iter(data.get("session_ids", ())), "keys")
    return subject
