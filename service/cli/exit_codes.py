"""How commands end, so that scripts can tell. `worker` has codes of its own: see `docs/howto/operate.md`."""

import socket
from typing import Final

from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from pymongo.errors import ConfigurationError, PyMongoError

from profile_contracts import errors as wire
from profile_contracts.replies import ErrorCode
from service.domain.errors import NotFound, ServiceError, Unavailable
from service.infrastructure.rabbitmq.management import ManagementRefused

DONE: Final = 0
REFUSED: Final = 1
MISUSED: Final = 2
NO_ANSWER: Final = 5
NOT_FOUND: Final = 6
SERVER_DOWN: Final = 7

MEANINGS: Final = {
    DONE: "Done.",
    REFUSED: "The service refuses it; or, of what only looks: something is not as it should be.",
    MISUSED: "Wrong usage or wrong settings; or it is not known how things stand.",
    NO_ANSWER: "No answer came in time: whether the request was carried out is not known.",
    NOT_FOUND: "There is no such profile or post.",
    SERVER_DOWN: "A server is not there, or lets nobody in.",
}

_DOWN: Final = (
    AMQPError,
    ChannelInvalidStateError,
    ConnectionError,
    ManagementRefused,
    PyMongoError,
    TimeoutError,
    Unavailable,
    socket.gaierror,
    wire.Disconnected,
    wire.Unroutable,
)
_UNKNOWN: Final = (wire.NoReply, wire.UnreadableReply)


def exit_code_of(error: Exception) -> int:
    """Return how a command ends that has met with *error*, one that it can explain."""
    if isinstance(error, wire.ErrorReply):
        return exit_code_of_reply(error.error.code)
    if isinstance(error, _UNKNOWN) or (isinstance(error, wire.Disconnected) and error.sent):
        return NO_ANSWER
    if isinstance(error, NotFound):
        return NOT_FOUND
    if isinstance(error, ConfigurationError):  # the address of MongoDB is none
        return MISUSED
    if isinstance(error, _DOWN):
        return SERVER_DOWN
    return REFUSED if isinstance(error, ServiceError) else MISUSED


def exit_code_of_reply(code: str) -> int:
    """Return how a command ends whose request was answered with the error *code*."""
    return NOT_FOUND if code == ErrorCode.NOT_FOUND else REFUSED
