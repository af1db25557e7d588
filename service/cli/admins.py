"""Administrators."""

from typing import Annotated

import typer
from pydantic import SecretStr

from profile_contracts import profiles as wire
from service.app.commands.create_profile import CreateProfile
from service.app.commands.promote_to_admin import PromoteToAdmin
from service.app.queries.find_profile import FindProfile
from service.cli.auditing import recorded
from service.cli.brokers import AsJson
from service.cli.operators import OPERATOR, opened_use_cases, show
from service.cli.reporting_errors import reporting_errors
from service.domain.email import Email
from service.domain.profile import Profile, Role
from service.pkg.signals import run_until_terminated

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
        profile = run_until_terminated(_create_admin(email, first_name, last_name, password))
    print(profile.id)  # noqa: T201 - the command's output


@app.command("promote")
def promote_to_admin(email: str, *, as_json: AsJson = False) -> None:
    """Make somebody an administrator who has signed up already; their sessions end, so they log in again."""
    with reporting_errors():
        profile = run_until_terminated(_promote(email))
    show(profile, "role", as_json=as_json)


async def _promote(email: str) -> Profile:
    command = PromoteToAdmin(Email.parse(email))
    async with opened_use_cases() as use_cases:
        found = await use_cases.find_profile.handle(FindProfile(actor=OPERATOR.actor, email=email))
        with recorded("user_promoted", subject=str(found.id)):
            return await use_cases.promote_to_admin.handle(command)


async def _create_admin(email: str, first_name: str, last_name: str, password: str) -> Profile:
    async with opened_use_cases() as use_cases:
        request = wire.CreateProfile(
            first_name=first_name, last_name=last_name, email=email, password=SecretStr(password)
        )
        command = CreateProfile(
            context=OPERATOR,
            first_name=request.first_name,
            last_name=str(request.last_name),
            email=request.email,
            password=password,
            role=Role.ADMIN,
            is_verified=True,  # whoever may run this answers for it
        )
        with recorded("user_created") as about:
            profile = await use_cases.create_profile.handle(command)
            about["subject"] = str(profile.id)
        return profile
