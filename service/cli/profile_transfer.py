"""All users at once: from a file, and into one."""

import errno
import os
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from service.app.commands.import_profiles import ImportProfiles, ImportProfilesHandler, ProfileToImport
from service.cli.auditing import record
from service.cli.exit_codes import REFUSED
from service.cli.operators import opened_use_cases
from service.cli.profile_lines import read_line, reasons_of, write_line
from service.cli.reporting_errors import reporting_errors
from service.domain.profile import EmailTaken, Profile
from service.pkg.signals import finished, run_until_terminated

_BATCH_SIZE: Final = 1000
_MAX_LINE_BYTES: Final = 64 * 1024  # more than all fields take, however they are escaped


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a file: of one that is too long, the beginning."""

    number: int
    text: bytes
    size: int

    @property
    def is_too_long(self) -> bool:
        return self.size > _MAX_LINE_BYTES


@dataclass(slots=True)
class _Result:
    """What came of an import so far."""

    imported: int = 0
    present: int = 0
    refused: int = 0

    def sentence(self, *, dry_run: bool) -> str:
        done = "would be imported" if dry_run else "imported"
        return f"{self.imported} {done}, {self.present} there already, {self.refused} refused."


def import_profiles(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be imported.")] = False,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish `profile.created` for each: to mailers, too.")
    ] = False,
) -> None:
    """Take users over from a file with one JSON object a line; who is there already is left as it is."""
    command, result = ImportProfiles((), dry_run, publish), _Result()
    try:
        with reporting_errors():
            run_until_terminated(_import(file, command, result))
    finally:
        if result.imported and not dry_run:
            record("profiles_imported", count=result.imported, published=publish)
        typer.echo(result.sentence(dry_run=dry_run))
    if result.refused:
        raise typer.Exit(REFUSED)


async def _import(path: Path, command: ImportProfiles, result: _Result) -> None:
    async with opened_use_cases() as use_cases:
        with path.open("rb") as file, Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task(path.name, total=os.fstat(file.fileno()).st_size)
            for batch in _batches(file):
                await finished(_import_batch(use_cases.import_profiles, batch, command, result))
                progress.advance(bar, sum(line.size for line in batch))


def _batches(file: BinaryIO) -> Iterator[Sequence[_Line]]:
    lines = _lines(file)
    while batch := list(islice(lines, _BATCH_SIZE)):
        yield batch


def _lines(file: BinaryIO) -> Iterator[_Line]:
    """Return the lines of *file*, of which none need fit into memory."""
    for number in count(1):
        text = file.readline(_MAX_LINE_BYTES + 1)
        size, end = len(text), text
        while end and not end.endswith(b"\n"):
            end = file.readline(_MAX_LINE_BYTES + 1)
            size += len(end)
        if not size:
            return
        yield _Line(number, text.removeprefix(BOM_UTF8) if number == 1 else text, size)


async def _import_batch(
    handler: ImportProfilesHandler, batch: Sequence[_Line], command: ImportProfiles, result: _Result
) -> None:
    users: dict[int, ProfileToImport] = {}
    refusals: dict[int, str] = {}
    for line in batch:
        if line.is_too_long:
            refusals[line.number] = f"It is longer than {_MAX_LINE_BYTES} bytes"
        elif line.text.strip():
            try:
                users[line.number] = read_line(line.text.strip())
            except ValidationError as error:
                refusals[line.number] = reasons_of(error)
    made = await handler.handle(replace(command, profiles=list(users.values())))
    for number, refusal in zip(users, made, strict=True):
        if refusal is None:
            result.imported += 1
        elif isinstance(refusal, EmailTaken):
            result.present += 1
        else:
            refusals[number] = f"{refusal.field}: {refusal.message}"
    result.refused += len(refusals)
    for number, reason in sorted(refusals.items()):
        typer.echo(f"line {number}: {reason}", err=True)


def export_profiles(file: Path) -> None:
    """Write all users that are not deleted into a new file, with the hashes of their passwords.

    It is there when all of it is written; until then it is called FILE.part.
    """
    counted: Counter[str] = Counter()
    try:
        with reporting_errors():
            run_until_terminated(_export(file, counted))
    finally:
        if counted:
            record("profiles_exported", count=counted["profiles"])
    typer.echo(f"{counted['profiles']} exported.")
    if counted["totp"]:
        typer.echo(f"{counted['totp']} of them have a second factor, which stays here.", err=True)


async def _export(path: Path, counted: Counter[str]) -> None:
    async with opened_use_cases() as use_cases:
        profiles = use_cases.export_profiles.handle()
        with _new_file(path) as file:
            await _write(file, profiles, counted)


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file for whoever runs this alone, which is at *path* once the block has ended well.

    Raises:
        FileExistsError: There is one, or somebody is about to make it.

    """
    if path.exists():  # better now than when all is written
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    part = path.with_name(f"{path.name}.part")  # half a file would pass for a whole one
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(opened, "wb") as file:
            yield file
            file.flush()
            os.fsync(opened)
        path.hardlink_to(part)
    finally:
        part.unlink()


async def _write(file: BinaryIO, profiles: AsyncIterator[Profile], counted: Counter[str]) -> None:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("profiles", total=None)
        async for profile in profiles:
            file.write(write_line(profile))
            counted["profiles"] += 1
            counted["totp"] += profile.totp is not None
            progress.advance(bar)
