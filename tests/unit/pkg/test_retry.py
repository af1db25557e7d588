import pytest
import structlog

from service.pkg import retry
from service.pkg.retry import TransientErrors, retry_until

AWAY = TransientErrors((OSError,), permanent=(PermissionError,))


class Server:
    """Comes up after some attempts."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.attempts = 0

    async def reach(self) -> None:
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be no pauses."""
    monkeypatch.setattr(retry, "_FIRST_PAUSE_SECONDS", 0.0)


async def test_it_is_tried_until_it_works() -> None:
    server = Server(ConnectionRefusedError(), TimeoutError())
    with structlog.testing.capture_logs() as entries:
        await retry_until(60, server.reach, AWAY)

    assert server.attempts == 3
    assert [each["error_type"] for each in entries] == ["ConnectionRefusedError", "TimeoutError"]


@pytest.mark.parametrize("error", [PermissionError(), ValueError()])
async def test_what_does_not_pass_is_raised_at_once(error: Exception) -> None:
    server = Server(error)
    with pytest.raises(type(error)):
        await retry_until(60, server.reach, AWAY)

    assert server.attempts == 1


async def test_when_the_time_is_over_the_error_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_PAUSE_SECONDS", 1.0)
    server = Server(ConnectionRefusedError())
    with pytest.raises(ConnectionRefusedError):
        await retry_until(0, server.reach, AWAY)

    assert server.attempts == 1
