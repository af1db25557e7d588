"""Which characters text may hold, so that what is kept is what people see.

The rules are those of PRECIS' FreeformClass (RFC 8264, 4.3), which refuses what is invisible or turns the
direction of the text around it. Letters that real names need are taken beyond that: a variation selector
after a character that it can vary, and a joiner inside an emoji or a word that is written with it.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import Final

# Unicode's Default_Ignorable_Code_Point (RFC 8264, 9.13), and two that are blank without being ignorable.
_IGNORABLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSEEN: Final = re.compile(f"[{_IGNORABLE}\u2800\U0001d159]")
_SELECTOR: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_NON_JOINER, _JOINER, _EMOJI_STYLE = "\u200c", "\u200d", "\ufe0f"
# Controls, formats, surrogates, private use, and the ends of lines and paragraphs. Letters of a newer Unicode
# than ours are taken: they are names, too.
_UNREADABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# The last two of each plane, and 32 more (Unicode 15, 23.7).
_LAST: Final = "".join(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
_NONCHARACTER: Final = re.compile(f"[\ufdd0-\ufdef{_LAST}]")
_VIRAMA: Final = 9  # a combining class (RFC 5892, A.1 and A.2)
_MOST_MARKS: Final = 30  # UAX #15, "Stream-Safe Text Format"
# Marks are in here, and little else: most text has no run of these that is worth a closer look.
_PERHAPS_MARKS: Final = re.compile(rf"[^\w\x00-\x7f]{{{_MOST_MARKS + 1},}}")


def is_piled_up(text: str) -> bool:
    """Return whether a letter of *text* has more than 30 marks, which cover what is around it."""
    return any(
        is_mark and len(list(run)) > _MOST_MARKS
        for found in _PERHAPS_MARKS.finditer(text)
        for is_mark, run in groupby(found[0], _is_mark)
    )


def can_be_seen(text: str) -> bool:
    """Return whether *text* has a letter, digit, sign or symbol at all."""
    return any(unicodedata.category(each)[0] not in "CMZ" and not _UNSEEN.match(each) for each in text)


def is_plain(text: str) -> bool:
    """Return whether all of *text* can be seen, and none of it changes how the rest is shown."""
    return (text.isascii() and text.isprintable()) or all(_fits(*each) for each in _with_neighbours(text))


def _with_neighbours(text: str) -> Iterator[tuple[str, str, str]]:
    return zip(" " + text, text, text[1:] + " ", strict=False)


def _fits(before: str, letter: str, after: str) -> bool:
    if _SELECTOR.match(letter):
        return can_be_seen(before)
    if letter in (_NON_JOINER, _JOINER):
        return _joins(before, letter, after)
    is_hidden = _UNSEEN.match(letter) or _NONCHARACTER.match(letter)
    return not is_hidden and unicodedata.category(letter) not in _UNREADABLE


def _joins(before: str, letter: str, after: str) -> bool:
    """Return whether a joiner stands where it changes what is seen."""
    if unicodedata.combining(before) == _VIRAMA:
        return True
    if letter == _JOINER:  # 1F469 200D 1F4BB, a woman at a computer
        return (_is_symbol(before) or before == _EMOJI_STYLE) and _is_symbol(after)
    return all(unicodedata.bidirectional(each) in ("AL", "NSM") for each in (before, after))


def _is_symbol(letter: str) -> bool:
    return unicodedata.category(letter) in ("So", "Sk")


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")
