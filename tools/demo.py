"""`make demo`: servers, a worker, and a gateway that tries everything once and hears the events."""

import asyncio
import base64
import json
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, SecretStr
from rich.console import Console
from rich.markup import escape

from profile_contracts.auth import (
    ConfirmTotp,
    EnrollTotp,
    ListSessions,
    LogIn,
    LogOut,
    Refresh,
    RemoveTotp,
    Scope,
    StartVerification,
    Tokens,
    TotpEnrolment,
    VerificationStarted,
    VerifyEmail,
    VerifyToken,
)
from profile_contracts.client import ProfileClient
from profile_contracts.errors import ErrorReply, NoReply
from profile_contracts.events import PROFILE_CREATED, PROFILE_DELETED, PROFILE_UPDATED, SESSION_REVOKED
from profile_contracts.operations import PROFILE_CREATE
from profile_contracts.posts import CreatePost, DeletePost, GetPost, Post, UpdatePost
from profile_contracts.profiles import (
    CreateProfile,
    DeleteProfile,
    ExportProfile,
    GetProfile,
    Profile,
    UpdateProfile,
)
from profile_contracts.replies import ErrorCode, Failure
from service.domain.totp import code_at, step_at
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.console import queue_table
from tools.ending import ended_well, interruptible
from tools.listener import listening
from tools.servers import running_servers
from tools.servers.processes import private_processes
from tools.servers.sandbox import Sandbox, sandbox
from tools.worker import running_worker

_PASSWORD: Final = SecretStr("correct horse battery staple")
_SHOWN: Final = 300
# In seconds: on a machine that is busy with other things, passwords wait for what is left of it.
_TIMEOUT: Final = 30.0
_TOLD: Final = tuple(
    each.name for each in (PROFILE_CREATED, PROFILE_UPDATED, PROFILE_DELETED, SESSION_REVOKED)
)


# Fields of requests that are not shown.
_SECRET: Final = frozenset({"password", "current_password", "token", "refresh_token", "otp", "enrolment"})


@dataclass(slots=True)
class Demo:
    """Asks, shows what was asked and answered, and remembers what was not as expected."""

    console: Console
    client: ProfileClient
    surprises: list[str] = field(default_factory=list)
    sent: int = 0

    async def expect(
        self, title: str, request: BaseModel, call: Awaitable[BaseModel], refusal: str | None = None
    ) -> BaseModel | None:
        """Wait for *call*, and expect a result, or a *refusal* for that reason."""
        asked = request.model_dump(mode="json", exclude_unset=True)
        body = json.dumps({name: "***" if name in _SECRET else each for name, each in asked.items()})
        self.console.print(f"\n[bold]{title}[/]\n  [dim]→[/] {escape(body)}")
        self.sent += 1
        started = time.perf_counter()
        result: BaseModel | None = None
        reason = None
        try:
            result = await call
            answer = result.model_dump_json()
        except ErrorReply as error:
            reason, answer = error.error.reason, str(error)
        except NoReply as error:
            reason, answer = "no_reply", str(error)
        milliseconds = (time.perf_counter() - started) * 1000
        self._show(title, answer, milliseconds, as_expected=reason == refusal)
        return result

    def _show(self, title: str, answer: str, milliseconds: float, *, as_expected: bool) -> None:
        mark = "[green]✓[/]" if as_expected else "[red]✗ not as expected[/]"
        shown = answer if len(answer) <= _SHOWN else f"{answer[:_SHOWN]}…"
        self.console.print(f"  [dim]←[/] {escape(shown)}\n  {mark} [dim]{milliseconds:.1f} ms[/]")
        if not as_expected:
            self.surprises.append(title)

    async def malformed(self) -> None:
        """Send what is no request at all."""
        body = b'{"first_name": "Ada", "last_name":'
        self.console.print(f"\n[bold]A malformed message[/]\n  [dim]→[/] {escape(repr(body))}")
        self.sent += 1
        started = time.perf_counter()
        reply = await self.client.exchange(PROFILE_CREATE, body)
        error = Failure.model_validate_json(reply).error
        milliseconds = (time.perf_counter() - started) * 1000
        self._show(
            "A malformed message",
            reply.decode(),
            milliseconds,
            as_expected=error.code is ErrorCode.INVALID,
        )


async def play(demo: Demo) -> None:
    """Play the life of one user."""
    client, ask = demo.client, demo.expect
    ada = CreateProfile(
        first_name="Ada",
        last_name="Lovelace",
        email="Ada@Example.org",
        password=_PASSWORD,
    )
    profile = await ask("Sign up", ada, client.create_profile(ada))
    login = LogIn(email="ada@example.ORG", password=_PASSWORD)
    tokens = await ask("Log in, with the address in another spelling", login, client.log_in(login))
    if not isinstance(profile, Profile) or not isinstance(tokens, Tokens):
        return
    refresh = Refresh(refresh_token=SecretStr(tokens.refresh_token))
    await ask("Exchange the refresh token", refresh, client.refresh(refresh))
    await change(demo, profile.id, tokens.access_token)
    await write(demo, tokens.access_token)
    await secure(demo, profile.id, tokens.access_token)
    wrong = LogIn(email=ada.email, password=SecretStr("a wrong guess"))
    await ask("Log in with a wrong password", wrong, client.log_in(wrong), "invalid_credentials")
    await ask("Sign up with the same address", ada, client.create_profile(ada), "email_taken")
    await demo.malformed()
    await leave(demo, profile.id, tokens.access_token)


