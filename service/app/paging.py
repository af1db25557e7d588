"""Lists in pages: a page ends where the next one begins, so rows that are added meanwhile shift nothing."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Final, Generic, Protocol, TypeVar

from service.domain.errors import Invalid

Item = TypeVar("Item")

# How much text a page holds at most. In JSON it is twice as long at worst, and with all else still less than
# a broker takes as one message (`max_message_size` in deploy/rabbitmq/rabbitmq.conf).
MAX_PAGE_BYTES: Final = 480 * 1024

# Returns at most so many items after a position, or from the start, in an order that never changes.
Reader = Callable[[str | None, int], Awaitable[Sequence[Item]]]


class CursorInvalid(Invalid):
    """A cursor was changed, or is that of another query."""

    reason = "cursor_invalid"
    message = "This cursor does not belong to this list: leave it out to begin again."
    field = "cursor"


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list.

    Attributes:
        next_cursor: Where the next page begins; `None` at the end.

    """

    items: Sequence[Item]
    next_cursor: str | None


class Cursors(Protocol):
    """Hides positions in lists from those who are given them, so that nobody relies on what is in there."""

    def encode(self, position: str, query: str) -> str:
        """Return a cursor at *position* that is good for *query* only."""

    def decode(self, cursor: str, query: str) -> str:
        """Return the position in *cursor*, or raise `CursorInvalid`."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list somebody wants to see.

    Attributes:
        limit: How many items at most.
        cursor: Where to begin, from the page before.

    """

    limit: int
    cursor: str | None = None


def canonical_query(operation: str, **filters: str | None) -> str:
    """Return the one spelling of a query. How much of it is read at a time makes it no other query."""
    return json.dumps([operation, filters], sort_keys=True, separators=(",", ":"))


async def read_page(
    cursors: Cursors,
    query: str,
    page_request: PageRequest,
    read: Reader[Item],
    position: Callable[[Item], str],
    *,
    size: Callable[[Item], int] = lambda _: 0,
) -> Page[Item]:
    """Return a page of what *read* finds.

    Args:
        cursors: Encodes and decodes cursors.
        query: The query, as `canonical_query`.
        page_request: Which part.
        read: Reads items.
        position: Tells where an item stands in the list.
        size: Tells how many bytes of text an item has, if it may have many. A page holds at least one item.

    Raises:
        CursorInvalid: The cursor is none of this query.

    """
    after = None if page_request.cursor is None else cursors.decode(page_request.cursor, query)
    # One more than was asked for tells whether there is a next page, without counting them all.
    found = await read(after, page_request.limit + 1)
    items = found[: page_request.limit]
    fitting = takewhile(lambda total: total <= MAX_PAGE_BYTES, accumulate(map(size, items)))
    items = items[: max(1, sum(1 for _ in fitting))]
    has_more = len(found) > len(items)
    return Page(items, cursors.encode(position(items[-1]), query) if has_more else None)
