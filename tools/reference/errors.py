"""The page of errors."""

from collections.abc import Iterator
from functools import cache
from typing import Final

from asyncapi.tables import table
from profile_contracts.errors import to_exception
from profile_contracts.operations import COMMON_ERRORS, OPERATIONS
from profile_contracts.replies import ErrorBody, ErrorCode
from service.app.auth.throttle import TooManyAttempts
from service.domain.errors import ServiceError
from service.infrastructure.inputports.amqp.errors import error_body
from service.main import create_worker
from tools.reference.advice import CODES, REASONS
from tools.reference.markdown import blocks, items, paragraph
from tools.reference.schemas import fields

# Whoever has imported how a worker is put together has imported every refusal that there is.
_WHOLE_SERVICE: Final = create_worker

_INTRODUCTION: Final = """
An error says what kind it is (`code`, a closed list: switch on it), and what exactly happened (`reason`, an
open list: later versions may add some, so fall back to the code). `message` is for people. `details` names
fields, never values.
""".strip()
_BY_CLIENT: Final = (
    (
        "`NoReply`: nothing came in time. `UnreadableReply`: what came is no reply of this contract. The "
        "outcome is unknown: send the command again under the same `message_id`."
    ),
    (
        "`Unroutable`: no queue took the request, so nothing was done. Is a worker set up? "
        "`profilectl topology check`. `Nacked`, which is one: its queue is full, or has just lost its leader."
    ),
    (
        "`Disconnected`: there is no connection. If `sent` is true, the outcome is unknown, as with "
        "`NoReply`; else nothing was done. The next call connects again."
    ),
    "`NotSent`: the request can't be sent as it is, or the client is closed. Nothing was done.",
    "`QueueRefused`: the broker does not let this user have a queue for events or replies.",
)


def page() -> str:
    """Return the page."""
    own = [reason for reason in REASONS if reason not in COMMON_ERRORS]
    return blocks(
        "# Errors",
        paragraph(_INTRODUCTION),
        table(("code", "what to do"), ((f"`{code}`", advice) for code, advice in CODES.items())),
        paragraph(f"The typed client raises an exception for each: {_exceptions()}."),
        "## The fields of an error",
        fields(ErrorBody),
        "## Without an answer",
        "The typed client tells more cases apart. Each has a `code` and a `reason`, too, such as `no_reply`:",
        items(_BY_CLIENT),
        "## Of every operation",
        *map(_section, COMMON_ERRORS),
        "## Of some operations",
        *map(_section, own),
    )


def reasons() -> list[str]:
    """Return the reason of each refusal that some operation names."""
    return list(dict.fromkeys([*COMMON_ERRORS, *(reason for each in OPERATIONS for reason in each.errors)]))


@cache
def _bodies() -> dict[str, ErrorBody]:
    """Return what callers are told, by reason."""
    told = [error_body(_made(kind)) for kind in _kinds(ServiceError)]
    return {each.reason: each for each in [*told, error_body(RuntimeError())]}


def _made(kind: type[ServiceError]) -> ServiceError:
    return TooManyAttempts(retry_after_ms=1_000) if kind is TooManyAttempts else kind()


def _kinds(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def _section(reason: str) -> str:
    body = _bodies()[reason]
    said = [
        f"Code `{body.code}`: {body.message}",
        f"What to do: {REASONS[reason]}",
        "The same request may succeed later." if body.retryable else "The same request will fail again.",
    ]
    if where := [f"`{each.queue}`" for each in OPERATIONS if reason in each.errors]:
        said.append(f"Of {', '.join(where)}.")
    return blocks(f"### {reason}", items(said))


def _exceptions() -> str:
    bodies = (ErrorBody(code=code, reason=code, message="", retryable=False) for code in ErrorCode)
    return ", ".join(f"`{type(to_exception(body)).__name__}`" for body in bodies)