async def change(demo: Demo, who: UUID, token: str) -> None:
    """Read the profile, change it, and change it once more from a version that is gone."""
    client, ask = demo.client, demo.expect
    get = GetProfile(id=who)
    await ask("Read the profile", get, client.get_profile(get, token))
    verify = VerifyToken(token=SecretStr(token))
    await ask("Ask whether the access token is good", verify, client.verify_token(verify))
    update = UpdateProfile(id=who, expected_version=1, last_name="King")
    await ask("Change the name", update, client.update_profile(update, token))
    stale = UpdateProfile(id=who, expected_version=1, last_name="Byron")
    await ask("Change it from a stale version", stale, client.update_profile(stale, token), "stale_version")


async def write(demo: Demo, token: str) -> None:
    """Write a post, which anybody may read, change it, and delete it."""
    client, ask = demo.client, demo.expect
    words = CreatePost(title="Note G", body="It weaves algebraic patterns.")
    post = await ask("Write a post", words, client.create_post(words, token))
    if not isinstance(post, Post):
        return
    get = GetPost(id=post.id)
    await ask("Read the post, as nobody in particular", get, client.get_post(get))
    update = UpdatePost(id=post.id, title="Note H")
    await ask("Change its title", update, client.update_post(update, token))
    delete = DeletePost(id=post.id, expected_version=2)
    await ask("Delete the post", delete, client.delete_post(delete, token))
    await ask("Read it after that", get, client.get_post(get), "post_not_found")


async def secure(demo: Demo, who: UUID, token: str) -> None:
    """Verify the address, log in by a second factor, see where one is logged in, and export it all."""
    client, ask = demo.client, demo.expect
    start = StartVerification(id=who)
    mail = await ask("Get what is to be mailed", start, client.start_verification(start, token))
    if isinstance(mail, VerificationStarted):
        read = VerifyEmail(token=SecretStr(mail.token))
        await ask("Verify the address by it", read, client.verify_email(read))
        await ask("Use it again", read, client.verify_email(read), "one_time_token_invalid")
    enroll = EnrollTotp(current_password=_PASSWORD)
    app = await ask("Ask for a second factor", enroll, client.enroll_totp(enroll, token))
    if isinstance(app, TotpEnrolment):
        await log_in_by_code(demo, app, token)
    places = ListSessions()
    await ask("List the sessions", places, client.list_sessions(places, token))
    export = ExportProfile(id=who)
    await ask("Export everything", export, client.export_profile(export, token))


async def log_in_by_code(demo: Demo, app: TotpEnrolment, token: str) -> None:
    """Confirm *app*, as an app would, and log in by the code that it shows next."""
    client, ask = demo.client, demo.expect
    secret, step = base64.b32decode(app.secret), step_at(datetime.now(UTC))
    code = SecretStr(code_at(secret, step))
    confirm = ConfirmTotp(enrolment=SecretStr(app.enrolment), otp=code)
    await ask("Confirm it by a code", confirm, client.confirm_totp(confirm, token))
    login = LogIn(email="ada@example.org", password=_PASSWORD)
    await ask("Log in with the password alone", login, client.log_in(login), "otp_required")
    login = login.model_copy(update={"otp": SecretStr(code_at(secret, step + 1))})
    await ask("Log in with a code, too", login, client.log_in(login))
    remove = RemoveTotp(current_password=_PASSWORD)
    await ask("Remove the second factor", remove, client.remove_totp(remove, token))


async def leave(demo: Demo, who: UUID, token: str) -> None:
    """Delete the profile, and look for it."""
    client, ask = demo.client, demo.expect
    elsewhere = LogOut(scope=Scope.OTHERS)
    await ask("Log out everywhere else", elsewhere, client.log_out(elsewhere, token))
    delete = DeleteProfile(id=who)
    await ask("Delete the profile", delete, client.delete_profile(delete, token))
    get = GetProfile(id=who)
    await ask(
        "Read it after that: the session is over, too", get, client.get_profile(get, token), "session_ended"
    )


async def run(console: Console, box: Sandbox) -> tuple[list[str], int]:
    """Play the demo as the broker user `gateway`; return what was not as expected, and how much was asked."""
    async with (
        listening(box.gateway_url) as listener,
        ProfileClient(box.gateway_url, name="demo-gateway", timeout=_TIMEOUT) as client,
    ):
        demo = Demo(console, client)
        await play(demo)
        missing = await listener.missing(_TOLD)
        listener.show(console)
        return demo.surprises + [f"no event {name}" for name in missing], demo.sent


def main() -> int:
    """Run the demo; return 0 only if every reply was as expected, and every event came."""
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    with (
        private_processes() as processes,  # for its folder, which no end of ours leaves behind
        running_servers(console.print) as servers,
        sandbox(servers, definitions(topology())) as box,
        running_worker(box, processes.folder),
    ):
        console.print(f"A worker on them is ready ({time.monotonic() - began:.1f} s)")
        surprises, sent = asyncio.run(interruptible(run(console, box)))
        console.print("", queue_table(box, sent), sep="\n")
    if surprises:
        console.print(f"[red]Not as expected:[/] {', '.join(surprises)}")
        return 1
    seconds = time.monotonic() - began
    console.print(f"[green]Every reply was as expected, and every event came[/] ({seconds:.1f} s in all).")
    return 0


if __name__ == "__main__":
    sys.exit(ended_well(main))
