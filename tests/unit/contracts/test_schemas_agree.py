"""What the AsyncAPI document says of a request, and what the service takes: neither more nor less.

A schema is about texts as they are kept: without blanks at their ends, and composed (NFC).
"""

import json
import string
import unicodedata
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pydantic import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT7

from asyncapi.schemas import SCHEMAS, schemas
from profile_contracts.fields import Request
from profile_contracts.operations import OPERATIONS, Operation
from profile_contracts.profiles import CreateProfile
from service.domain.email import Email, EmailMalformed
from tests.architecture.document import FORMATS, resolve

# What no JSON Schema can say. The document says it in words.
IN_WORDS: Final = (
    "must not contain characters that are invisible",
    "must have something to see",
    "must not have more than 30 marks",
    EmailMalformed.message,
)
ODD: Final = st.sampled_from("a1@.- \t\r\n\x00\x0b\x7f\x85ü\u0308\u200b\u202e\ufeff😀")
TEXTS: Final = st.text(ODD | st.characters(exclude_categories=["Cs"]), max_size=12)
HOSTS: Final = st.text(st.sampled_from(string.ascii_lowercase + "1.-üßж"), min_size=1, max_size=8)
ADDRESSES: Final = st.tuples(TEXTS, st.just("@"), HOSTS).map("".join)
EVERY_OPERATION: Final = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)


@cache
def components() -> dict[str, Any]:
    return {"components": {"schemas": schemas()}}


@cache
def validator(name: str) -> Draft7Validator:
    registry: Registry[Any] = Registry().with_resource("urn:asyncapi", DRAFT7.create_resource(components()))
    return Draft7Validator(
        {"$ref": f"urn:asyncapi{SCHEMAS}{name}"}, registry=registry, format_checker=FORMATS
    )


def complaints(request: type[Request], value: object) -> list[str]:
    """Return what is wrong with *value* by the schema of *request*."""
    return [error.message for error in validator(request.__name__).iter_errors(value)]


def is_canonical(value: object) -> bool:
    """Return whether all texts in *value* are as they would be kept."""
    if isinstance(value, dict):
        return all(map(is_canonical, value.values()))
    return not isinstance(value, str) or value == unicodedata.normalize("NFC", value).strip()


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values of about the shape of *schema*: the validator says which of them obey it."""
    if "$ref" in schema:
        return values(resolve(components(), schema["$ref"]))
    for several in ("anyOf", "allOf", "oneOf"):
        if several in schema:
            return st.one_of([values(each) for each in schema[several]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    made: st.SearchStrategy[Any] = VALUES[schema["type"]](schema)
    return made


def objects(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    if "properties" not in schema:
        (pattern, each), *_ = schema["patternProperties"].items()
        return st.dictionaries(st.from_regex(pattern, fullmatch=True), values(each), max_size=3)
    fields = {name: values(each) for name, each in schema["properties"].items()}
    required = schema.get("required", ())
    return st.fixed_dictionaries(
        {name: each for name, each in fields.items() if name in required},
        optional={name: each for name, each in fields.items() if name not in required},
    )


def texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "uuid":
        return st.uuids().map(str)
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='milliseconds')}Z")
    if "@" in schema.get("pattern", ""):
        return ADDRESSES | TEXTS
    longest = schema.get("maxLength", 1000)
    return TEXTS | st.sampled_from(("a" * longest, "a" * (longest + 1), ""))


VALUES: Final[dict[str, Any]] = {
    "object": objects,
    "string": texts,
    "array": lambda schema: st.lists(values(schema["items"]), max_size=3, unique=True),
    "integer": lambda _: st.integers(-2, 102) | st.sampled_from((2**53 - 1, 2**53)),
    "number": lambda _: st.floats(-10, 10) | st.just(2.0**60),
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
}


def refusals(model: type[Request], value: dict[str, Any]) -> list[str]:
    """Return why the service would not take *value*, or know nobody by its address."""
    try:
        model.model_validate_json(json.dumps(value))
        if "email" in value:
            Email.parse(value["email"])
    except ValidationError as error:
        return [f"{each['loc']}: {each['msg']}" for each in error.errors()]
    except EmailMalformed as error:
        return [error.message]
    return []


@EVERY_OPERATION
@given(data=st.data())
@settings(max_examples=30)
def test_what_obeys_the_schema_is_taken_and_nothing_else(
    operation: Operation[Any, Any], data: st.DataObject
) -> None:
    schema = {"$ref": SCHEMAS + operation.request.__name__}
    request = data.draw(values(schema).filter(is_canonical))
    refused = refusals(operation.request, request)
    wrong = complaints(operation.request, request)

    if wrong:
        assert refused, wrong
    else:
        assert [each for each in refused if not any(words in each for words in IN_WORDS)] == []


@given(address=ADDRESSES)
def test_no_address_is_taken_that_the_schema_refuses(address: str) -> None:
    request = {"first_name": "Ada", "email": address.strip(), "password": "correct horse battery"}
    try:
        Email.parse(request["email"])
    except EmailMalformed:
        return
    assert complaints(CreateProfile, request) == []


@pytest.mark.parametrize("address", ["a@b", "ü@exämple.org", "ada@xn--exmple-cua.org"])
def test_these_addresses_are_taken_and_obey_the_schema(address: str) -> None:
    request = {"first_name": "Ada", "email": address, "password": "correct horse battery"}

    assert Email.parse(address).typed == address
    assert complaints(CreateProfile, request) == []
