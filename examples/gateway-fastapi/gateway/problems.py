"""Every error as RFC 9457 has it: `application/problem+json`."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
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
    challenge = {"www-authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status,
        {**challenge, **(headers or {})},
        "application/problem+json",
    )


def handle_problems(app: FastAPI) -> None:
    """Let *app* answer every error as a problem."""

    @app.exception_handler(CallFailed)
    async def call_failed(request: Request, failure: CallFailed) -> JSONResponse:
        # Whoever has sent If-Match has a precondition that failed.
        is_stale = failure.reason == "stale_version" and "if-match" in request.headers
        status = HTTPStatus.PRECONDITION_FAILED if is_stale else _STATUS[failure.code]
        if not isinstance(failure, ErrorReply):
            return problem(status, failure.reason)
        error = failure.error
        errors = [FieldError(field=each.field, reason=each.reason) for each in error.details or ()]
        wait = {"retry-after": str(ceil(error.retry_after_ms / 1000))} if error.retry_after_ms else None
        return problem(status, error.reason, error.message, errors, wait)

    @app.exception_handler(TokenRefused)
    async def token_refused(_: Request, refused: TokenRefused) -> JSONResponse:
        return problem(HTTPStatus.UNAUTHORIZED, refused.reason)

    @app.exception_handler(CannotVerify)
    async def cannot_verify(_: Request, __: CannotVerify) -> JSONResponse:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "cannot_verify")

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, invalid: RequestValidationError) -> JSONResponse:
        # The values are left out: one of them may be a password.
        errors = [
            FieldError(field=".".join(map(str, each["loc"][1:])), reason=each["type"])
            for each in invalid.errors()
        ]
        return problem(HTTPStatus.BAD_REQUEST, "malformed_request", errors=errors)

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        reason = HTTPStatus(error.status_code).name.lower()
        return problem(error.status_code, reason, str(error.detail), headers=error.headers)
