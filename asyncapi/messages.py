"""The messages: what is asked, and what is answered."""

from typing import Any, Final

from asyncapi.headers import reply_headers, request_headers
from asyncapi.schemas import SCHEMAS, pascal, reply_name
from profile_contracts.operations import OPERATIONS, Operation
from profile_contracts.replies import ErrorBody, ErrorCode, ErrorDetail, Failure

ERROR_REPLY: Final = "ErrorReply"
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
        examples=[_example("request", request_headers(operation), operation.example[0])],
    )


def _reply(operation: Operation[Any, Any]) -> dict[str, Any]:
    name = reply_name(operation)
    payload = {"ok": True, "result": operation.example[1]}
    return _message(
        name,
        f"{operation.queue} was carried out.",
        headers="ReplyHeaders",
        payload=name,
        examples=[_example("reply", reply_headers(operation.queue), payload)],
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
                reply_headers("profile.update"),
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
