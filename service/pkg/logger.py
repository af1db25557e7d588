"""Structured logs: one JSON object a line, on standard error."""

import atexit
import logging
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Final, TextIO

import structlog
from structlog.typing import Processor

# At DEBUG these log whole messages and commands, with the secrets in them.
NOISY_LOGGERS: Final = ("aio_pika", "aiormq", "pymongo")
# When a connection breaks, these log each channel, each consumer and each message that went with it.
_EXCITED: Final = ("aio_pika", "aiormq", "profile.faststream")
_CALM_SECONDS: Final = 10.0
# What a message ends with whose channel is gone; the broker delivers it again.
_BROKEN: Final = ("CancelledError", "ChannelInvalidStateError")


class Calm(logging.Filter):
    """Lets libraries say the same thing once in a while, and call no broken connection an error.

    Connections are made again, and messages come again; whoever is to be woken reads it in our own lines.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, object], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log *record*, which may be lowered to a warning."""
        if record.levelno < logging.WARNING or not record.name.startswith(_EXCITED):
            return True
        kind = record.exc_info[0] if record.exc_info else None
        if record.name.startswith("profile.") and (kind is None or kind.__name__ not in _BROKEN):
            return True  # of our own subscribers: each one counts
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        what = (record.name, kind or record.msg)
        now = time.monotonic()
        if now - self._said.get(what, -_CALM_SECONDS) < _CALM_SECONDS:
            return False
        self._said[what] = now
        return True


# So many lines wait for whoever reads them; what comes then is dropped, and counted.
MAX_WAITING: Final = 10_000
# Lines that come within so many seconds are written together: to wake a thread for each one cost a request
# more than all that is done to log it. What is a warning or worse is written at once.
_JOINING_SECONDS: Final = 0.005
# How long the end of the process waits for somebody to read the last lines.
_LAST_SECONDS: Final = 1.0


class PatientHandler(logging.Handler):
    """Writes to *stream* from a thread of its own: if nobody reads what was written, only that one waits.

    Attributes:
        dropped: How many lines were dropped since the last that was written.

    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._is_idle = False
        self._is_urgent = False
        self.dropped = 0
        threading.Thread(target=self._write_all, name="logging", daemon=True).start()
        atexit.register(self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        """Let *record* be written soon."""
        line = self.format(record)
        with self._changed:
            if len(self._lines) >= MAX_WAITING:
                self.dropped += 1
                return
            self._lines.append(line)
            self._is_urgent |= record.levelno >= logging.WARNING
            if self._is_idle or self._is_urgent:
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all lines are written, but not for long."""
        with self._changed:
            self._is_urgent = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_idle and not self._lines, _LAST_SECONDS)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._is_idle = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._lines)
                self._is_idle = False
                self._changed.wait_for(lambda: self._is_urgent, _JOINING_SECONDS)
                lines, self._lines = self._lines, []
                dropped, self.dropped = self.dropped, 0
                self._is_urgent = False
            if not self._write(lines, dropped):
                with self._changed:
                    self.dropped += dropped + len(lines)

    def _write(self, lines: Sequence[str], dropped: int) -> bool:
        """Write *lines*, and how many were dropped before them; return whether that could be done."""
        lost = f'{{"event": "log lines dropped", "level": "error", "count": {dropped}}}\n' if dropped else ""
        try:
            self._stream.write("".join([lost, *(f"{line}\n" for line in lines)]))
            self._stream.flush()
        except (OSError, ValueError):  # nobody will ever read it
            return False
        return True


def configure_logging(level: str) -> None:
    """Send every log line of the process, libraries' included, to standard error as JSON."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # show_locals=False: the variables of a failing frame are where passwords are.
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = PatientHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(Calm())
    _leave_out_what_is_not_shown()
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _leave_out_what_is_not_shown() -> None:
    """Do not look for the calling line, the thread and the process of each line (HOWTO, "Optimization")."""
    logging._srcfile = None  # noqa: SLF001 - as the HOWTO has it
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False


def what_and_where(error: BaseException) -> dict[str, object]:
    """Return what may be logged of an unforeseen *error*: not its text, which might quote data."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error_type": type(error).__name__, "frames": where}
