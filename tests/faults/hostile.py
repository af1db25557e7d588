"""Messages that are meant to do harm, or might: what a caller by mistake or in anger can send."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from profile_contracts.fields import MAX_BODY_BYTES
from tests.integration.gateway import REPLY_TO
from tests.integration.requests import a_request
from tests.integration.undecodable import UNDECODABLE

# What only a running broker and a running worker can give stands in for itself.
GONE: Final = "the direct reply-to of a caller that is gone"
FORGED: Final = "a genuine token, but for its signature"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of hostile message.

    Attributes:
        reason: Why it is refused; `None` if it is taken for a good request after all.
        is_dead: Whether a dead letter is left of it.
        body: What is sent, if that is not a good request.
        properties: What is sent with it.

    """

    reason: str | None
    is_dead: bool = False
    body: bytes | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_answered(self) -> bool:
        """Whether its sender can hear a reply."""
        return bool(self.properties.get("reply_to", REPLY_TO) == REPLY_TO)


def _malformed(body: bytes, reason: str = "malformed_request") -> Kind:
    return Kind(reason, body=body)


def _of_type(content_type: str) -> Kind:
    return Kind("unsupported_content_type", properties={"content_type": content_type})


def _with(headers: Mapping[str, object], reason: str | None = None, *, is_dead: bool = False) -> Kind:
    return Kind(reason, is_dead, properties={"headers": headers})


def _bearer(token: str) -> Kind:
    return _with({"authorization": f"Bearer {token}"}, "token_invalid")


def _replying_to(reply_to: str, reason: str | None = None) -> Kind:
    return Kind(reason, is_dead=reason is not None, properties={"reply_to": reply_to})


def _fields(many: int) -> bytes:
    return json.dumps({f"f{number}": 0 for number in range(many)}).encode()


_DEATH: Final = {"count": 9**9, "queue": "profile.get", "reason": "delivery_limit"}
# Those of the undecodable properties that are refused; all others do not matter.
_REFUSED: Final = {
    "content_type": Kind("unsupported_content_type"),
    "header": Kind("token_invalid"),
}

KINDS: Final[dict[str, Kind]] = {
    "no JSON": _malformed(b"this is no JSON", "malformed_json"),
    "bytes": _malformed(b"\xff\xfe\x00\x80" * 100, "malformed_json"),
    "deep arrays": _malformed(b"[" * 10_000, "malformed_json"),
    "deep objects": _malformed(b'{"id":' * 10_000, "malformed_json"),
    "no object": _malformed(b'[{"id": 1}]'),
    "another request": _malformed(json.dumps(a_request("auth.login")).encode()),
    "a NUL": _malformed(b'{"id": "a\\u0000b", "last_name": "Ada\\u0000"}'),
    "an unknown field": _malformed(json.dumps(a_request("profile.get", surprise=1)).encode()),
    "many unknown fields": _malformed(_fields(5_000)),
    "many equal fields": _malformed(b"{" + b'"id":1,' * 9_000 + b'"id":1}'),
    "a huge number": _malformed(b'{"id": ' + b"9" * 60_000 + b"}", "malformed_json"),
    "a huge string": _malformed(b'{"id": "' + b"x" * 60_000 + b'"}'),
    "65 KiB": _malformed(b"{}".ljust(65 * 1024), "message_too_large"),
    "a megabyte": _malformed(b"{}".ljust(16 * MAX_BODY_BYTES), "message_too_large"),
    "text": _of_type("text/plain"),
    "a content type of all there is": _of_type("application/" + "+" * 240),
    "odd headers": _with({"authorization": [1, {"a": [None]}], "x-deadline": {"$gt": ""}}, "token_invalid"),
    "a token that is none": _bearer("none"),
    "a token that never ends": _bearer("a." * 50_000),
    "a forged token": _bearer(FORGED),
    "a deadline that is over": _with({"x-deadline": 1}, "out_of_time"),
    "a deadline of digits": _with({"x-deadline": "9" * 10_000}),
    "headers without end": _with({f"x-{number}": True for number in range(1_000)}),
    "forged deaths": _with({"x-death": [_DEATH] * 100, "x-attempt": 99}),
    "forged deliveries": _with({"x-delivery-count": 99}),
    "a forged sender": Kind(
        "missing_token",
        properties={"user_id": None, "headers": {"x-sender": "gateway", "x-sender-mac": "0" * 32}},
    ),
    "a reply to an exchange": _replying_to("x|no_such_exchange", "reply_to_refused"),
    "a reply to a queue of the service": _replying_to("profile.delete", "reply_to_refused"),
    "a reply to dead letters": _replying_to("profile.get.dlq", "reply_to_refused"),
    "a reply to a queue that is not there": _replying_to("amq.gen-nobody"),
    "a reply to a caller that is gone": _replying_to(GONE),
    **{
        f"undecodable: {name}": replace(_REFUSED.get(name, Kind(None)), properties=properties)
        for name, properties in UNDECODABLE.items()
    },
}
