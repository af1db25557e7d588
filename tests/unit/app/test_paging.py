from collections.abc import Sequence

import pytest

from service.app.paging import MAX_PAGE_BYTES, CursorInvalid, Cursors, PageRequest, canonical_query, read_page

QUERY = canonical_query("things.list", kind="odd")


class PlainCursors(Cursors):
    """Hides nothing, so that a test sees what is in there."""

    def encode(self, position: str, query: str) -> str:
        return f"{position}|{query}"

    def decode(self, cursor: str, query: str) -> str:
        position, _, of = cursor.partition("|")
        if of != query:
            raise CursorInvalid
        return position


class Things:
    """The letters of a word, in order."""

    def __init__(self, letters: str) -> None:
        self.letters = letters
        self.asked: list[tuple[str | None, int]] = []

    async def read(self, after: str | None, limit: int) -> Sequence[str]:
        self.asked.append((after, limit))
        return [each for each in self.letters if after is None or each > after][:limit]


async def pages(things: Things, limit: int) -> list[str]:
    """Return what is on each page."""
    found, cursor = [], None
    while True:
        page = await read_page(PlainCursors(), QUERY, PageRequest(limit, cursor), things.read, str)
        found.append("".join(page.items))
        if (cursor := page.next_cursor) is None:
            return found


@pytest.mark.parametrize(
    ("letters", "limit", "expected"),
    [
        ("", 1, [""]),
        ("a", 1, ["a"]),
        ("a", 100, ["a"]),
        ("ab", 1, ["a", "b"]),
        ("abcd", 2, ["ab", "cd"]),
        ("abcde", 2, ["ab", "cd", "e"]),
        ("abc", 3, ["abc"]),
        ("abc", 2, ["ab", "c"]),
    ],
)
async def test_every_thing_is_on_one_page_and_the_last_page_says_so(
    letters: str, limit: int, expected: list[str]
) -> None:
    assert await pages(Things(letters), limit) == expected


async def test_one_more_is_read_to_know_whether_there_is_more() -> None:
    things = Things("abcde")
    await pages(things, 2)

    assert things.asked == [(None, 3), ("b", 3), ("d", 3)]


async def test_a_page_goes_on_behind_its_own_last_thing_and_not_the_one_beyond() -> None:
    page = await read_page(PlainCursors(), QUERY, PageRequest(2), Things("abc").read, str)

    assert page.next_cursor == f"b|{QUERY}"


async def test_a_cursor_of_another_query_reads_nothing() -> None:
    things, foreign = Things("abc"), PlainCursors().encode("a", canonical_query("things.list", kind="even"))

    with pytest.raises(CursorInvalid):
        await read_page(PlainCursors(), QUERY, PageRequest(2, foreign), things.read, str)
    assert things.asked == []


async def test_an_empty_cursor_is_a_cursor() -> None:
    with pytest.raises(CursorInvalid):
        await read_page(PlainCursors(), QUERY, PageRequest(2, ""), Things("abc").read, str)


def test_a_query_has_one_description() -> None:
    assert (
        canonical_query("a", b="1", c=None)
        == canonical_query("a", c=None, b="1")
        == '["a",{"b":"1","c":null}]'
    )


def test_different_queries_have_different_descriptions() -> None:
    several = [
        canonical_query("a"),
        canonical_query("b"),
        canonical_query("a", b=None),
        canonical_query("a", b=""),
        canonical_query("a", b="null"),
        canonical_query("a", b="c"),
        canonical_query("a", c="b"),
        canonical_query("a", b='","c":"'),
        canonical_query("a", b="", c=""),
        canonical_query("a", b='c","d":"e'),
        canonical_query("a", b="c", d="e"),
        canonical_query("a", b="\u00e9"),
        canonical_query("a", b="\\u00e9"),
    ]

    assert len(set(several)) == len(several)


async def sized_pages(sizes: dict[str, int], limit: int) -> list[str]:
    """Return what is on each page of things that are so large."""
    things, found, cursor = Things("".join(sizes)), [], None
    while True:
        request = PageRequest(limit, cursor)
        page = await read_page(PlainCursors(), QUERY, request, things.read, str, size=sizes.__getitem__)
        found.append("".join(page.items))
        if (cursor := page.next_cursor) is None:
            return found


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([MAX_PAGE_BYTES], ["a"]),
        ([MAX_PAGE_BYTES + 1], ["a"]),
        ([1, MAX_PAGE_BYTES - 1], ["ab"]),
        ([1, MAX_PAGE_BYTES], ["a", "b"]),
        ([MAX_PAGE_BYTES, 1, 1], ["a", "bc"]),
        ([1, 1, 1, 1], ["abc", "d"]),
    ],
)
async def test_a_page_ends_before_it_is_too_large_and_has_one_thing_at_least(
    sizes: list[int], expected: list[str]
) -> None:
    assert await sized_pages(dict(zip("abcd", sizes, strict=False)), 3) == expected
