"""The channels, which are queues and an exchange, and the operations on them."""

from typing import Any, Final

from asyncapi.messages import ERROR_REPLY, request_name
from asyncapi.schemas import pascal, reply_name
from asyncapi.tables import reasons
from profile_contracts.operations import COMMON_ERRORS, OPERATIONS, Kind, Operation
from service.infrastructure.rabbitmq.topology import COMMANDS_EXCHANGE, Exchange, topology, work_queue

VHOST: Final = "/"
BINDING: Final = {"bindingVersion": "0.3.0"}


def channels() -> dict[str, Any]:
    """Return every channel of requests by name: the queues, the replies, the exchange."""
    exchanges = (each for each in topology().exchanges if each.name == COMMANDS_EXCHANGE)
    return {
        **{camel(each.queue): _request_channel(each) for each in OPERATIONS},
        **{camel(f"{each.queue}.reply"): _reply_channel(each) for each in OPERATIONS},
        **{camel(each.name): _exchange_channel(each) for each in exchanges},
    }


def _request_channel(operation: Operation[Any, Any]) -> dict[str, Any]:
    queue = work_queue(operation)
    return {
        "address": queue.name,
        "title": queue.name,
        "messages": from_components(request_name(operation)),
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {
                    "name": queue.name,
                    "durable": True,
                    "exclusive": False,
                    "autoDelete": False,
                    "vhost": VHOST,
                    "x-arguments": queue.arguments,
                },
                **BINDING,
            }
        },
    }


def _reply_channel(operation: Operation[Any, Any]) -> dict[str, Any]:
    return {
        "address": None,
        "title": f"Replies of {operation.queue}",
        "description": "Where the caller has asked for the reply.",
        "messages": from_components(reply_name(operation), ERROR_REPLY),
    }


def _exchange_channel(exchange: Exchange) -> dict[str, Any]:
    return {
        "address": "{queue}",
        "title": exchange.name,
        "description": "The other way to all queues: the routing key is the name of the queue.",
        "parameters": {"queue": {"enum": [each.queue for each in OPERATIONS]}},
        "messages": from_components(*(request_name(each) for each in OPERATIONS)),
        "bindings": routing_key_binding(exchange),
    }


def routing_key_binding(exchange: Exchange) -> dict[str, Any]:
    """Return the binding of a channel whose address is a routing key on *exchange*."""
    return {
        "amqp": {
            "is": "routingKey",
            "exchange": {
                "name": exchange.name,
                "type": exchange.type,
                "durable": True,
                "autoDelete": False,
                "vhost": VHOST,
            },
            **BINDING,
        }
    }


def operations() -> dict[str, Any]:
    """Return every operation that is asked for, by name."""
    return {camel(each.queue): _operation(each) for each in OPERATIONS}


def _operation(operation: Operation[Any, Any]) -> dict[str, Any]:
    errors = {**operation.errors, **COMMON_ERRORS}
    channel, reply_channel = camel(operation.queue), camel(f"{operation.queue}.reply")
    delivery_mode = 2 if operation.kind is Kind.COMMAND else 1
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": operation.queue,
        "summary": operation.summary,
        "description": _description(operation),
        "tags": [{"name": tag(operation)}],
        "bindings": {"amqp": {"ack": True, "deliveryMode": delivery_mode, "mandatory": True, **BINDING}},
        "messages": from_channel(channel, request_name(operation)),
        "reply": {
            "address": {
                "description": "The AMQP property `reply_to` of the request.",
                "location": "$message.header#/replyTo",
            },
            "channel": {"$ref": f"#/channels/{reply_channel}"},
            "messages": from_channel(reply_channel, reply_name(operation), ERROR_REPLY),
        },
        "x-errors": {reason: code.value for reason, code in errors.items()},
    }


def camel(name: str) -> str:
    """Return a name of the wire as code generators like those of channels and operations."""
    joined = pascal(name)
    return joined[0].lower() + joined[1:]


def _description(operation: Operation[Any, Any]) -> str:
    own = "It may be refused, beside the reasons common to all operations, because of:"
    parts = [f"Who may ask: {operation.actor}.", _repetition(operation)]
    return "\n\n".join([*parts, own, reasons(operation.errors)] if operation.errors else parts)


def _repetition(operation: Operation[Any, Any]) -> str:
    if operation.kind is Kind.QUERY:
        return "A query: it changes nothing."
    if operation.idempotent:
        return "Idempotent: asking twice leaves the same state as asking once."
    return "Not idempotent: asking twice may do it twice, or be refused the second time."


def from_components(*names: str) -> dict[str, Any]:
    """Return the messages of a channel."""
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def from_channel(channel: str, *names: str) -> list[dict[str, str]]:
    """Return the messages of an operation on *channel*."""
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]


def tag(operation: Operation[Any, Any]) -> str:
    """Return what *operation* is about: the first word of its queue."""
    return operation.queue.partition(".")[0]
