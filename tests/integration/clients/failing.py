"""What a call is refused with."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from profile_contracts.errors import CallFailed, ErrorReply


async def reason_of(call: Awaitable[object]) -> str:
    """Return the reason for which *call* is refused."""
    with pytest.raises(CallFailed) as failure:
        await call
    return failure.value.reason


@asynccontextmanager
async def refusing(kind: type[ErrorReply], reason: str, field: str | None = None) -> AsyncIterator[None]:
    """Expect a refusal of this *kind*, for this *reason*, and about this *field*."""
    with pytest.raises(kind) as refusal:
        yield

    error = refusal.value.error
    assert (error.reason, [each.field for each in error.details or ()]) == (reason, [field] if field else [])
    assert error.retryable is False
    assert error.message
