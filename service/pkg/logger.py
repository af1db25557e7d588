"""Structured logs: one JSON object a line, on standard error."""

import logging
import sys
import time
from typing import Final

import structlog
from structlog.typing import Processor

# At DEBUG these log whole messages and commands, with the secrets in them.
_TALKATIVE: Final = ("aio_pika", "aiormq", "pymongo")
# When a connection breaks, these log each channel, each consumer and each message that went with it.
_EXCITED: Final = ("aio_pika", "aiormq", "profile.faststream")
_CALM_SECONDS: Final = 10.0
# What a message ends with whose channel is gone; the broker delivers it again.
_BROKEN: Final = ("CancelledError", "ChannelInvalidStateError")


class Calm(logging.Filter):
    """Lets libraries say the same thing once in a while, and call no broken connection an error.

    Connections are made again, and messages come again; whoever is to be woken hears it from our own lines.
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
        since, self._said[what] = self._said.get(what, -_CALM_SECONDS), time.monotonic()
        return self._said[what] - since >= _CALM_SECONDS


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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(Calm())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
