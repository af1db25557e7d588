"""What travels with a message: its headers, and the AMQP properties that AsyncAPI has no word for."""

from typing import Any, Final

from profile_contracts.operations import Kind, Operation
from service.infrastructure.inputports.amqp.stages.authenticator import MAX_USER_AGENT

CORRELATION_ID: Final = {
    "description": "The AMQP property `correlation_id`. The reply carries that of the request.",
    "location": "$message.header#/correlationId",
}

_CORRELATION: Final = {
    "type": "string",
    "description": "Property `correlation_id`. Without one, the reply carries `message_id`.",
}
_APP_ID: Final = {"type": "string", "const": "profile-service", "description": "Property `app_id`."}
HEADERS: Final[dict[str, Any]] = {
    "RequestHeaders": {
        "title": "RequestHeaders",
        "type": "object",
        "description": "Properties and headers of a request. None is required.",
        "properties": {
            "correlationId": _CORRELATION,
            "replyTo": {
                "type": "string",
                "description": "Property `reply_to`: direct reply-to, a queue named by the broker "
                "(`amq.gen-…`), one whose name begins with `user_id` and a dot, or with a prefix that the "
                "service is told of. Nothing is ever "
                "written to another queue.",
            },
            "messageId": {
                "type": "string",
                "description": "Property `message_id`: a command has its effect once under this name.",
            },
            "expiration": {
                "type": "string",
                "pattern": "^[0-9]+$",
                "description": "Property `expiration`: how long you wait for the reply, in milliseconds.",
            },
            "userId": {
                "type": "string",
                "description": "Property `user_id`: the calling service. The broker validates it.",
            },
            "authorization": {
                "type": "string",
                "pattern": "^Bearer .+$",
                "description": "Header: the access token of the user who asks. With one, that user's rights "
                "decide; without one, those of the calling service.",
            },
            "x-deadline": {
                "type": "integer",
                "minimum": 0,
                "description": "Header: when you stop waiting, in milliseconds since 1970-01-01 UTC.",
            },
            "x-client-ip": {
                "type": "string",
                "description": "Header: where the user is. It is believed from trusted services only.",
            },
            "x-user-agent": {
                "type": "string",
                "maxLength": MAX_USER_AGENT,
                "description": "Header: what the user's program calls itself, for `auth.sessions`. With a "
                "login. It is believed from trusted services only.",
            },
            "traceparent": {"type": "string", "description": "Header: W3C Trace Context."},
        },
    },
    "ReplyHeaders": {
        "title": "ReplyHeaders",
        "type": "object",
        "description": "Properties of a reply.",
        "properties": {
            "correlationId": _CORRELATION,
            "type": {"type": "string", "description": "Property `type`: `<queue>.reply`."},
            "appId": _APP_ID,
        },
        "required": ["type", "appId"],
    },
    "EventHeaders": {
        "title": "EventHeaders",
        "type": "object",
        "description": "Properties of an event.",
        "properties": {
            "messageId": {"type": "string", "description": "Property `message_id`: the `id` of the event."},
            "type": {"type": "string", "description": "Property `type`: that of the event."},
            "appId": _APP_ID,
        },
        "required": ["messageId", "type", "appId"],
    },
}

_EXAMPLE_ID: Final = "0193a5b1-2f60-7c44-8f0e-6d1b9a3e5c72"


def request_headers(operation: Operation[Any, Any]) -> dict[str, Any]:
    """Return the headers of an example of a request."""
    headers = {"correlationId": _EXAMPLE_ID, "replyTo": "amq.rabbitmq.reply-to", "expiration": "5000"}
    if operation.kind is Kind.COMMAND:
        headers["messageId"] = _EXAMPLE_ID
    if operation.needs_actor:
        headers["authorization"] = "Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln"
    return headers


def reply_headers(queue: str) -> dict[str, Any]:
    """Return the headers of an example of a reply."""
    return {"correlationId": _EXAMPLE_ID, "type": f"{queue}.reply", "appId": "profile-service"}
