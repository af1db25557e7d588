"""The messages: what is asked, what is answered, and the properties that travel with both."""

from typing import Any, Final

from asyncapi.schemas import SCHEMAS, pascal, reply_name
from contracts.operations import OPERATIONS, Kind, Operation
from contracts.replies import ErrorBody, ErrorCode, ErrorDetail, Failure

ERROR_REPLY: Final = "ErrorReply"
CORRELATION_ID: Final = {
    "description": "The AMQP property `correlation_id`. The reply carries that of the request.",
    "location": "$message.header#/correlationId",
}

_CORRELATION: Final = {
    "type": "string",
    "description": "Property `correlation_id`. A request without one is answered with its `message_id` instead.",
}
HEADERS: Final[dict[str, Any]] = {
    "RequestHeaders": {
        "title": "RequestHeaders",
        "type": "object",
        "description": "Properties and headers of a request. None is required.",
        "properties": {
            "correlationId": _CORRELATION,
            "replyTo": {
                "type": "string",
                "description": "Property `reply_to`: direct reply-to, a queue that the broker has named (`amq.gen-…`), "
                "or one with a prefix that the service is told of. Nothing is ever written to another one.",
            },
            "messageId": {
                "type": "string",
                "description": "Property `message_id`: the idempotency key of a command.",
            },
            "expiration": {
                "type": "string",
                "pattern": "^[0-9]+$",
                "description": "Property `expiration`: how long you wait for the reply, in milliseconds.",
            },
            "userId": {
                "type": "string",
                "description": "Property `user_id`: the broker user of the calling service. The broker vouches for it.",
            },
            "authorization": {
                "type": "string",
                "pattern": "^Bearer .+$",
                "description": "Header: the access token of the user who asks. With one, the rights of that user "
                "decide, not those of the calling service.",
            },
            "x-deadline": {
                "type": "integer",
                "minimum": 0,
                "description": "Header: when you stop waiting, in milliseconds since 1970-01-01 UTC.",
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
            "type": {"type": "string", "description": "Property `type`: the queue of the request and `.reply`."},
            "appId": {"type": "string", "const": "profile-service", "description": "Property `app_id`."},
        },
        "required": ["type", "appId"],
    },
}

_EXAMPLE_ID: Final = "0193a5b1-2f60-7c44-8f0e-6d1b9a3e5c72"
_EXAMPLE_FAILURES: Final = {
    "invalid": ErrorBody(
        code=ErrorCode.INVALID,
        reason="malformed_request",
        message="The request is not valid.",
        retryable=False,
        details=(ErrorDetail(field="email", reason="missing"),),
    ),
    "conflict": ErrorBody(
        code=ErrorCode.CONFLICT,
        reason="stale_version",
        message="The profile has changed since the version you know.",
        retryable=False,
    ),
    "unavailable": ErrorBody(
        code=ErrorCode.UNAVAILABLE,
        reason="unavailable",
        message="The service cannot do this just now; try again later.",
        retryable=True,
        retry_after_ms=1000,
    ),
}


def messages() -> dict[str, Any]:
    """Return every message by name."""
    asked = {request_name(each): _request(each) for each in OPERATIONS}
    answered = {reply_name(each): _reply(each) for each in OPERATIONS}
    return {**asked, **answered, ERROR_REPLY: _error_reply()}


def request_name(operation: Operation[Any, Any]) -> str:
    """Return the name of the message that asks for *operation*."""
    return f"{pascal(operation.queue)}Request"


def _request(operation: Operation[Any, Any]) -> dict[str, Any]:
    return _message(
        request_name(operation),
        operation.summary,
        headers="RequestHeaders",
        payload=operation.request.__name__,
        examples=[_example("request", _request_headers(operation), operation.example[0])],
    )


def _reply(operation: Operation[Any, Any]) -> dict[str, Any]:
    name = reply_name(operation)
    payload = {"ok": True, "result": operation.example[1]}
    return _message(
        name,
        f"`{operation.queue}` was carried out.",
        headers="ReplyHeaders",
        payload=name,
        examples=[_example("reply", _reply_headers(operation.queue), payload)],
    )


def _error_reply() -> dict[str, Any]:
    return _message(
        ERROR_REPLY,
        "A request was not carried out.",
        headers="ReplyHeaders",
        payload=Failure.__name__,
        examples=[
            _example(
                name,
                _reply_headers("profile.update"),
                Failure(error=error).model_dump(mode="json", exclude_none=True),
            )
            for name, error in _EXAMPLE_FAILURES.items()
        ],
    )


def _message(
    name: str, summary: str, *, headers: str, payload: str, examples: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": "application/json",
        "headers": {"$ref": SCHEMAS + headers},
        "correlationId": {"$ref": "#/components/correlationIds/correlationId"},
        "payload": {"$ref": SCHEMAS + payload},
        "examples": examples,
    }


def _example(name: str, headers: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "headers": headers, "payload": payload}


def _request_headers(operation: Operation[Any, Any]) -> dict[str, Any]:
    headers = {"correlationId": _EXAMPLE_ID, "replyTo": "amq.rabbitmq.reply-to", "expiration": "5000"}
    if operation.kind is Kind.COMMAND:
        headers["messageId"] = _EXAMPLE_ID
    if operation.needs_actor:
        headers["authorization"] = "Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln"
    return headers


def _reply_headers(queue: str) -> dict[str, Any]:
    return {"correlationId": _EXAMPLE_ID, "type": f"{queue}.reply", "appId": "profile-service"}
