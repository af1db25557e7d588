import pytest
from aio_pika.exceptions import AMQPConnectionError
from pymongo.errors import InvalidURI, ServerSelectionTimeoutError

from profile_contracts.errors import Disconnected, NoReply, Unroutable, to_exception
from profile_contracts.replies import ErrorBody, ErrorCode
from service.cli.exit_codes import MEANINGS, exit_code_of
from service.domain.errors import Unavailable
from service.domain.post import PostNotFound
from service.domain.profile import EmailTaken
from service.infrastructure.rabbitmq.event_history import NoEventHistory
from service.infrastructure.security.key_files import NoSigningKeys


def reply(code: ErrorCode) -> Exception:
    return to_exception(ErrorBody(code=code, reason="why", message="Because.", retryable=False))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (reply(ErrorCode.FORBIDDEN), 1),
        (reply(ErrorCode.UNAVAILABLE), 1),
        (EmailTaken(), 1),
        (OSError("no such file"), 2),
        (NoSigningKeys("keys"), 2),
        (NoEventHistory("none"), 2),
        (InvalidURI("no port"), 2),
        (NoReply("no reply"), 5),
        (Disconnected("it broke", sent=True), 5),
        (reply(ErrorCode.NOT_FOUND), 6),
        (PostNotFound(), 6),
        (Disconnected("it broke", sent=False), 7),
        (Unroutable("no queue"), 7),
        (AMQPConnectionError("away"), 7),
        (ConnectionRefusedError("away"), 7),
        (TimeoutError("silent"), 7),
        (ServerSelectionTimeoutError("away"), 7),
        (Unavailable(), 7),
    ],
)
def test_an_exit_code_tells_what_went_wrong(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code
    assert code in MEANINGS
