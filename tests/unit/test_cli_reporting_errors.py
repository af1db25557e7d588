"""A reader that has left is told from a server that is away."""

import errno
import os
from collections.abc import Iterator

import pytest
import typer

from service.cli import reporting_errors as module
from service.cli.reporting_errors import reporting_errors


@pytest.fixture(name="pipe")
def _pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Have standard output be a pipe."""
    reading, writing = os.pipe()
    monkeypatch.setattr(module, "_STANDARD_OUTPUT", writing)
    yield reading, writing
    os.close(writing)


def test_whoever_stops_reading_hears_nothing_of_it(
    pipe: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    reading, writing = pipe
    os.close(reading)
    with pytest.raises(BrokenPipeError), reporting_errors():
        os.write(writing, b"an event")

    assert capsys.readouterr().err == ""


def test_a_broken_line_to_a_server_is_told(pipe: tuple[int, int]) -> None:
    reading, _ = pipe
    with pytest.raises(typer.Exit) as ended, reporting_errors():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    os.close(reading)

    assert ended.value.exit_code == 7
