"""Every error as RFC 9457 has it: `application/problem+json`."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from profile_contracts.errors import CallFailed, ErrorReply
from profile_contracts.replies import ErrorCode
from profile_contracts.verifier import CannotVerify, TokenRefused

_STATUS: Final = {
    ErrorCode.INVALID: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.DEADLINE_EXCEEDED: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL: HTTPStatus.BAD_GATEWAY,
}
# Of errors of this gateway's own that have another reason than the name of their status.
_REASONS: Final = {
    HTTPStatus.BAD_REQUEST: "malformed_request",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
}
_MEDIA_TYPE: Final = "application/problem+json"


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str
    reason: str


class Problem(BaseModel):
    """Why a request was not carried out. `reason` is for programs, and `detail` for people."""

    type: str = "about:blank"
    title: str
    status: int
    reason: str
    detail: str | None = None
    errors: list[FieldError] | None = None


# In the description of the API: what any operation may be answered with.
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "default": {"model": Problem, "description": "A problem (RFC 9457)."}
}


def describe_problems(app: FastAPI) -> None:
    """Correct the description of the API, where FastAPI says `application/json` of all that is answered."""
    for operations in app.openapi()["paths"].values():
        for operation in operations.values():
            content = operation["responses"]["default"]["content"]
            content[_MEDIA_TYPE] = content.pop("application/json")


def problem(
    status: int,
    reason: str,
    detail: str | None = None,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the response."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        reason=reason,
        detail=detail,
        errors=list(errors) or None,
    )
    usual = {"cache-control": "no-store"}
    if status == HTTPStatus.UNAUTHORIZED:
        usual["www-authenticate"] = "Bearer"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        usual["retry-after"] = "1"
    return JSONResponse(body.model_dump(exclude_none=True), status, {**usual, **(headers or {})}, _MEDIA_TYPE)


def refusal(request: Request, failure: CallFailed | TokenRefused) -> JSONResponse:
    """Return what a call that failed is answered with."""
    if isinstance(failure, TokenRefused):
        return problem(HTTPStatus.UNAUTHORIZED, failure.reason)
    # Whoever has sent If-Match has a precondition that failed.
    is_stale = failure.reason == "stale_version" and "if-match" in request.headers
    status = HTTPStatus.PRECONDITION_FAILED if is_stale else _STATUS[failure.code]
    if not isinstance(failure, ErrorReply):
        return problem(status, failure.reason)
    error = failure.error
    errors = [FieldError(field=each.field, reason=each.reason) for each in error.details or ()]
    wait = {"retry-after": str(ceil(error.retry_after_ms / 1000))} if error.retry_after_ms else None
    return problem(status, error.reason, error.message, errors, wait)


def handle_problems(app: FastAPI) -> None:
    """Let *app* answer every error as a problem."""

    @app.exception_handler(CallFailed)
    @app.exception_handler(TokenRefused)
    async def refused(request: Request, failure: CallFailed | TokenRefused) -> JSONResponse:
        return refusal(request, failure)

    @app.exception_handler(CannotVerify)
    async def cannot_verify(_: Request, __: CannotVerify) -> JSONResponse:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "cannot_verify")

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, invalid: RequestValidationError) -> JSONResponse:
        if isinstance(invalid.body, bytes):  # it was not said to be JSON, and nobody has read it
            return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
        return _malformed([(each["loc"][1:], each["type"]) for each in invalid.errors()])

    @app.exception_handler(ValidationError)
    async def against_contract(_: Request, invalid: ValidationError) -> JSONResponse:
        return _malformed([(each["loc"], each["type"]) for each in invalid.errors()])

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        reason = _REASONS.get(status, status.name.lower())
        return problem(status, reason, str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, __: Exception) -> JSONResponse:  # uvicorn logs it
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error")


def _malformed(found: Sequence[tuple[tuple[int | str, ...], str]]) -> JSONResponse:
    # The values are left out: one of them may be a password.
    errors = [FieldError(field=".".join(map(str, place)), reason=kind) for place, kind in found]
    return problem(HTTPStatus.BAD_REQUEST, "malformed_request", errors=errors)
