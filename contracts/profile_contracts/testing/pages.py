"""Lists, page by page."""

import json
import operator
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import TypeVar

from profile_contracts.posts import ListPosts
from profile_contracts.profiles import ExportProfile, ListProfiles
from profile_contracts.testing.refusals import refused

Item = TypeVar("Item")


def page(
    request: ListPosts | ListProfiles | ExportProfile,
    items: Iterable[Item],
    position: Callable[[Item], str],
    *,
    descending: bool,
) -> tuple[tuple[Item, ...], str | None]:
    """Return the page of *items* that was asked for, and the cursor of the next one.

    Args:
        request: How many, and from where.
        items: All that the filters of *request* let through.
        position: Tells where an item stands in the list.
        descending: Whether the largest position comes first.

    """
    query = request.model_dump_json(exclude={"cursor", "limit"})
    ordered = sorted(items, key=position, reverse=descending)
    if isinstance(request.cursor, str):
        after = _decoded(request.cursor, query)
        comes_after = operator.lt if descending else operator.gt
        ordered = [each for each in ordered if comes_after(position(each), after)]
    found = tuple(ordered[: request.limit])
    has_more = len(ordered) > len(found)
    return found, _encoded(position(found[-1]), query) if has_more else None


def _encoded(position: str, query: str) -> str:
    return urlsafe_b64encode(json.dumps([position, query]).encode()).decode()


def _decoded(cursor: str, query: str) -> str:
    """Return the position in *cursor*, or raise `Invalid` if it is none of *query*."""
    try:
        position, of_query = json.loads(urlsafe_b64decode(cursor))
    except ValueError:
        raise refused("cursor_invalid", field="cursor") from None
    if of_query != query:
        raise refused("cursor_invalid", field="cursor")
    return str(position)
