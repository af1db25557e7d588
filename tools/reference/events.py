"""The page of events."""

from typing import Final

from pydantic.fields import FieldInfo

from asyncapi.tables import table
from profile_contracts.events import EVENTS, Event, EventType
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from tools.reference.markdown import blocks, code, items, paragraph
from tools.reference.schemas import about, fields

_INTRODUCTION: Final = """
What has happened is published on the topic exchange `profile.events`, as CloudEvents 1.0 in JSON. The
routing key is the type of the event. Bind a queue of your own to it: by `#` for everything, by `profile.*`,
or by one type.
""".strip()
_PROMISES: Final = (
    (
        "An event is published at least once. One that comes twice has the same `id`: remember "
        "the last ones you handled."
    ),
    (
        "Events about one profile, post or session come in the order in which it changed. "
        "Between two of them there is none."
    ),
    (
        "Events hold ids, the `version` and the names of changed fields, and nothing personal. "
        "Ask for what you need."
    ),
    (
        "An event goes to the queues that are bound at that moment. For those that come later, those about "
        "profiles and posts are kept where there is an event history."
    ),
    (
        "`auth.session_revoked` without `session_ids` means all sessions of the user that were opened before "
        "`revoked_before`, but for `spared_session_id`, if there is one: that of the user who has just "
        "changed the password."
    ),
    (
        "Only `auth.keys_rotated` can get lost, because keys are files. "
        "Whoever meets an unknown `kid` asks `auth.keys`."
    ),
)
# The members of the envelope that the code leaves without words.
_PLAIN: Final = {
    "type": "The type of the event, which is also its routing key.",
    "time": "When it happened (RFC 3339, UTC, milliseconds).",
    "data": "What is listed below.",
}


def page() -> str:
    """Return the page."""
    return blocks(
        "# Events",
        paragraph(_INTRODUCTION),
        table(("event", "what has happened"), ((f"`{each.name}`", each.summary) for each in EVENTS)),
        "## What you can rely on",
        items(_PROMISES),
        "## Who may have a queue",
        paragraph(_rights()),
        "## The envelope",
        items(f"`{name}`: {_member(name, field)}" for name, field in Event.model_fields.items()),
        *map(_section, EVENTS),
    )


def _member(name: str, field: FieldInfo) -> str:
    return field.description or _PLAIN.get(name) or f"always `{field.default}`."


def _rights() -> str:
    """Return what the file of definitions lets callers name."""
    given = {each["user"]: each["configure"] for each in definitions(topology())["permissions"]}
    pattern = given["gateway"]
    return f"The broker user `gateway` of the definitions file may make queues whose names match `{pattern}`."


def _section(event: EventType) -> str:
    return blocks(
        f"## {event.name}",
        paragraph(f"{event.summary} {about(event.data)}"),
        fields(event.data),
        code(dict(event.example)),
    )
