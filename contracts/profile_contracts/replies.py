"""The envelope of every reply, and the closed list of what can go wrong."""

from enum import StrEnum
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from profile_contracts.fields import Result

Answer = TypeVar("Answer")


class ErrorCode(StrEnum):
    """The kind of a refusal. The list is closed: clients may switch on it."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    RATE_LIMITED = "rate_limited"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class ErrorDetail(Result):
    """One field that the error is about. It never holds the value of that field."""

    field: str = Field(description="Name of the field, also of what is within it.")
    reason: str = Field(description="What is wrong with it, in snake case.")


class ErrorBody(Result):
    """Why a request was not carried out."""

    code: ErrorCode
    reason: str = Field(description="The precise reason, in snake case. The list is open.")
    message: str = Field(description="A sentence for people. Do not match on it.")
    retryable: bool = Field(description="True if the same request may succeed later.")
    retry_after_ms: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="How long to wait before that, in milliseconds."
    )
    details: tuple[ErrorDetail, ...] | None = None


class Success(Result, Generic[Answer]):
    """The reply to a request that was carried out."""

    ok: Literal[True] = True
    result: Answer


class Failure(Result):
    """The reply to a request that was not carried out."""

    ok: Literal[False] = False
    error: ErrorBody
