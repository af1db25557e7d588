"""The kinds of value that messages are made of, with their bounds."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, Generic, TypeVar
from uuid import UUID

from pydantic import (
    MISSING,
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from profile_contracts.characters import can_be_seen, is_piled_up, is_plain

MAX_BODY_BYTES: Final = 64 * 1024
# RFC 5321, 4.5.3.1.3: a path is at most 256 octets, its two angle brackets included.
MAX_EMAIL_LENGTH: Final = 254
# Longer than any password that can be taken: the service decides, and says `password_too_long`.
MAX_SECRET_LENGTH: Final = 1024
# In code points. A body of 64 KiB holds fewer of those that take more than three bytes each.
MAX_TEXT_LENGTH: Final = 20_000

# Every control character (Unicode category Cc), and each but line feed and tab.
_CONTROLS: Final = r"\u0000-\u001f\u007f-\u009f"
_UNREADABLES: Final = r"\u0000-\u0008\u000b-\u001f\u007f-\u009f"
_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
_UNREADABLE: Final = re.compile(f"[{_UNREADABLES}]")
# What a JSON Schema can say of that; expressions that mean the same in ECMAScript and in Python.
_NO_CONTROL: Final = {"pattern": f"^[^{_CONTROLS}]*$"}
_READABLE: Final = {"pattern": f"^[^{_UNREADABLES}]*$"}
_READABLE_LINES: Final = {"pattern": f"^([^{_UNREADABLES}]|\\r\\n)*$"}
# Not `format: email`, which takes no host without a dot and no letter beyond ASCII.
_ONE_AT: Final = {"pattern": f"^[^@ {_CONTROLS}]+@[^@ {_CONTROLS}]+$"}
# NFC makes one character of four at most (UAX #15, table "Maximum Expansion Factors").
_MOST_FOR_ONE: Final = 4
MAX_PAGE_SIZE: Final = 100
DEFAULT_PAGE_SIZE: Final = 20


class Request(BaseModel):
    """What a caller sends. Unknown fields and loosely typed values are refused."""

    # hide_input_in_errors: the text of a ValidationError would quote passwords.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Result(BaseModel):
    """What a caller gets. Later versions may add fields, so readers ignore those they do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


Item = TypeVar("Item")


class Page(Result, Generic[Item]):
    """A part of a list."""

    items: tuple[Item, ...]
    next_cursor: Annotated[
        str | None, Field(description="Where the next page begins. Null at the end of the list.")
    ]


def _tidy(most: int) -> BeforeValidator:
    """Trim a string and compose its characters (Unicode NFC); leave anything else to the type check.

    What cannot have *most* characters after that, or piles up marks, is refused before: to put many marks in
    order takes time that grows with the square of their number.
    """

    def tidy(value: object) -> object:
        if not isinstance(value, str):
            return value
        trimmed = value.strip()
        if len(trimmed) > most * _MOST_FOR_ONE:
            raise PydanticCustomError("string_too_long", "is too long")
        if trimmed.isascii():
            return trimmed
        if is_piled_up(trimmed):
            msg = "must not have more than 30 marks on one character"
            raise ValueError(msg)
        return unicodedata.normalize("NFC", trimmed).strip()

    return BeforeValidator(tidy)


def _plain(value: str) -> str:
    if not is_plain(value):
        msg = "must not contain characters that are invisible or change the direction of others"
        raise ValueError(msg)
    return _seen(value)


def _seen(value: str) -> str:
    if not can_be_seen(value):
        msg = "must have something to see"
        raise ValueError(msg)
    return value


def _printable(value: str) -> str:
    if _CONTROL.search(value):
        msg = "must not contain control characters"
        raise ValueError(msg)
    return value


def _lines(value: object) -> object:
    """Let each line end with a line feed alone: browsers send forms with a carriage return before it."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _readable(value: str) -> str:
    if _UNREADABLE.search(value):
        msg = "must not contain control characters other than line feeds and tabs"
        raise ValueError(msg)
    return value


def _last_page(value: object, info: ValidationInfo) -> object:
    """Take the `next_cursor` of a last page from callers in Python; on the wire no field is null."""
    return MISSING if value is None and info.mode == "python" else value


def rfc3339(moment: datetime) -> str:
    """Return *moment* as it is written on the wire: UTC, in milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


AttributeName = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
AttributeValue = (
    Annotated[str, Field(max_length=4096, json_schema_extra=_READABLE), AfterValidator(_readable)]
    | Annotated[int, Field(ge=1 - 2**53, le=2**53 - 1)]
    # Bounded as well, or a whole number out of bounds would be taken for one that is near it.
    | Annotated[float, Field(ge=1 - 2**53, le=2**53 - 1, allow_inf_nan=False)]
    | bool
)
Name = Annotated[
    str,
    _tidy(100),
    Field(min_length=1, max_length=100, json_schema_extra=_NO_CONTROL),
    AfterValidator(_plain),
]
Title = Annotated[
    str,
    _tidy(200),
    Field(min_length=1, max_length=200, json_schema_extra=_NO_CONTROL),
    AfterValidator(_plain),
]
Text = Annotated[
    str,
    _tidy(MAX_TEXT_LENGTH),
    BeforeValidator(_lines),
    Field(
        min_length=1,
        max_length=MAX_TEXT_LENGTH,
        description="Line feeds and tabs are the only control characters; a request has at most 64 KiB.",
        json_schema_extra=_READABLE_LINES,
    ),
    AfterValidator(_readable),
    AfterValidator(_seen),
]
Email = Annotated[
    str,
    _tidy(MAX_EMAIL_LENGTH),
    Field(min_length=3, max_length=MAX_EMAIL_LENGTH, json_schema_extra=_ONE_AT),
]
# Whoever turns a request into JSON is about to send it: only then is the secret written out.
AnySecret = Annotated[
    SecretStr, PlainSerializer(SecretStr.get_secret_value, return_type=str, when_used="json")
]
Secret = Annotated[AnySecret, Field(min_length=1, max_length=MAX_SECRET_LENGTH)]
NewPassword = Annotated[
    Secret,
    Field(description="8 characters to 72 bytes of UTF-8 after NFKC, without NUL; to 1024 with argon2id."),
]
# Not strict, so that callers in Python may give its text, as JSON has it anyway.
Id = Annotated[
    UUID, Field(strict=False, description="A UUID, version 7 when made by this service (RFC 9562).")
]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE, description="How many at most.")]
Cursor = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        description="`next_cursor` of the page before, with the same filters.",
    ),
]
# What `cursor` of a request may be: for the first page None, too, so that a loop needs no case of its own.
if TYPE_CHECKING:
    NextCursor = str | None
else:
    NextCursor = Annotated[Cursor | MISSING, BeforeValidator(_last_page)]
EmailPrefix = Annotated[
    str,
    _tidy(MAX_EMAIL_LENGTH),
    Field(
        min_length=1,
        max_length=MAX_EMAIL_LENGTH,
        description="How the address begins, in whatever spelling. The list is then in alphabetical order.",
        json_schema_extra=_NO_CONTROL,
    ),
    AfterValidator(_printable),
]
ObjectId = Annotated[str, Field(pattern="^[0-9a-f]{24}$", description="MongoDB's ObjectId.")]
Version = Annotated[
    int, Field(ge=1, le=2**53 - 1, description="1 at first, then 1 more with each applied change.")
]
Timestamp = Annotated[
    AwareDatetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    Field(description="RFC 3339, UTC, milliseconds.", json_schema_extra={"format": "date-time"}),
]
