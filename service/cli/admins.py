"""Administrators."""

import asyncio
from typing import Annotated

import typer
from pydantic import SecretStr

from profile_contracts import profiles as wire
from service.app.auth.session_guard import SessionGuard
from service.app.commands.create_profile import CreateProfile, CreateProfileHandler
from service.app.commands.promote_to_admin import PromoteToAdmin
from service.bootstrap import Resources, profiles_and_passwords
from service.cli.auditing import record
from service.cli.brokers import AsJson
from service.cli.operators import OPERATOR, opened_use_cases, show
from service.cli.reporting_errors import reporting_errors
from service.domain.email import Email
from service.domain.profile import Profile, Role
from service.infrastructure.clock import SystemClock
from service.infrastructure.mongo.sessions import MongoSessions
from service.pkg.database import default_database
from service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Administrators.")


@app.command("create")
def create_admin(
    email: str,
    first_name: Annotated[str, typer.Option()] = "Admin",
    last_name: Annotated[str, typer.Option()] = "Admin",
    password: Annotated[
        str, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True, envvar="ADMIN_PASSWORD")
    ] = "",
) -> None:
    """Make an administrator, straight in the database: the way to the first one."""
    with reporting_errors():
        profile = asyncio.run(_create_admin(email, first_name, last_name, password))
    record("user_created", subject=str(profile.id))
    print(profile.id)  # noqa: T201 - the command's output


@app.command("promote")
def promote_to_admin(email: str, *, as_json: AsJson = False) -> None:
    """Make somebody an administrator who has signed up already; their sessions end, so they log in again."""
    with reporting_errors():
        profile = asyncio.run(_promote(email))
    record("user_promoted", subject=str(profile.id))
    show(profile, "role", as_json=as_json)


async def _promote(email: str) -> Profile:
    async with opened_use_cases() as use_cases:
        return await use_cases.promote_to_admin.handle(PromoteToAdmin(Email.parse(email)))


async def _create_admin(email: str, first_name: str, last_name: str, password: str) -> Profile:
    settings = Settings()
    async with Resources.opened(settings) as resources:
        request = wire.CreateProfile(
            first_name=first_name, last_name=last_name, email=email, password=SecretStr(password)
        )
        profiles, passwords = profiles_and_passwords(settings, resources)
        session_guard = SessionGuard(
            profiles, MongoSessions(default_database(resources.mongo)), SystemClock()
        )
        handler = CreateProfileHandler(profiles, passwords, session_guard, SystemClock())
        return await handler.handle(
            CreateProfile(
                context=OPERATOR,
                first_name=request.first_name,
                last_name=str(request.last_name),
                email=request.email,
                password=password,
                role=Role.ADMIN,
                is_verified=True,  # whoever may run this answers for it
            )
        )
