"""The JSON Schemas of the contract, as pydantic tells them, under names that code generators can use."""

from typing import Any, Final, Literal

from pydantic import MISSING, BaseModel, Field, TypeAdapter, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue

from profile_contracts.events import EVENTS, Event, EventType
from profile_contracts.operations import OPERATIONS, Operation
from profile_contracts.replies import Failure, Success

SCHEMAS: Final = "#/components/schemas/"


def schemas() -> dict[str, Any]:
    """Return every schema of the wire by name, in alphabetical order."""
    inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((each.queue, "validation", TypeAdapter(each.request)) for each in OPERATIONS),
        *((each.queue, "serialization", TypeAdapter(_reply(each))) for each in OPERATIONS),
        ("failure", "serialization", TypeAdapter(Failure)),
        *((each.name, "serialization", TypeAdapter(envelope(each))) for each in EVENTS),
    ]
    _, found = TypeAdapter.json_schemas(
        inputs, ref_template=SCHEMAS + "{model}", schema_generator=_WireSchema
    )
    return {name: _draft_7(schema, name) for name, schema in sorted(found["$defs"].items())}


def reply_name(operation: Operation[Any, Any]) -> str:
    """Return the name of the schema, and of the message, that answers *operation*."""
    return f"{pascal(operation.queue)}Reply"


def event_name(event: EventType) -> str:
    """Return the name of the schema, and of the message, of *event*."""
    return f"{pascal(event.name)}Event"


def envelope(event: EventType) -> type[BaseModel]:
    """Return the CloudEvent of *event*, with its type and its data."""
    kind: Any = Literal[event.name]
    return create_model(
        event_name(event),
        __base__=Event,
        __doc__=event.summary,
        type=(kind, Field(description="What has happened; the routing key is the same.")),
        data=(event.data, ...),
    )


def pascal(name: str) -> str:
    """Return a name of the wire as one identifier: `auth.change_password` is `AuthChangePassword`."""
    return "".join(word.capitalize() for word in name.replace(".", "_").split("_"))


def _reply(operation: Operation[Any, Any]) -> type[BaseModel]:
    """Return `Success[...]` of *operation* under a name of its own, for that of pydantic holds brackets."""
    result: Any = operation.results[0]
    for other in operation.results[1:]:
        result |= other
    return create_model(
        reply_name(operation),
        __base__=Success,
        __doc__=f"The reply to a request on `{operation.queue}` that was carried out.",
        result=(result, ...),
    )


class _WireSchema(GenerateJsonSchema):
    """What differs from pydantic's habit."""

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ANN401, FBT001 - as pydantic has it
        """Promise to readers all but what may be null: that may be left out."""
        required = super().field_is_required(field, total)
        if self.mode == "validation" or required:
            return required
        return field["schema"].get("default") not in {None, MISSING}

    def default_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ANN401 - as pydantic has it
        """Name defaults to those who may leave a field out. To readers of a reply they mean nothing."""
        if self.mode == "validation":
            return super().default_schema(schema)
        return self.generate_inner(schema["schema"])

    def literal_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ANN401 - as pydantic has it
        """Wrap what is always true: of a bare `const: true`, Modelina makes a class that does not compile."""
        found = super().literal_schema(schema)
        return {"anyOf": [found]} if isinstance(found.get("const"), bool) else found

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - as pydantic has it
        """Give no title to a field: "First Name" says no more than `first_name`."""
        return False


def _draft_7(schema: Any, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Wrap each reference that has neighbours: draft 7, which AsyncAPI goes by, ignores them.

    A wrapper is called *name*, for code generators would call it AnonymousSchema_21.
    """
    if isinstance(schema, list):
        return [_draft_7(each, name) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema and len(schema) > 1:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return {"title": name, "allOf": [{"$ref": schema["$ref"]}], **rest}
    return {
        key: _fields(value, name) if key == "properties" else _draft_7(value, name)
        for key, value in schema.items()
    }


def _fields(fields: dict[str, Any], owner: str) -> dict[str, Any]:
    return {field: _draft_7(schema, owner + pascal(field)) for field, schema in fields.items()}
