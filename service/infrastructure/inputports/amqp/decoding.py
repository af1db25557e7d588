"""Bytes into requests. Whatever is wrong with them ends here, as a refusal that quotes no value."""

import re
from typing import Any, Final, TypeVar

from pydantic import MISSING, SecretStr, ValidationError

from profile_contracts.events import Event, PostEvent, ProfileEvent
from profile_contracts.fields import MAX_BODY_BYTES, Request
from profile_contracts.replies import ErrorDetail
from service.domain.errors import Invalid

RequestT = TypeVar("RequestT", bound=Request)
Value = TypeVar("Value")

# application/json, application/problem+json, text/json …; what follows a semicolon does not matter.
_JSON: Final = re.compile(r"\s*[\w.+-]+/([\w.+-]+\+)?json\s*(;.*)?", re.IGNORECASE | re.DOTALL)
# Pydantic's names of errors, where a caller is better served by another.
_REASONS: Final = {
    "extra_forbidden": "unknown_field",
    "missing": "missing",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_short",
    "too_long": "too_long",
    "greater_than_equal": "too_small",
    "less_than_equal": "too_large",
    "enum": "not_allowed",
    "uuid_parsing": "not_a_uuid",
    "value_error": "not_allowed",
}
# A request of many unknown fields is not worth a large reply.
_MOST_DETAILS: Final = 16
# To write out what is wrong with thousands of fields takes longer than to answer many good requests.
_MOST_ERRORS: Final = 100
# An unknown name is repeated only if it looks like the name of a field, and not like a value.
_FIELD_NAME: Final = re.compile(r"[a-z][a-z_]{0,29}")
_EVENT: Final = Event[dict[str, Any]]


class Malformed(Invalid):
    """A message that no request can be read from."""

    reason = "malformed"
    message = "The message cannot be read as a request."

    def __init__(self, *details: ErrorDetail) -> None:
        super().__init__()
        self.details = details


class MessageTooLarge(Malformed):
    """The body is over the limit, and was dropped unread."""

    reason = "message_too_large"
    message = "The message is larger than 64 KiB."


class UnsupportedContentType(Malformed):
    """The property content_type names no kind of JSON."""

    reason = "unsupported_content_type"
    message = "The content type is not JSON."


class MalformedJson(Malformed):
    """The body cannot be parsed."""

    reason = "malformed_json"
    message = "The message is not JSON in UTF-8, or is nested too deep."


class MalformedRequest(Malformed):
    """The body does not fit the model of the operation."""

    reason = "malformed_request"
    message = "The message is JSON, but not the request that belongs on this queue."


def decode(model: type[RequestT], body: bytes, content_type: str | None) -> RequestT:
    """Return the request in *body*, or raise a `Malformed`.

    Args:
        model: What belongs on this queue.
        body: At most 64 KiB of JSON in UTF-8.
        content_type: Any JSON type, or none.

    """
    if len(body) > MAX_BODY_BYTES:
        raise MessageTooLarge
    if content_type and not _JSON.fullmatch(content_type):
        raise UnsupportedContentType
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _malformed(model, error) from None  # its text would be logged with the traceback


def decode_event(body: bytes) -> tuple[Event[dict[str, Any]], ProfileEvent | PostEvent]:
    """Return one of our events (CloudEvents 1.0, JSON Event Format), and its data.

    Raises:
        MalformedJson: It is no CloudEvent.
        MalformedRequest: It is about something else than a profile or a post.

    """
    try:
        event = _EVENT.model_validate_json(body)
    except ValidationError:
        raise MalformedJson from None
    kind = PostEvent if event.type.startswith("post.") else ProfileEvent
    try:
        return event, kind.model_validate(event.data)
    except ValidationError:
        raise MalformedRequest from None


def none_if_missing(value: Value | MISSING) -> Value | None:
    """Return the value of a field that callers may leave out, or `None` if it was left out."""
    return None if value is MISSING else value


def secret_or_none(value: SecretStr | MISSING) -> str | None:
    """Return the text of a secret that callers may leave out, or `None` if it was left out."""
    return None if value is MISSING else value.get_secret_value()


def _malformed(model: type[Request], error: ValidationError) -> Malformed:
    if error.error_count() > _MOST_ERRORS:
        return MalformedRequest()
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        return MalformedJson()
    # Each type that a value might have had says for itself that this is none.
    wrong = dict.fromkeys(
        (str(each["loc"][0]), _REASONS.get(each["type"], "wrong_type"))
        for each in errors[:_MOST_DETAILS]
        if each["loc"]
    )
    return MalformedRequest(
        *(ErrorDetail(field=_field(model, name), reason=reason) for name, reason in wrong)
    )


def _field(model: type[Request], name: str) -> str:
    """Return *name* as it may be repeated. Of a value within a field, it is that of the field."""
    return name if name in model.model_fields or _FIELD_NAME.fullmatch(name) else "?"
