"""What no request may look like: one table, for the decoder alone and for a worker spoken to over AMQP.

The unit tests try everything on every operation. Over AMQP everything is tried on one operation of each kind
(`OF_EACH_KIND`), and something on every operation: the wire adds nothing to what the decoder does.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from profile_contracts.operations import OPERATIONS

# A query and a command: they wait in queues of different types.
OF_EACH_KIND: Final = ("profile.get", "profile.update")

_DEEP: Final = 10_000
NO_JSON: Final[dict[str, bytes]] = {
    "nothing": b"",
    "a blank": b" ",
    "a NUL": b"\x00",
    "bytes": b"\xff\xfe\x00\x80",
    "words": b"this is no JSON",
    "a part": b'{"id": "',
    "a brace": b"{",
    "two": b"{}{}",
    "no value": b'{"id": }',
    "single quotes": b"{'id': 1}",
    "broken UTF-8": b'{"id": "\xc3\x28"}',
    "no UTF-8": b'{"id": "\xff"}',
    "UTF-16": '{"id": "é"}'.encode("utf-16"),
    "Latin-1": '{"id": "é"}'.encode("latin-1"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a lone surrogate": rb'{"id": "\ud800"}',
    "a lone surrogate for a name": rb'{"\udfff": 1}',
    "a surrogate in bytes": b'{"id": "\xed\xa0\x80"}',
    "an escape of Python's": rb'{"id": "\x00"}',
    "a raw NUL": b'{"id": "\0"}',
    "deep arrays": b"[" * _DEEP,
    "deep arrays with an end": b"[" * _DEEP + b"]" * _DEEP,
    "deep objects": b'{"id":' * _DEEP,
    "deep objects with an end": b'{"id":' * 5_000 + b"1" + b"}" * 5_000,
    "a deep value": b'{"id":' + b"[" * _DEEP + b"]" * _DEEP + b"}",
}
NO_OBJECT: Final[dict[str, bytes]] = {
    "array": b'[{"id": 1}]',
    "empty array": b"[]",
    "string": b'"id"',
    "number": b"1",
    "fraction": b"1.5",
    "null": b"null",
    "true": b"true",
}

UNKNOWN_FIELDS: Final = (
    *("created_at", "updated_at", "deleted_at", "oid", "version"),
    *("hashed_password", "is_admin", "surprise"),
)
# Names that may be values, or worse.
UNREPEATABLE_FIELDS: Final = ("$where", "hunter2", "Ada Lovelace", "x" * 31, "", "é")

FIELDS: Final = [(each.queue, name) for each in OPERATIONS for name in each.request.model_fields]
# By name: the largest of the numbers that it takes, all of which are positive.
INTEGERS: Final = {"expected_version": 2**53 - 1, "limit": 100}
_ID_NAMES: Final = ("id", "user_id", "session_id")
BOOLEANS: Final = ("include_deleted",)
MAPS: Final = ("attributes",)
# For which null stands for nothing.
NULLABLE: Final = ("last_name",)
STRINGS: Final = [each for each in FIELDS if each[1] not in (*INTEGERS, *_ID_NAMES, *BOOLEANS, *MAPS)]
IDS: Final = [each for each in FIELDS if each[1] in _ID_NAMES]
NUMBERS: Final = [each for each in FIELDS if each[1] in INTEGERS]

_NO_STRING: Final[tuple[Any, ...]] = (0, -1, 1.5, True, [], [None], ["a"], {}, {"a": 1}, 10**400)
_NO_INTEGER: Final[tuple[Any, ...]] = ("1", "", 1.5, True, [], [None], [1], {}, {"a": 1})
_NO_BOOLEAN: Final[tuple[Any, ...]] = ("true", "", 0, 1, 1.5, [], [True], {}, {"a": 1})
_NO_MAP: Final[tuple[Any, ...]] = (
    *("", "a", 0, 1.5, True, [], [{}], {"": 1}, {"a b": 1}, {"a.b": 1}, {"x" * 65: 1}),
    *({"a": []}, {"a": {"b": 1}}, {"a": "\0"}, {"a": 2**53}, {"a": 10**400}, {"a": [None]}),
)
# What MongoDB would take for a query, and jsons of old would take for an object.
_OPERATORS: Final[tuple[Any, ...]] = (
    *({"$ne": None}, {"$gt": ""}, {"$where": "1"}, {"$oid": "0" * 24}),
    [{"$ne": None}],
)
NO_UUIDS: Final = (
    *("", "1", "0" * 24, "$ne", f"{UUID(int=1)}\0", f" {UUID(int=1)}", f"../{UUID(int=1)}"),
    "{00000000-0000-0000-0000-000000000001",
)


def of_wrong_type(name: str) -> tuple[Any, ...]:
    """Return values that a field of this *name* must not have."""
    kinds = {**dict.fromkeys(INTEGERS, _NO_INTEGER), **dict.fromkeys(BOOLEANS, _NO_BOOLEAN)}
    odd = (kinds | dict.fromkeys(MAPS, _NO_MAP)).get(name, _NO_STRING)
    return (*(() if name in NULLABLE else (None,)), *odd, *_OPERATORS)


def out_of_bounds(name: str) -> dict[int, str]:
    """Return numbers that a field of this *name* must not have, and why."""
    return {
        0: "too_small",
        -1: "too_small",
        INTEGERS[name] + 1: "too_large",
        10**400: "too_large",
    }


NO_JSON_TYPES: Final = (
    *("text/plain", "application/octet-stream", "application/xml", "application/x-python-pickle"),
    *(
        "application/jsonp",
        "application/jsonx",
        "application/json-seq",
        "application/xml; note=application/json",
    ),
    *("json", "nonsense", "é", " ", "\n"),
)
JSON_TYPES: Final = (
    *(None, "", "application/json", "APPLICATION/JSON", " application/json "),
    *(
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8;profile=x",
        "application/vnd.api+json",
    ),
    'application/problem+json; profile="x"',
)

# Values that no header of ours has.
ODD_VALUES: Final[dict[str, Any]] = {
    "int": 7,
    "float": 1.5,
    "bool": True,
    "bytes": bytearray(b"\xff\xfe"),
    "list": [1, "Bearer", {"a": [None]}],
    "table": {"Bearer": {"$ne": None}},
    "time": datetime(2020, 1, 1, tzinfo=UTC),
    "decimal": Decimal("1.5"),
    "empty": "",
    "words": "not what belongs here",
    "huge": "x" * 10_000,
}
# With these, a deadline and a count make sense.
NUMERIC: Final = (int, float, Decimal)
# By operation: what whoever sends it with a dead token hears, if the request is otherwise well-formed and
# about nothing that is there. Nothing: it is done all the same.
_DONE: Final = ("profile.create", "auth.verify", "auth.keys", "post.list")
_NO_TOKEN: Final = ("unauthenticated", "one_time_token_invalid")
HEARD_WITH_A_DEAD_TOKEN: Final[dict[str, tuple[str, str] | None]] = {
    **{each.queue: ("unauthenticated", "token_invalid") for each in OPERATIONS},
    **dict.fromkeys(_DONE),
    "auth.refresh": ("unauthenticated", "refresh_token_invalid"),
    "auth.login": ("unauthenticated", "invalid_credentials"),
    **dict.fromkeys(("auth.reset_password", "auth.verify_email"), _NO_TOKEN),
    "post.get": ("not_found", "post_not_found"),  # everybody may, so it does not matter who asks
}
# Whatever the time is.
PAST_DEADLINES: Final[tuple[Any, ...]] = (0, 1, -1, "0", "1", "1e3", "-inf", 1.5, 1_600_000_000_000)

# By field: what is heard of a NUL in it. Any other string is malformed with one.
NO_NUL: Final[dict[tuple[str, str], tuple[str, str]]] = {
    **dict.fromkeys(STRINGS, ("invalid", "malformed_request")),
    ("profile.create", "email"): ("invalid", "email_malformed"),
    ("profile.update", "email"): ("invalid", "email_malformed"),
    ("profile.create", "password"): ("invalid", "password_malformed"),
    ("auth.login", "email"): ("unauthenticated", "invalid_credentials"),
    ("auth.login", "password"): ("unauthenticated", "invalid_credentials"),
    ("auth.login", "device_token"): ("unauthenticated", "invalid_credentials"),  # a stranger
    ("auth.login", "refresh_token"): ("unauthenticated", "invalid_credentials"),  # which is looked at first
    # Who asks is not known, and hears no more than that.
    ("profile.update", "current_password"): ("unauthenticated", "missing_token"),
    ("profile.list", "cursor"): ("unauthenticated", "missing_token"),
    ("profile.export", "cursor"): ("unauthenticated", "missing_token"),
    ("profile.find", "email"): ("unauthenticated", "missing_token"),
    ("post.list", "cursor"): ("invalid", "cursor_invalid"),
    ("auth.change_password", "current_password"): ("unauthenticated", "missing_token"),
    ("auth.change_password", "new_password"): ("unauthenticated", "missing_token"),
    ("auth.start_reset", "email"): ("unauthenticated", "missing_token"),
    ("auth.reset_password", "token"): _NO_TOKEN,
    ("auth.reset_password", "new_password"): _NO_TOKEN,  # which is looked at first
    ("auth.verify_email", "token"): _NO_TOKEN,
    ("auth.login", "otp"): ("unauthenticated", "invalid_credentials"),
    ("auth.logout", "current_password"): ("unauthenticated", "missing_token"),
    ("auth.totp_enroll", "current_password"): ("unauthenticated", "missing_token"),
    ("auth.totp_confirm", "enrolment"): ("unauthenticated", "missing_token"),
    ("auth.totp_confirm", "otp"): ("unauthenticated", "missing_token"),
    ("auth.totp_remove", "current_password"): ("unauthenticated", "missing_token"),
    ("auth.refresh", "refresh_token"): ("unauthenticated", "refresh_token_invalid"),
}
# A token that is none is not active, and that is a good answer.
del NO_NUL["auth.verify", "token"]
