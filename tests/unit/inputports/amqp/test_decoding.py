import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profile_contracts.auth import ListKeys
from profile_contracts.fields import Request
from profile_contracts.operations import AUTH_LOGIN, OPERATIONS, PROFILE_CREATE, PROFILE_UPDATE, Operation
from profile_contracts.profiles import CreateProfile, UpdateProfile
from profile_contracts.replies import ErrorDetail
from service.infrastructure.inputports.amqp.decoding import (
    Malformed,
    MalformedJson,
    MalformedRequest,
    MessageTooLarge,
    UnsupportedContentType,
    decode,
)
from service.infrastructure.inputports.amqp.errors import error_body
from tests.any_text import TEXT
from tests.bad_input import (
    FIELDS,
    IDS,
    JSON_TYPES,
    NO_JSON,
    NO_JSON_TYPES,
    NO_OBJECT,
    NO_UUIDS,
    NUMBERS,
    UNKNOWN_FIELDS,
    UNREPEATABLE_FIELDS,
    of_wrong_type,
    out_of_bounds,
)

CANARY = "Canary-4711"
AnyOperation = Operation[Any, Any]

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted({"id", *(name for each in OPERATIONS for name in each.request.model_fields)}))
JSON_OBJECTS = JSON | st.dictionaries(NAMES | st.text(max_size=5), JSON)


def refusal(model: type[Request], body: object, content_type: str | None = None) -> Malformed:
    """Return why *body* is refused; what is no bytes is sent as JSON."""
    with pytest.raises(Malformed) as refused:
        decode(model, body if isinstance(body, bytes) else json.dumps(body).encode(), content_type)
    return refused.value


def operation_of(queue: str) -> AnyOperation:
    """Return the operation that *queue* is for."""
    return next(each for each in OPERATIONS if each.queue == queue)


def says(error: Malformed) -> list[tuple[str, str]]:
    """Return the details of *error*."""
    return [(each.field, each.reason) for each in error.details]


@each_operation
def test_a_good_request_is_read(operation: AnyOperation) -> None:
    request = decode(operation.request, json.dumps(operation.example[0]).encode(), "application/json")

    assert isinstance(request, operation.request)
    assert json.loads(request.model_dump_json(exclude_unset=True)) == operation.example[0]


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_what_is_no_json_is_malformed_json(body: bytes) -> None:
    for operation in OPERATIONS:
        error = refusal(operation.request, body)

        assert type(error) is MalformedJson
        assert error.details == ()


@pytest.mark.parametrize("body", NO_OBJECT.values(), ids=NO_OBJECT.keys())
def test_json_that_is_no_object_is_a_malformed_request(body: bytes) -> None:
    for operation in OPERATIONS:
        assert type(refusal(operation.request, body)) is MalformedRequest


@each_operation
def test_64_kib_are_read_and_no_more(operation: AnyOperation) -> None:
    body = json.dumps(operation.example[0]).encode().ljust(64 * 1024)

    assert decode(operation.request, body, None)
    assert type(refusal(operation.request, body + b" ")) is MessageTooLarge


@each_operation
def test_an_unknown_field_is_refused_and_named(operation: AnyOperation) -> None:
    for name in UNKNOWN_FIELDS:
        for value in (True, list[str]()):
            error = refusal(operation.request, operation.example[0] | {name: value})

            assert type(error) is MalformedRequest
            assert says(error) == [(name, "unknown_field")]


@each_operation
def test_an_unknown_field_whose_name_may_be_a_value_is_not_repeated(operation: AnyOperation) -> None:
    for name in UNREPEATABLE_FIELDS:
        assert says(refusal(operation.request, operation.example[0] | {name: 1})) == [("?", "unknown_field")]


@each_operation
def test_a_request_of_another_operation_is_refused(operation: AnyOperation) -> None:
    other = AUTH_LOGIN if operation is not AUTH_LOGIN else PROFILE_CREATE

    assert type(refusal(operation.request, other.example[0])) is MalformedRequest


@each_operation
def test_missing_fields_are_named(operation: AnyOperation) -> None:
    needed = [name for name, field in operation.request.model_fields.items() if field.is_required()]
    for name in needed:
        body = {key: value for key, value in operation.example[0].items() if key != name}

        assert says(refusal(operation.request, body)) == [(name, "missing")]


@pytest.mark.parametrize(("queue", "name"), FIELDS)
def test_a_value_of_another_type_is_refused_and_its_field_named(queue: str, name: str) -> None:
    operation = operation_of(queue)
    for value in of_wrong_type(name):
        error = refusal(operation.request, operation.example[0] | {name: value})

        assert type(error) is MalformedRequest
        assert {field for field, _ in says(error)} == {name}


@pytest.mark.parametrize(("queue", "name"), NUMBERS)
def test_numbers_are_bounded(queue: str, name: str) -> None:
    operation = operation_of(queue)
    for number, reason in out_of_bounds(name).items():
        assert says(refusal(operation.request, operation.example[0] | {name: number})) == [(name, reason)]


