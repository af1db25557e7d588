"""The page of operations."""

import re
from inspect import iscoroutinefunction
from typing import Any, Final, get_type_hints

from pydantic import BaseModel

from asyncapi.headers import HEADERS
from profile_contracts.operations import COMMON_ERRORS, OPERATIONS, Kind, Operation
from profile_contracts.profile_api import ProfileApi
from tools.reference.markdown import blocks, code, items, paragraph
from tools.reference.schemas import about, fields

_INTRODUCTION: Final = """
Each operation has a queue of its own, and the name of the queue is the routing key. A request is a JSON
object in UTF-8, at most 64 KiB, and unknown fields are refused. A *command* changes something, a *query*
does not. The same contract for machines: [asyncapi.yaml](../../asyncapi/asyncapi.yaml), and as a page that
needs no network, [index.html](../../asyncapi/index.html). How to send a request: [Publish from another
service](../howto/publish.md).
""".strip()
# The methods of the typed client, and the types of what they take.
_CALLS: Final = {
    name: get_type_hints(method) for name, method in vars(ProfileApi).items() if iscoroutinefunction(method)
}
_ENVELOPE: Final = """
A reply is `{"ok": true, "result": {…}}`, or
`{"ok": false, "error": {"code", "reason", "message", "retryable", …}}`. Later versions may add fields:
ignore those that you do not know. [Errors](errors.md) says what to do about each of them.
""".strip()


def page() -> str:
    """Return the page."""
    return blocks(
        "# Operations",
        paragraph(_INTRODUCTION),
        items(f"[`{each.queue}`](#{_anchor(each.queue)}): {each.summary}" for each in OPERATIONS),
        "## What travels with a message",
        "AMQP properties and headers. None of those of a request is required.",
        *(
            _headers(title, name)
            for title, name in (("Request", "RequestHeaders"), ("Reply", "ReplyHeaders"))
        ),
        "## Replies",
        paragraph(_ENVELOPE),
        *map(_section, OPERATIONS),
        "## Results",
        *(blocks(f"### {each.__name__}", paragraph(about(each)), fields(each)) for each in _results()),
    )


def _headers(title: str, name: str) -> str:
    found = HEADERS[name]["properties"]
    return blocks(f"### {title}", items(_header(each, said["description"]) for each, said in found.items()))


def _header(name: str, description: str) -> str:
    """Return the line about a header, or about the property that AsyncAPI lists as one."""
    if named := re.fullmatch(r"Property `(\w+)`[:.] ?(.*)", description):
        return f"Property `{named[1]}`: {named[2]}" if named[2] else f"Property `{named[1]}`."
    return f"Header `{name}`: {description.removeprefix('Header: ')}"


def _section(operation: Operation[Any, Any]) -> str:
    asked, answered = operation.example
    is_repeatable = operation.idempotent and operation.kind is Kind.COMMAND
    repeatable = "Asking twice leaves the same state as asking once." if is_repeatable else ""
    own = set(operation.errors) - set(COMMON_ERRORS)
    return blocks(
        f"## {operation.queue}",
        paragraph(f"{operation.summary} A {operation.kind}. {repeatable}".strip()),
        paragraph(f"Who may ask: {operation.actor}."),
        paragraph(_in_python(operation)),
        "Request:",
        fields(operation.request),
        code(asked),
        paragraph(f"Result: {' or '.join(_link(each) for each in operation.results)}."),
        code(answered),
        paragraph(_refusals([each for each in operation.errors if each in own])),
    )


def _in_python(operation: Operation[Any, Any]) -> str:
    """Return how the typed client is asked for *operation*."""
    request = operation.request
    found = [each for each, hints in _CALLS.items() if hints.get("request") is request]
    if not found:  # what has nothing to say is called without a request
        return f"In Python: `{operation.queue.rpartition('.')[2]}()`."
    (call,), name = found, request.__name__
    token = {None: "", str: ", token"}.get(_CALLS[call].get("token"), "[, token]")
    return f"In Python: `{call}({name}(…){token})`, with `{name}` of `{request.__module__}`."


def _refusals(reasons: list[str]) -> str:
    common = "those that [every operation](errors.md#of-every-operation) has"
    named = ", ".join(f"[`{each}`](errors.md#{_anchor(each)})" for each in reasons)
    return f"Refusals: {named}, and {common}." if named else f"Refusals: {common}."


def _results() -> list[type[BaseModel]]:
    return list(dict.fromkeys(result for operation in OPERATIONS for result in _with_parts(operation)))


def _with_parts(operation: Operation[Any, Any]) -> list[type[BaseModel]]:
    """Return the results of *operation*, and the models of which they are lists."""
    found: list[type[BaseModel]] = []
    for each in operation.results:
        found.append(each)
        for field in each.model_fields.values():
            parts = getattr(field.annotation, "__args__", ())
            found += [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
    return found


def _link(model: type[BaseModel]) -> str:
    return f"[{model.__name__}](#{_anchor(model.__name__)})"


def _anchor(title: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return title.lower().replace(".", "")
