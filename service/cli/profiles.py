"""The life of a profile: what operators do about one user."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import typer

from service.app.auth.unlock_account import UnlockAccount
from service.app.commands.erase_profile import EraseProfile
from service.app.commands.restore_profile import RestoreProfile
from service.app.queries.export_profile import ExportProfile
from service.app.queries.find_profile import FindProfile
from service.cli.auditing import recorded
from service.cli.brokers import AsJson, Yes
from service.cli.operators import OPERATOR, carry_out, opened_use_cases, show
from service.cli.profile_transfer import export_profiles, import_profiles
from service.cli.reporting_errors import reporting_errors
from service.domain.errors import Unavailable
from service.domain.profile import Profile
from service.pkg.signals import run_until_terminated
from service.settings import Settings


class CountedInMemory(Unavailable):
    """There is no Redis that would tell workers."""

    reason = "counted_in_memory"
    message = "With REDIS_URL=memory:// the worker itself counts wrong passwords: restart it."


app = typer.Typer(no_args_is_help=True, help="What is held about users.")
app.command("import")(import_profiles)
app.command("export-all")(export_profiles)


@app.command("restore")
def restore_profile(profile_id: UUID, *, as_json: AsJson = False) -> None:
    """Bring a deleted profile back, and with it the posts that went with it."""
    command = RestoreProfile(context=OPERATOR, profile_id=profile_id)
    restored = carry_out("user_restored", profile_id, lambda use: use.restore_profile.handle(command))
    show(restored, "status", as_json=as_json)


@app.command("erase")
def erase_profile(
    profile_id: UUID,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Scrub everything personal about a user, for good; the posts follow within seconds."""
    if not yes:
        typer.confirm(f"Erase everything about {profile_id}? It cannot be brought back.", abort=True)
    command = EraseProfile(context=OPERATOR, profile_id=profile_id)
    erased = carry_out("user_erased", profile_id, lambda use: use.erase_profile.handle(command))
    show(erased, "status", as_json=as_json)


@app.command("unlock")
def unlock_account(email: str) -> None:
    """Take back the wrong passwords that strangers have tried, so that its user can log in at once."""
    with reporting_errors():
        if Settings().redis_url.startswith("memory:"):
            raise CountedInMemory
        profile = run_until_terminated(_unlocked(email))
    typer.echo(f"{profile.id} is unlocked.")


async def _unlocked(email: str) -> Profile:
    async with opened_use_cases() as use_cases:
        profile = await use_cases.find_profile.handle(FindProfile(actor=OPERATOR.actor, email=email))
        with recorded("user_unlocked", subject=str(profile.id)):
            await use_cases.unlock_account.handle(UnlockAccount(OPERATOR, profile.id))
        return profile


@app.command("export")
def export_profile(profile_id: UUID) -> None:
    """Write everything that is held about a user as JSON (GDPR, article 15), but no hash of a password."""
    query = ExportProfile(profile_id)
    held = carry_out("user_exported", profile_id, lambda use: use.export_profile.handle(query))
    typer.echo(json.dumps(held, indent=2, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> str:  # noqa: ANN401 - what JSON has no form for
    return value.isoformat() if isinstance(value, datetime) else str(value)
