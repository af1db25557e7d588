"""The channels, which are queues and an exchange, and the operations on them."""

from typing import Any, Final

from asyncapi.messages import ERROR_REPLY, request_name
from asyncapi.schemas import pascal, reply_name
from asyncapi.tables import reasons
from contracts.operations import COMMON_ERRORS, OPERATIONS, Kind, Operation
from service.infrastructure.rabbitmq.topology import COMMANDS_EXCHANGE, Exchange, topology, work_queue

VHOST: Final = "/"
_BINDING: Final = {"bindingVersion": "0.3.0"}


def channels() -> dict[str, Any]:
    """Return every channel by name: the queues of requests, the replies, the exchange."""
    exchanges = (each for each in topology().exchanges if each.name == COMMANDS_EXCHANGE)
    return {
        **{_camel(each.queue): _request_channel(each) for each in OPERATIONS},
        **{_camel(f"{each.queue}.reply"): _reply_channel(each) for each in OPERATIONS},
        **{_camel(each.name): _exchange_channel(each) for each in exchanges},
    }


def _request_channel(operation: Operation[Any, Any]) -> dict[str, Any]:
    queue = work_queue(operation)
    return {
        "address": queue.name,
        "title": queue.name,
        "messages": _from_components(request_name(operation)),
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
                **_BINDING,
            }
        },
    }


def _reply_channel(operation: Operation[Any, Any]) -> dict[str, Any]:
    return {
        "address": None,
        "title": f"Replies of {operation.queue}",
        "description": "Where the caller has asked for the reply.",
        "messages": _from_components(reply_name(operation), ERROR_REPLY),
    }


def _exchange_channel(exchange: Exchange) -> dict[str, Any]:
    return {
        "address": "{queue}",
        "title": exchange.name,
        "description": "The other way to all queues: the routing key is the name of the queue.",
        "parameters": {"queue": {"enum": [each.queue for each in OPERATIONS]}},
        "messages": _from_components(*(request_name(each) for each in OPERATIONS)),
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": exchange.name,
                    "type": exchange.type,
                    "durable": True,
                    "autoDelete": False,
                    "vhost": VHOST,
                },
                **_BINDING,
            }
        },
    }


def operations() -> dict[str, Any]:
    """Return every operation by name."""
    return {_camel(each.queue): _operation(each) for each in OPERATIONS}


def _operation(operation: Operation[Any, Any]) -> dict[str, Any]:
    errors = {**operation.errors, **COMMON_ERRORS}
    channel, reply_channel = _camel(operation.queue), _camel(f"{operation.queue}.reply")
    delivery_mode = 2 if operation.kind is Kind.COMMAND else 1
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": operation.queue,
        "summary": operation.summary,
        "description": _description(operation),
        "tags": [{"name": tag(operation)}],
        "bindings": {"amqp": {"ack": True, "deliveryMode": delivery_mode, "mandatory": True, **_BINDING}},
        "messages": _from_channel(channel, request_name(operation)),
        "reply": {
            "address": {
                "description": "The AMQP property `reply_to` of the request.",
                "location": "$message.header#/replyTo",
            },
            "channel": {"$ref": f"#/channels/{reply_channel}"},
            "messages": _from_channel(reply_channel, reply_name(operation), ERROR_REPLY),
        },
        "x-errors": {reason: code.value for reason, code in errors.items()},
    }


def _camel(name: str) -> str:
    """Return the name of a queue as code generators like the names of channels and operations."""
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


def _from_components(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _from_channel(channel: str, *names: str) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]


def tag(operation: Operation[Any, Any]) -> str:
    """Return what *operation* is about: the first word of its queue."""
    return operation.queue.partition(".")[0]
