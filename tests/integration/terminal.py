"""A terminal in a folder of its own: what a reader types is typed here."""

import asyncio
import os
import re
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

_MARK: Final = "=== the block has ended ==="
_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 40.0
_BLANK: Final = r"(?: *\n)*"
# The first command that fails ends it, and so does a variable that was not set.
_SHELL: Final = ("sh", "-e", "-u")


class CommandFailed(AssertionError):
    """Commands ended with an error, or did not end, or did not say what they should."""


@dataclass(slots=True)
class Terminal:
    """A shell that keeps its variables from one block to the next, and programs that stay up beside it."""

    folder: Path
    environment: dict[str, str]
    shell: asyncio.subprocess.Process
    staying: list[asyncio.subprocess.Process] = field(default_factory=list)
    blocks: int = 0

    @classmethod
    async def opened(cls, folder: Path, environment: dict[str, str]) -> Self:
        """Return a terminal in *folder*."""
        return cls(folder, environment, await _started(folder, environment, *_SHELL))

    async def run(self, commands: str) -> str:
        """Run *commands* and return what they print.

        Raises:
            CommandFailed: One of them exited with an error, or they did not end in time.

        """
        self.blocks += 1
        script = self.folder / f"block-{self.blocks}.sh"
        script.write_text(commands)
        assert self.shell.stdin is not None
        # Whoever asks a question gets no answer: a reader who has to type one is told so by another block.
        typed = f". {shlex.quote(str(script))} </dev/null; printf '\\n%s\\n' '{_MARK}'\n"
        self.shell.stdin.write(typed.encode())
        return await _read(self.shell, re.compile(rf"^{_MARK}\n", re.MULTILINE), commands)

    async def start(self, commands: str, shown: re.Pattern[str]) -> None:
        """Let *commands* run in a terminal of their own until the page ends; wait for *shown*."""
        process = await _started(self.folder, self.environment, *_SHELL, "-c", commands)
        self.staying.append(process)
        await _read(process, shown, commands)

    async def close(self) -> None:
        """End everything that runs here."""
        for each in (*self.staying, self.shell):
            if each.returncode is None:
                with suppress(ProcessLookupError):  # it has ended, and asyncio has not been told yet
                    os.killpg(each.pid, signal.SIGTERM)
        async with asyncio.timeout(_STOP_SECONDS):
            await asyncio.gather(*(each.communicate() for each in (*self.staying, self.shell)))


@asynccontextmanager
async def terminal(folder: Path, environment: dict[str, str]) -> AsyncIterator[Terminal]:
    """Give a terminal in *folder*; end what was started in it."""
    opened = await Terminal.opened(folder, environment)
    try:
        yield opened
    finally:
        await opened.close()


def shown_as(expected: str) -> re.Pattern[str]:
    """Return what matches output that is shown as *expected*.

    `…` stands for anything in a line; in a line of its own, for any number of lines. Blank lines and how
    many spaces there are make no difference.
    """
    lines = [
        rf"({_BLANK}.*\n)*?" if line.strip() == "…" else _BLANK + _pattern(line) + r" *\n"
        for line in expected.split("\n")
        if line.strip()
    ]
    return re.compile("".join([*lines, _BLANK]))


def _pattern(line: str) -> str:
    parts = [re.sub(r"(\\ )+", " +", re.escape(part)) for part in line.rstrip().split("…")]
    return r"[^\n]*?".join(parts)


async def _started(folder: Path, environment: dict[str, str], *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


async def _read(process: asyncio.subprocess.Process, until: re.Pattern[str], commands: str) -> str:
    """Return what *process* prints before *until*."""
    assert process.stdout is not None
    printed = ""
    try:
        async with asyncio.timeout(_SECONDS):
            while not (found := until.search(printed)):
                line = await process.stdout.readline()
                if not line:
                    raise CommandFailed(
                        f"ended before its end was reached:\n{commands}\nIt printed:\n{printed}"
                    )
                printed += line.decode()
    except TimeoutError:
        raise CommandFailed(f"not within {_SECONDS:g} s:\n{commands}\nIt printed:\n{printed}") from None
    return printed[: found.start()]
