"""Asks, shows what was asked and answered, and remembers what was not as expected."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import BaseModel, SecretStr
from rich.console import Console
from rich.markup import escape

from profile_contracts.client import ProfileClient
from profile_contracts.errors import ErrorReply, NoReply
from profile_contracts.operations import PROFILE_CREATE
from profile_contracts.replies import ErrorCode, Failure
from tools.worker import with_settings

PASSWORD: Final = SecretStr("correct horse battery staple")
_SHOWN: Final = 300
_PROFILECTL_SECONDS: Final = 60.0
# Fields of requests that are not shown.
_SECRET: Final = frozenset(
    {"password", "current_password", "new_password", "token", "refresh_token", "otp", "enrolment"}
)


@dataclass(slots=True)
class Demo:
    """One run of the demo.

    Attributes:
        client: A gateway, which everybody may use.
        mailer: A service that is trusted to send mails to who has forgotten a password.
        folder: For files.
        environment: What `profilectl` needs to reach the databases.
        surprises: What was not as expected.
        sent: How many requests there were.

    """

    console: Console
    client: ProfileClient
    mailer: ProfileClient
    folder: Path
    environment: Mapping[str, str]
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

    async def profilectl(self, title: str, *words: str, says: str) -> None:
        """Run `profilectl` as an operator would, and expect that it *says* something like that."""
        self.console.print(f"\n[bold]{title}[/]\n  [dim]$[/] {escape(' '.join(('profilectl', *words)))}")
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "service.cli", *words),
            cwd=self.folder,
            env={**with_settings(self.environment), "PYTHONPATH": str(Path.cwd())},
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            async with asyncio.timeout(_PROFILECTL_SECONDS):
                out, error = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        milliseconds = (time.perf_counter() - started) * 1000
        said = (out if process.returncode == 0 else error).decode().strip()
        self._show(title, said, milliseconds, as_expected=process.returncode == 0 and says in said)

    def _show(self, title: str, answer: str, milliseconds: float, *, as_expected: bool) -> None:
        mark = "[green]✓[/]" if as_expected else "[red]✗ not as expected[/]"
        shown = answer if len(answer) <= _SHOWN else f"{answer[:_SHOWN]}…"
        self.console.print(f"  [dim]←[/] {escape(shown)}\n  {mark} [dim]{milliseconds:.1f} ms[/]")
        if not as_expected:
            self.surprises.append(title)