@pytest.mark.parametrize(("queue", "name"), IDS)
def test_an_id_is_a_uuid(queue: str, name: str) -> None:
    operation = operation_of(queue)
    for value in NO_UUIDS:
        assert says(refusal(operation.request, operation.example[0] | {name: value})) == [
            (name, "not_a_uuid")
        ]


@pytest.mark.parametrize(
    ("model", "changes", "details"),
    [
        (CreateProfile, {"first_name": ""}, [("first_name", "too_short")]),
        (CreateProfile, {"first_name": "x" * 101}, [("first_name", "too_long")]),
        (CreateProfile, {"first_name": "A\0da"}, [("first_name", "not_allowed")]),
        (CreateProfile, {"email": "a@"}, [("email", "too_short")]),
        (CreateProfile, {"email": "a" * 253 + "@b"}, [("email", "too_long")]),
        (CreateProfile, {"password": ""}, [("password", "too_short")]),
        (CreateProfile, {"password": "x" * 1025}, [("password", "too_long")]),
        (CreateProfile, {"role": "root"}, [("role", "not_allowed")]),
        (UpdateProfile, {"id": "1"}, [("id", "not_a_uuid")]),
        (UpdateProfile, {"expected_version": 0}, [("expected_version", "too_small")]),
        (UpdateProfile, {"expected_version": 2**53}, [("expected_version", "too_large")]),
        (UpdateProfile, {"expected_version": "1"}, [("expected_version", "wrong_type")]),
        (UpdateProfile, {"status": "deleted"}, [("status", "not_allowed")]),
        (
            UpdateProfile,
            {"first_name": "", "role": 1},
            [("first_name", "too_short"), ("role", "not_allowed")],
        ),
    ],
)
def test_details_name_the_field_and_what_is_wrong(
    model: type[Request], changes: dict[str, object], details: list[tuple[str, str]]
) -> None:
    example = PROFILE_CREATE.example[0] if model is CreateProfile else PROFILE_UPDATE.example[0]

    assert says(refusal(model, example | changes)) == details


def test_of_two_fields_of_one_name_the_last_one_counts() -> None:
    body = b'{"email": "a@example.org", "password": "one", "password": "two"}'
    request = decode(AUTH_LOGIN.request, body, None)

    assert request.password.get_secret_value() == "two"


@pytest.mark.parametrize("content_type", [*JSON_TYPES, "text/json", "application/vnd.profile.v1+json"])
def test_any_json_type_is_taken_and_none(content_type: str | None) -> None:
    assert decode(ListKeys, b"{}", content_type) == ListKeys()


@pytest.mark.parametrize(
    "content_type", [*NO_JSON_TYPES, "application/" + "+" * 10_000], ids=[*NO_JSON_TYPES, "long"]
)
def test_another_type_is_refused(content_type: str) -> None:
    for operation in OPERATIONS:
        error = refusal(operation.request, b"{}", content_type)

        assert type(error) is UnsupportedContentType
        assert error.details == ()


@settings(max_examples=200)
@given(body=st.binary() | TEXT.map(str.encode) | JSON_OBJECTS.map(json.dumps).map(str.encode))
def test_any_bytes_are_a_request_or_malformed(body: bytes) -> None:
    for operation in OPERATIONS:
        try:
            request = decode(operation.request, body, None)
        except Malformed:
            continue

        assert isinstance(request, operation.request)


@pytest.mark.parametrize(("queue", "name"), FIELDS)
@pytest.mark.parametrize("shape", ["{}", " {} \u0000", "{}" * 200], ids=["plain", "NUL", "long"])
def test_nothing_of_a_value_is_repeated(queue: str, name: str, shape: str) -> None:
    operation, canary = operation_of(queue), shape.replace("{}", CANARY)
    values: list[object] = [canary, [canary], {canary: canary}]
    for value in values:
        body = operation.example[0] | {name: value, canary: canary, "other": canary}
        error = refusal(operation.request, body)

        assert CANARY not in f"{error!r} {error} {error.details} {error.__cause__!r}"
        assert error.__suppress_context__


def test_an_unknown_name_is_repeated_only_if_it_looks_like_one() -> None:
    names = ["surname", "first-name", "Hunter2", "a" * 31, "4711", "ada@example.org", ""]
    details = refusal(ListKeys, dict.fromkeys(names, 1)).details

    assert [each.field for each in details] == ["surname", "?", "?", "?", "?", "?", "?"]


@pytest.mark.parametrize(("errors", "details"), [(16, 16), (100, 16), (101, 0), (3000, 0)])
def test_many_errors_have_a_small_reply(errors: int, details: int) -> None:
    error = refusal(ListKeys, json.dumps({f"a{place}": 1 for place in range(errors)}).encode())

    assert len(error.details) == details
    assert len(error_body(error).model_dump_json()) < 2_000


def test_a_malformed_message_has_the_details_it_was_made_with() -> None:
    detail = ErrorDetail(field="id", reason="missing")

    assert MalformedRequest(detail).details == (detail,)


def test_what_is_wrong_within_a_field_is_said_once() -> None:
    body = {"id": str(uuid4()), "attributes": {"locale": [1], "share": 2**60, "Bad Key": 1}}

    assert says(refusal(UpdateProfile, body)) == [("attributes", "wrong_type"), ("attributes", "too_large")]
