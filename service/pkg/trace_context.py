"""The trace that the current task works for, as W3C Trace Context writes it; nothing where traces are off."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Final

_NOTHING: Final[Mapping[str, str]] = {}
_current: ContextVar[Mapping[str, str]] = ContextVar("trace", default=_NOTHING)


def current_trace() -> Mapping[str, str]:
    """Return the header `traceparent` of what is sent or stored now; no header, if there is no trace."""
    return _current.get()


@contextmanager
def working_for(trace: Mapping[str, str]) -> Iterator[None]:
    """Let *trace* be the current one inside the block."""
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)


def context_of(trace: Mapping[str, str]) -> Context:
    """Return a context in which *trace* is the current one, and which has nothing of this task's own."""
    context = Context()
    if trace:
        context.run(_current.set, trace)
    return context
