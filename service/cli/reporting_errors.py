"""What went wrong, as a sentence."""

import logging
import re
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from aiormq.exceptions import InvalidFrameError
from pydantic import ValidationError
from pydantic_settings import SettingsError
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.markup import escape

from profile_contracts.errors import CallFailed, Disconnected, ErrorReply
from service.cli.exit_codes import exit_code_of
from service.cli.supervisor import NeedsRedis, TooFewPorts
from service.domain.errors import ServiceError
from service.infrastructure.mongo.health import NoReplicaSet
from service.infrastructure.rabbitmq.dead_letter_queues import DeadLetterError
from service.infrastructure.rabbitmq.event_history import NoEventHistory
from service.infrastructure.rabbitmq.management import ManagementRefused
from service.infrastructure.redis.errors import RedisUrlInvalid
from service.infrastructure.security.key_files import NoSigningKeys

# What they would say of a broker that is away, the sentence says.
for _name in ("aio_pika", "aiormq"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

_console: Final = Console(stderr=True, soft_wrap=True)
_STANDARD_OUTPUT: Final = 1
_EXPLAINED: Final = (
    AMQPError,
    CallFailed,
    ChannelInvalidStateError,
    DeadLetterError,
    ManagementRefused,
    NeedsRedis,
    NoEventHistory,
    NoReplicaSet,
    NoSigningKeys,
    OSError,
    PyMongoError,
    RedisUrlInvalid,
    ServiceError,
    SettingsError,
    TooFewPorts,
    ValidationError,
)


@contextmanager
def reporting_errors() -> Iterator[None]:
    """Turn what may go wrong into a sentence and an exit code."""
    try:
        yield
    except _EXPLAINED as error:
        if isinstance(error, BrokenPipeError) and not _is_read():
            raise  # which Typer knows: the end, without a word
        report_error(error)
        raise typer.Exit(exit_code_of(error)) from None


def _is_read() -> bool:
    """Return whether standard output is no pipe that its reader has left, such as `head`."""
    poll = select.poll()
    poll.register(_STANDARD_OUTPUT, 0)
    return not poll.poll(0)


def report_error(error: Exception) -> None:
    """Write on standard error what *error* means."""
    if isinstance(error, ValidationError):
        for each in error.errors(include_input=False, include_url=False):
            _console.print(f"[red]{'.'.join(map(str, each['loc'])).upper()}[/]: {escape(each['msg'])}")
    elif isinstance(error, ErrorReply):
        _console.print(f"[red]Not carried out[/]: {escape(str(error))}", highlight=False)
    else:
        _console.print(f"[red]Cannot run[/]: {escape(sentence_of(error))}", highlight=False)


def sentence_of(error: Exception) -> str:
    """Return what *error* means, if it is one of those that `reporting_errors` can explain."""
    if isinstance(error, Disconnected) and isinstance(error.__cause__, Exception):
        return sentence_of(error.__cause__)
    if isinstance(error, TimeoutError) and not str(error):  # as asyncio's own; other drivers say whose it is
        return "RabbitMQ does not answer in time."
    if isinstance(error, PyMongoError):  # what follows is the whole topology, once for each attempt
        return f"MongoDB: {re.split(r' .configured timeouts|, Timeout: ', str(error))[0]}"
    if isinstance(error, InvalidFrameError):  # aiormq does not hand on what RabbitMQ says
        return "RabbitMQ closed the connection: is there such a virtual host, and may this user use it?"
    if isinstance(error, ServiceError):
        return error.message
    return f"RabbitMQ: {error}" if isinstance(error, AMQPError | ChannelInvalidStateError) else str(error)
