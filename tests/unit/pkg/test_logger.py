import asyncio
import io
import json
import logging
import subprocess
import sys
import threading

import pytest
import structlog

from service.pkg import logger
from service.pkg.logger import PatientHandler, configure_logging
from tools.servers.waiting import wait_until

pytestmark = pytest.mark.usefixtures("logging_as_it_was")


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """Return the lines on standard error."""
    logging.getLogger().handlers[0].flush()
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_our_lines_and_those_of_libraries_look_alike(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    structlog.get_logger("ours").info("hello", ms=1)
    logging.getLogger("theirs").warning("hello %s", "you")
    ours, theirs = logged(capsys)

    assert set(ours) == {"event", "ms", "logger", "level", "timestamp"}
    assert (ours["event"], ours["level"], ours["logger"]) == ("hello", "info", "ours")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("hello you", "warning", "theirs")


def test_what_is_below_the_level_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("WARNING")
    structlog.get_logger("ours").info("hello")
    logging.getLogger("theirs").info("hello")

    assert logged(capsys) == []


@pytest.mark.parametrize("name", ["aio_pika", "aiormq", "pymongo", "pymongo.command", "aiormq.connection"])
def test_libraries_that_log_messages_are_not_heard_at_debug(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    configure_logging("DEBUG")
    logging.getLogger(name).debug("the whole message")
    logging.getLogger(name).info("connected")

    assert [line["event"] for line in logged(capsys)] == ["connected"]


def test_a_traceback_does_not_show_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    password = "canary"
    try:
        assert len(password) == 6
        raise ZeroDivisionError  # noqa: TRY301 - the frame with the variable is the point
    except ZeroDivisionError:
        logging.getLogger("theirs").exception("failed")
    logging.getLogger().handlers[0].flush()
    written = capsys.readouterr().err

    assert "ZeroDivisionError" in written
    assert "canary" not in written.replace('password = "canary"', "")


SILENT_READER = """
import logging, sys
from service.pkg import logger

logger.MAX_WAITING = 100
logger.configure_logging("INFO")
for number in range(3000):
    logging.getLogger("ours").info("x" * 200)
print("done", flush=True)
sys.stdin.read()
logging.getLogger("ours").info("read again")
"""


def test_standard_error_that_nobody_reads_holds_nothing_up() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SILENT_READER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        killing = threading.Timer(30, process.kill)
        killing.start()
        said = process.stdout.readline()  # it has come to this point although the pipe is full
        accounted = 0
        for line in process.stderr:
            each = json.loads(line)
            accounted += each["count"] if each["event"] == "log lines dropped" else 1
            if accounted >= 3000:
                break
        process.stdin.close()
        last = [json.loads(line)["event"] for line in process.stderr]
        killing.cancel()

    assert said == "done\n"
    assert process.returncode == 0
    assert accounted == 3000
    assert last == ["read again"]


def test_a_broken_connection_is_no_error_and_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    for number in range(50):
        logging.getLogger("aio_pika.tools").error("Callback %r error: %r", number, "closed")
        logging.getLogger("profile.faststream").error("gone", exc_info=asyncio.CancelledError())
    logging.getLogger("profile.faststream").error("a fault", exc_info=KeyError())
    logging.getLogger("profile.faststream").error("a fault", exc_info=KeyError())

    assert [(each["logger"], each["level"]) for each in logged(capsys)] == [
        ("aio_pika.tools", "warning"),
        ("profile.faststream", "warning"),
        ("profile.faststream", "error"),
        ("profile.faststream", "error"),
    ]


class Stream(io.StringIO):
    """Counts how often it is written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def record(level: int, text: str = "hello") -> logging.LogRecord:
    return logging.LogRecord("ours", level, "", 0, text, None, None)


def test_lines_that_come_together_are_written_together() -> None:
    handler = PatientHandler(stream := Stream())
    for number in range(500):
        handler.emit(record(logging.INFO, str(number)))
    handler.flush()

    assert stream.getvalue().split() == [str(number) for number in range(500)]
    assert stream.writes < 50


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR, logging.CRITICAL])
def test_what_is_urgent_is_written_at_once_with_all_before_it(
    monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    monkeypatch.setattr(logger, "_JOINING_SECONDS", 60.0)
    handler = PatientHandler(stream := Stream())
    handler.emit(record(logging.INFO, "before"))
    handler.emit(record(level, "urgent"))
    written = wait_until(stream.getvalue, within=10)

    assert written == "before\nurgent\n"


def test_flushing_does_not_wait_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger, "_JOINING_SECONDS", 60.0)
    handler = PatientHandler(stream := Stream())
    handler.emit(record(logging.INFO))
    handler.flush()

    assert stream.getvalue() == "hello\n"
