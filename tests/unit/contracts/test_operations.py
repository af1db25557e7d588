import importlib
import json
import pkgutil
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

import service
from profile_contracts.fields import Request
from profile_contracts.operations import COMMON_ERRORS, NON_PERSONAL_FIELDS, OPERATIONS, Kind, Operation
from profile_contracts.replies import ErrorCode
from service.app.auth.throttle import TooManyAttempts
from service.domain.errors import ServiceError
from service.infrastructure.inputports.amqp.errors import error_body

CANARY = "canary-4711"
# In dead letters only: whoever asked for the reply is not answered. And what operators hear, what the service
# says to itself.
NEVER_SENT = {
    "reply_to_refused",
    "too_many_posts",
    "post_not_deleted",
    "counted_in_memory",
    "id_taken",
    "password_hash_unknown",
    "too_many_hash_kinds",
    "created_at_impossible",
}

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.queue)


def leaves(kind: type[ServiceError]) -> set[type[ServiceError]]:
    """Return the errors of the service that nothing inherits from, but not those of tests."""
    below = [each for each in kind.__subclasses__() if each.__module__.startswith("service.")]
    return {leaf for each in below for leaf in leaves(each)} or {kind}


def made(leaf: type[ServiceError]) -> ServiceError:
    """Return an error of that kind."""
    return TooManyAttempts(1) if leaf is TooManyAttempts else leaf()


def raised() -> dict[str, ErrorCode]:
    """Return what the service can refuse with: its leaf errors, by reason."""
    for module in pkgutil.walk_packages(service.__path__, "service."):
        importlib.import_module(module.name)
    kinds = {each for each in ServiceError.__subclasses__() if each.__module__.startswith("service.")}
    return {leaf.reason: error_body(made(leaf)).code for leaf in leaves(ServiceError) - kinds}


def declared() -> dict[str, ErrorCode]:
    """Return what the table says."""
    return {reason: code for each in OPERATIONS for reason, code in (COMMON_ERRORS | each.errors).items()}


def test_every_declared_error_can_be_raised_with_that_code() -> None:
    unforeseen = {"internal_error": ErrorCode.INTERNAL}

    assert declared().items() <= (raised() | unforeseen).items()


def test_every_error_that_can_be_raised_is_declared() -> None:
    assert set(raised()) - NEVER_SENT <= set(declared())


def test_every_error_says_what_is_wrong_in_a_sentence() -> None:
    raised()
    messages = {leaf: error_body(made(leaf)).message for leaf in leaves(ServiceError)}

    assert {leaf for leaf, message in messages.items() if not message.endswith(".")} == set()


@each_operation
def test_a_reason_has_one_code_everywhere(operation: Operation[Any, Any]) -> None:
    assert {reason: declared()[reason] for reason in operation.errors} == operation.errors
    assert not set(operation.errors) & set(COMMON_ERRORS)


@each_operation
def test_examples_are_what_they_say(operation: Operation[Any, Any]) -> None:
    asked, answered = operation.example
    request = operation.request.model_validate_json(json.dumps(asked))
    result = operation.results[0].model_validate_json(json.dumps(answered))

    assert json.loads(request.model_dump_json(exclude_unset=True)) == asked
    assert json.loads(result.model_dump_json()) == answered


def test_every_queue_and_its_dead_letters_have_a_name_of_their_own() -> None:
    names = [name for each in OPERATIONS for name in (each.queue, each.dead_letters)]

    assert len(set(names)) == len(names)


@each_operation
def test_reads_are_queries_and_may_be_repeated(operation: Operation[Any, Any]) -> None:
    names = ("get", "list", "find", "export", "keys", "sessions", "verify")
    starts = ("start_reset", "start_verification", "totp_enroll")
    reads = operation.queue.partition(".")[2] in (*names, *starts)

    assert (operation.kind is Kind.QUERY) is reads
    assert operation.idempotent or not reads


@each_operation
def test_an_operation_that_needs_an_actor_says_so(operation: Operation[Any, Any]) -> None:
    assert operation.needs_actor is not operation.actor.startswith("none")
    assert "missing_token" in operation.errors or not operation.needs_actor


def secrets_of(request: type[Request]) -> list[str]:
    """Return the names of the fields that hold a secret."""
    return [name for name, field in request.model_fields.items() if "SecretStr" in repr(field)]


def test_each_operation_says_whether_it_may_ask_for_a_second_factor() -> None:
    asking = {each.queue for each in OPERATIONS if "second_factor_needed" in each.errors}
    needing = {each.queue for each in OPERATIONS if each.needs_second_factor}

    assert {each.queue for each in OPERATIONS if each.authentication == "bearer"} - needing == {
        "auth.totp_enroll",
        "auth.totp_confirm",
        "auth.sessions",
        "auth.logout",
    }
    assert asking == needing | {"auth.sessions", "auth.logout"}  # about other users


def test_secrets_are_found() -> None:
    found = {each.queue: secrets_of(each.request) for each in OPERATIONS}

    assert {queue: names for queue, names in found.items() if names} == {
        "profile.create": ["password"],
        "profile.update": ["current_password"],
        "auth.login": ["password", "device_token", "otp", "refresh_token"],
        "auth.refresh": ["refresh_token"],
        "auth.logout": ["current_password"],
        "auth.verify": ["token"],
        "auth.change_password": ["current_password", "new_password"],
        "auth.reset_password": ["token", "new_password"],
        "auth.verify_email": ["token"],
        "auth.totp_enroll": ["current_password"],
        "auth.totp_confirm": ["enrolment", "otp"],
        "auth.totp_remove": ["current_password"],
    }


@each_operation
def test_a_request_hides_its_secrets(operation: Operation[Any, Any]) -> None:
    secrets = dict.fromkeys(secrets_of(operation.request), CANARY)
    request = operation.request.model_validate_json(json.dumps(operation.example[0] | secrets))

    assert CANARY not in f"{request} {request!r} {request.model_dump()}"
    assert all(isinstance(getattr(request, name), SecretStr) for name in secrets)
    assert (CANARY in request.model_dump_json()) is bool(secrets)


@each_operation
@pytest.mark.parametrize(
    "name", ["password", "current_password", "email", "id", "first_name", "body", "nonsense"]
)
def test_an_error_hides_what_was_sent(operation: Operation[Any, Any], name: str) -> None:
    body = json.dumps(operation.example[0] | {name: [CANARY], "other": CANARY})

    with pytest.raises(ValidationError) as error:
        operation.request.model_validate_json(body)
    assert CANARY not in f"{error.value} {error.value!r}"


@each_operation
def test_a_request_cannot_be_changed(operation: Operation[Any, Any]) -> None:
    request = operation.request.model_validate_json(json.dumps(operation.example[0]))

    with pytest.raises(ValidationError):
        request.id = None


def test_dead_letters_keep_neither_secrets_nor_names() -> None:
    assert {"id", "expected_version"} == NON_PERSONAL_FIELDS
