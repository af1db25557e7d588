"""Dead letters: what is in them, which of them are meant, and whether they may go back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage

from service.infrastructure.rabbitmq import headers
from service.infrastructure.rabbitmq.topology import DEAD_LETTERS, PARKED, topology
from service.pkg.message_fields import count_header, short_text, text_header, trace_header

# A letter that was sent back so often and came again has to be looked at by a person.
MAX_REPLAYS: Final = 3

# What is noted on a letter: texts, with the bytes that they may have, and numbers with their bounds. What
# else there may be is nobody's word, and the broker would obey some of it (`CC`, `BCC`).
_TEXTS: Final = {
    headers.ERROR_CODE: 255,
    headers.ERROR_REASON: 255,
    headers.ERROR_TYPE: 255,
    headers.FAILED_AT: 64,
    headers.ORIGINAL_QUEUE: 255,
}
_NUMBERS: Final = {headers.ATTEMPTS: 1_000_000, headers.REPLAY_COUNT: 1_000}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter, as it lies in its queue."""

    message: AbstractIncomingMessage

    @property
    def id(self) -> str:
        """The message id; RabbitMQ's clients give one to each message."""
        return self.message.message_id or ""

    @property
    def code(self) -> str:
        """The kind of error."""
        return self._text(headers.ERROR_CODE)

    @property
    def reason(self) -> str:
        """The error."""
        return self._text(headers.ERROR_REASON)

    @property
    def error_type(self) -> str:
        """The class of the error in the code."""
        return self._text(headers.ERROR_TYPE)

    @property
    def origin(self) -> str:
        """The queue that it was sent to at first."""
        return self._text(headers.ORIGINAL_QUEUE)

    @property
    def failed_at(self) -> datetime | None:
        """When it was dead-lettered."""
        try:
            moment = datetime.fromisoformat(self._text(headers.FAILED_AT))
        except ValueError:
            return None
        return moment if moment.tzinfo else None

    @property
    def attempts(self) -> int:
        """How often it was tried before it was dead-lettered."""
        return self._number(headers.ATTEMPTS) or 1

    @property
    def replays(self) -> int:
        """How often operators have sent it back already."""
        return self._number(headers.REPLAY_COUNT)

    @property
    def is_replayable(self) -> bool:
        """Whether it holds everything that was asked."""
        return self.message.headers.get(headers.REPLAYABLE) is True

    def _text(self, name: str) -> str:
        value = self.message.headers.get(name)
        return value if isinstance(value, str) else ""

    def _number(self, name: str) -> int:
        value = self.message.headers.get(name)
        return value if isinstance(value, int) and value > 0 else 0


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which letters are meant: those that are like everything that is set here."""

    reason: str | None = None
    code: str | None = None
    ids: frozenset[str] = frozenset()
    failed_before: datetime | None = None

    def of(self, letters: Iterable[DeadLetter]) -> list[DeadLetter]:
        """Return those of *letters* that are meant."""
        return [each for each in letters if self._means(each)]

    def _means(self, letter: DeadLetter) -> bool:
        return (
            self.reason in (None, letter.reason)
            and self.code in (None, letter.code)
            and (not self.ids or letter.id in self.ids)
            and (self.failed_before is None or _is_before(letter.failed_at, self.failed_before))
        )


def _is_before(moment: datetime | None, other: datetime) -> bool:
    return moment is not None and moment < other


def source_queues() -> dict[str, frozenset[str]]:
    """Return, for each queue that holds letters, the queues that they may go back to.

    Those of malformed requests, of all operations in one queue, go nowhere.
    """
    names = [queue.name for queue in topology().queues]
    own = {
        name: frozenset({name.removesuffix(DEAD_LETTERS)}).intersection(names)
        for name in names
        if name.endswith(DEAD_LETTERS)
    }
    return {**own, PARKED: frozenset().union(*own.values())}


def replay_blocker(letter: DeadLetter, allowed: frozenset[str], *, force: bool = False) -> str | None:
    """Return why *letter* may not go back to one of the queues *allowed*, or `None` if it may."""
    if not allowed:
        return "of a malformed request nothing is kept"
    if letter.origin not in allowed:
        return "its header x-original-queue names another queue"
    if not letter.is_replayable:
        return "what was asked is not kept"
    if letter.replays >= MAX_REPLAYS and not force:
        return f"replayed {MAX_REPLAYS} times or more already; --force does it again"
    return None


def replayed(letter: DeadLetter, user: str) -> Message:
    """Return *letter* as it goes back: sent by *user*, and without what was noted on it."""
    trace = trace_header(letter.message.headers)
    return _copy(letter, {**trace, headers.REPLAY_COUNT: letter.replays + 1}, user_id=user)


def parked(letter: DeadLetter, now: datetime) -> Message:
    """Return *letter* as it is kept apart, with everything that was noted on it."""
    said = letter.message.headers
    notes: dict[str, str | int] = {**trace_header(said), headers.REPLAYABLE: letter.is_replayable}
    for name, longest in _TEXTS.items():
        notes |= text_header(said, name, longest)
    for name, most in _NUMBERS.items():
        notes |= count_header(said, name, most)
    return _copy(letter, {**notes, headers.PARKED_AT: now.isoformat(timespec="milliseconds")})


def _copy(letter: DeadLetter, notes: Mapping[str, str | int], user_id: str | None = None) -> Message:
    message = letter.message
    return Message(
        message.body,
        content_type="application/json",
        correlation_id=short_text(message.correlation_id),
        message_id=short_text(message.message_id),
        app_id=None if user_id else "profile-service",
        user_id=user_id,
        headers=dict(notes),
        delivery_mode=DeliveryMode.PERSISTENT,
    )
