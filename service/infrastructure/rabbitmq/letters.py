"""Dead letters: what is in them, which of them are meant, and whether they may go back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from service.infrastructure.rabbitmq.topology import PARKED, topology

# A letter that was sent back so often and came again has to be looked at by a person.
MAX_REPLAYS: Final = 3

_DEAD: Final = ".dlq"
_REPLAYS: Final = "x-replay-count"
# What was noted on a letter, by us and by the broker; all else goes back with it.
_NOTES: Final = ("x-error-", "x-death", "x-first-death-", "x-last-death-")
_NOTED: Final = frozenset(
    {
        "x-acquired-count",
        "x-attempt",
        "x-attempts",
        "x-delivery-count",
        "x-failed-at",
        "x-original-queue",
        "x-parked-at",
        "x-replayable",
        _REPLAYS,
    }
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, as it lies in its queue."""

    message: AbstractIncomingMessage

    @property
    def id(self) -> str:
        """The message id; RabbitMQ's clients give one to each message."""
        return self.message.message_id or ""

    @property
    def code(self) -> str:
        """The kind of error."""
        return self._text("x-error-code")

    @property
    def reason(self) -> str:
        """The error."""
        return self._text("x-error-reason")

    @property
    def error_type(self) -> str:
        """The class of the error in the code."""
        return self._text("x-error-type")

    @property
    def origin(self) -> str:
        """The queue that it was sent to at first."""
        return self._text("x-original-queue")

    @property
    def failed_at(self) -> datetime | None:
        """When it was set aside."""
        try:
            moment = datetime.fromisoformat(self._text("x-failed-at"))
        except ValueError:
            return None
        return moment if moment.tzinfo else None

    @property
    def attempts(self) -> int:
        """How often it was tried before it was set aside."""
        return self._number("x-attempts") or 1

    @property
    def replays(self) -> int:
        """How often operators have sent it back already."""
        return self._number(_REPLAYS)

    @property
    def is_whole(self) -> bool:
        """Whether it holds everything that was asked."""
        return self.message.headers.get("x-replayable") is True

    def _text(self, name: str) -> str:
        value = self.message.headers.get(name)
        return value if isinstance(value, str) else ""

    def _number(self, name: str) -> int:
        value = self.message.headers.get(name)
        return value if isinstance(value, int) and value > 0 else 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant: those that are like everything that is set here."""

    reason: str | None = None
    code: str | None = None
    ids: frozenset[str] = frozenset()
    failed_before: datetime | None = None

    def of(self, letters: Iterable[Letter]) -> list[Letter]:
        """Return those of *letters* that are meant."""
        return [each for each in letters if self._means(each)]

    def _means(self, letter: Letter) -> bool:
        return (
            self.reason in (None, letter.reason)
            and self.code in (None, letter.code)
            and (not self.ids or letter.id in self.ids)
            and (self.failed_before is None or _is_before(letter.failed_at, self.failed_before))
        )


def _is_before(moment: datetime | None, other: datetime) -> bool:
    return moment is not None and moment < other


def origins() -> dict[str, frozenset[str]]:
    """Return, for each queue that holds letters, the queues that they may go back to."""
    names = [queue.name for queue in topology().queues if queue.name.endswith(_DEAD)]
    own = {name: frozenset({name.removesuffix(_DEAD)}) for name in names}
    return {**own, PARKED: frozenset().union(*own.values())}


def why_not(letter: Letter, allowed: frozenset[str], *, force: bool = False) -> str | None:
    """Return why *letter* may not go back to one of the queues *allowed*, or `None` if it may."""
    if letter.origin not in allowed:
        return "its header x-original-queue names another queue"
    if not letter.is_whole:
        return "what was asked is not kept"
    if letter.replays >= MAX_REPLAYS and not force:
        return f"replayed {MAX_REPLAYS} times or more already; --force does it again"
    return None


def replayed(letter: Letter, user: str) -> Message:
    """Return *letter* as it goes back: sent by *user*, and without what was noted on it."""
    headers = {
        name: value
        for name, value in letter.message.headers.items()
        if name not in _NOTED and not name.startswith(_NOTES)
    }
    return Message(
        letter.message.body,
        content_type=letter.message.content_type,
        correlation_id=letter.message.correlation_id,
        message_id=letter.message.message_id,
        user_id=user,
        headers={**headers, _REPLAYS: letter.replays + 1},
        delivery_mode=DeliveryMode.PERSISTENT,
    )


def parked(letter: Letter, now: datetime) -> Message:
    """Return *letter* as it is kept apart, with everything that was noted on it."""
    headers = {name: value for name, value in letter.message.headers.items() if name != "x-delivery-count"}
    return Message(
        letter.message.body,
        content_type=letter.message.content_type,
        correlation_id=letter.message.correlation_id,
        message_id=letter.message.message_id,
        app_id=letter.message.app_id,
        headers={**headers, "x-parked-at": now.isoformat(timespec="milliseconds")},
        delivery_mode=DeliveryMode.PERSISTENT,
    )
