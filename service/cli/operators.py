"""One use case of operators, carried out, recorded, and what came of it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Literal, TypeVar
from uuid import UUID

import typer

from service.app.auth.actors import TrustedService
from service.app.request_context import RequestContext
from service.bootstrap import AdminUseCases, Resources
from service.cli.auditing import recorded
from service.cli.reporting_errors import reporting_errors
from service.domain.post import Post
from service.domain.profile import Profile
from service.pkg.signals import run_until_terminated
from service.settings import Settings

Found = TypeVar("Found")

# Whoever may run it holds the database, and so may do everything.
OPERATOR: Final = RequestContext(TrustedService("profilectl"))


@asynccontextmanager
async def opened_use_cases() -> AsyncIterator[AdminUseCases]:
    """Give what operators may do for the block, in the database that the environment names."""
    settings = Settings()
    async with Resources.opened(settings) as resources:
        yield AdminUseCases(settings, resources)


def carry_out(event: str, subject: UUID, work: Callable[[AdminUseCases], Awaitable[Found]]) -> Found:
    """Do *work*, and record it as *event*."""

    async def run() -> Found:
        async with opened_use_cases() as use_cases:
            with recorded(event, subject=str(subject)):
                return await work(use_cases)

    with reporting_errors():
        return run_until_terminated(run())


def show(changed: Profile | Post, field: Literal["status", "role"], *, as_json: bool) -> None:
    """Print what *field* of a profile or post is now, and its version."""
    value = getattr(changed, field)
    if as_json:
        typer.echo(json.dumps({"id": str(changed.id), field: value, "version": changed.version}))
    else:
        typer.echo(f"{changed.id} is {value}, version {changed.version}.")
