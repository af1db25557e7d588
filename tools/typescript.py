"""Makes contracts/typescript/src/generated.ts from the AsyncAPI document: `python -m tools.typescript`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_type_hints

from asyncapi.generate import document
from asyncapi.schemas import SCHEMAS, event_name, pascal, reply_name
from profile_contracts.events import EVENTS
from profile_contracts.operations import OPERATIONS, Operation
from profile_contracts.profile_api import ProfileApi

GENERATED: Final = Path(__file__).parents[1] / "contracts" / "typescript" / "src" / "generated.ts"
_HEAD: Final = """\
// Made by `make docs` from the AsyncAPI document. Do not edit.

import type { CallOptions } from "./options.js";
"""
# Of a schema that says what AMQP carries beside a body, or that only wraps another.
_LEFT_OUT: Final = ("Headers", "Failure")
_SIMPLE: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}

Schema = Mapping[str, Any]


def rendered() -> str:
    """Return the types of all messages, the table of operations, and a method for each of them."""
    schemas: Mapping[str, Schema] = document()["components"]["schemas"]
    replies = {reply_name(each) for each in OPERATIONS}
    requests = {each.request.__name__ for each in OPERATIONS}
    types = [
        _type(name, schema, is_request=name in requests)
        for name, schema in schemas.items()
        if name not in replies and not name.endswith(_LEFT_OUT)
    ]
    return "\n".join((_HEAD, *types, *_tables(schemas), _api()))


def _type(name: str, schema: Schema, *, is_request: bool) -> str:
    if "enum" in schema:
        return f"{_comment(schema)}export type {name} = {_expression(schema)};\n"
    fields = "".join(_field(each, schema, is_request=is_request) for each in schema.get("properties", {}))
    return f"{_comment(schema)}export interface {name} {{\n{fields}}}\n"


def _field(name: str, owner: Schema, *, is_request: bool) -> str:
    schema = owner["properties"][name]
    is_required = name in owner.get("required", ())
    mark = "" if is_required else "?"
    # Callers may write null for what is missing, such as the cursor of a first page: it is not sent, unless
    # the schema lets it through.
    null = "" if _is_nullable(schema) else " | null"
    missing = "" if is_required or not is_request else f"{null} | undefined"
    return f"{_comment(schema, '  ')}  readonly {name}{mark}: {_expression(schema)}{missing};\n"


def _is_nullable(schema: Schema) -> bool:
    """Return whether null says something, such as that somebody has no last name."""
    return {"type": "null"} in schema.get("anyOf", ())


def _expression(schema: Schema) -> str:
    """Return the type of what *schema* lets through."""
    match schema:
        case {"$ref": reference}:
            written = str(reference).removeprefix(SCHEMAS)
        case {"allOf": [only]}:
            written = _expression(only)
        case {"anyOf": choices}:
            written = " | ".join(map(_expression, choices))
        case {"enum": values} | {"const": values}:
            written = " | ".join(map(json.dumps, values if "enum" in schema else [values]))
        case {"type": "array", "items": items}:
            written = f"readonly ({_expression(items)})[]"
        case {"type": "object"}:
            values = schema.get("additionalProperties")
            value = _expression(values) if isinstance(values, dict) else "unknown"
            written = f"Readonly<Record<string, {value}>>"
        case _:
            written = _SIMPLE[schema["type"]]
    return written


def _comment(schema: Schema, indent: str = "") -> str:
    description = schema.get("description")
    return f"{indent}/** {description} */\n" if description else ""


def _tables(schemas: Mapping[str, Schema]) -> Iterator[str]:
    yield "/** Requests and results, by operation. */\nexport interface Operations {"
    for each in OPERATIONS:
        result = _expression(schemas[reply_name(each)]["properties"]["result"])
        yield f'  "{each.queue}": {{ request: {each.request.__name__}; result: {result} }};'
    yield "}\n\nexport type OperationName = keyof Operations;\n"
    yield "/** Whether an operation is a command, and whether it may be sent again after a lost reply. */"
    yield "export const OPERATIONS: Record<OperationName, { isCommand: boolean; isResendable: boolean }> = {"
    for each in OPERATIONS:
        is_command, is_resendable = json.dumps(each.kind == "command"), json.dumps(each.resendable)
        yield f'  "{each.queue}": {{ isCommand: {is_command}, isResendable: {is_resendable} }},'
    yield "};\n\n/** The fields of requests in which null says something: it is sent. Elsewhere it is not. */"
    yield "export const NULLABLE: Partial<Record<OperationName, ReadonlySet<string>>> = {"
    for each in OPERATIONS:
        fields = schemas[each.request.__name__].get("properties", {})
        if nullable := [name for name, schema in fields.items() if _is_nullable(schema)]:
            yield f'  "{each.queue}": new Set({json.dumps(nullable)}),'
    yield "};\n\n/** Any event. `type` tells which. */\nexport type ProfileServiceEvent ="
    yield "\n".join(f"  | {event_name(each)}" for each in EVENTS) + ";\n"
    yield "export const EVENT_TYPES: ReadonlySet<string> = new Set(["
    yield "\n".join(f'  "{each.name}",' for each in EVENTS) + "\n]);\n"


def _api() -> str:
    methods = "".join(map(_method, OPERATIONS))
    return f"""\
/** Every operation of the profile service: what the client has, and a fake of it may have. */
export abstract class ProfileApi {{
  abstract call<Name extends OperationName>(
    operation: Name,
    request: Operations[Name]["request"],
    token?: string | null,
    options?: CallOptions,
  ): Promise<Operations[Name]["result"]>;
{methods}}}
"""


def _method(operation: Operation[Any, Any]) -> str:
    name, hints = _python_method(operation)
    result = " | ".join(each.__name__ for each in operation.results)
    parameters = [f"request: {operation.request.__name__}"] if "request" in hints else []
    request = "request" if parameters else "{}"
    token = {None: None, str: "token: string"}.get(hints.get("token"), "token?: string | null")
    parameters += [token] if token else []
    parameters.append("options?: CallOptions")
    sent = f'"{operation.queue}", {request}, {"token" if token else "null"}, options'
    return f"""
  /** {operation.summary} */
  {name}({", ".join(parameters)}): Promise<{result}> {{
    return this.call({sent});
  }}
"""


def _python_method(operation: Operation[Any, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the name in camel case of what the typed client in Python is asked for *operation* by."""
    for name, method in vars(ProfileApi).items():
        hints = get_type_hints(method) if callable(method) and not name.startswith("_") else {}
        if hints.get("return") and operation.request is hints.get("request"):
            return _camel(name), hints
    return _camel(operation.queue.rpartition(".")[2]), {}


def _camel(name: str) -> str:
    return name[0] + pascal(name)[1:]


if __name__ == "__main__":
    GENERATED.write_text(rendered(), encoding="utf-8")
