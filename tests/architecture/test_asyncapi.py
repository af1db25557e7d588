"""The AsyncAPI document says what the contract says, and tools can read it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from asyncapi import generate, node, page
from profile_contracts.operations import COMMON_ERRORS, OPERATIONS, Operation
from service.infrastructure.rabbitmq.topology import work_queue
from tests.architecture.document import complaints, references, resolve

KEY = re.compile(r"[\w.\-]+", re.ASCII)


def test_the_committed_document_is_the_one_the_contract_makes() -> None:
    """Whoever changes the contract renews the document."""
    committed = generate.DOCUMENT.read_text(encoding="utf-8")

    assert generate.rendered() == committed, "run `python -m asyncapi.generate`"


def test_the_page_holds_the_committed_document(document: dict[str, Any]) -> None:
    """What people read in a browser is what tools read."""
    assert document == page.embedded(), "run `python -m asyncapi.generate`"


def test_the_document_cannot_break_out_of_its_tag_in_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A description may quote HTML without becoming part of the page."""
    copy = tmp_path / "index.html"
    copy.write_bytes(page.PAGE.read_bytes())
    monkeypatch.setattr(page, "PAGE", copy)
    evil = {"description": r"</script><script>alert(1)</script> <!-- \1"}

    page.embed(evil)

    assert evil == page.embedded()
    assert "<script>alert" not in copy.read_text(encoding="utf-8")


def test_the_page_asks_nobody_else() -> None:
    """The page may neither fetch nor send, so it works offline and tells no one who reads it."""
    head = page.PAGE.read_text(encoding="utf-8").partition("<style>")[0]

    assert "default-src 'none';" in head
    assert "http" not in head.replace("http-equiv", "")


def test_the_official_parser_accepts_the_document() -> None:
    """The reference implementation finds neither errors nor warnings."""
    said = node.validate()

    assert (said.returncode, said.stdout) == (0, "0 errors, 0 warnings\n")


def test_the_official_parser_is_asked_in_earnest(tmp_path: Path) -> None:
    """A document with a reference to nowhere is refused, so acceptance means something."""
    broken = tmp_path / "asyncapi.yaml"
    message = {"$ref": "#/components/messages/Nowhere"}
    channels = {"one": {"address": "one", "messages": {"any": message}}}
    whole = {"asyncapi": "3.0.0", "info": {"title": "Broken", "version": "1"}, "channels": channels}
    broken.write_text(json.dumps(whole), "utf-8")

    said = node.validate(broken)

    assert said.returncode == 1
    assert "Nowhere" in said.stdout


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """No `$ref` dangles."""
    for reference in references(document):
        assert resolve(document, reference) is not None


def test_every_name_is_legal(document: dict[str, Any]) -> None:
    """Names are such as the specification allows; the parser does not look at what others name."""
    groups = [document["channels"], document["operations"], *document["components"].values()]
    names = [name for group in groups for name in group]
    titles = [schema["title"] for schema in document["components"]["schemas"].values()]

    assert [name for name in names if not KEY.fullmatch(name)] == []
    assert [title for title in titles if not title.isidentifier()] == []


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    """Schemas are JSON Schema, draft 7, which AsyncAPI's own schema language extends."""
    for schema in document["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)


def test_every_example_obeys_its_schemas(document: dict[str, Any]) -> None:
    """Examples may be copied: body and headers are valid."""
    for name, message in document["components"]["messages"].items():
        assert message["examples"], f"{name} has no example"
        for example in message["examples"]:
            assert complaints(document, message["payload"], example["payload"]) == [], name
            assert complaints(document, message["headers"], example["headers"]) == [], name


def test_a_wrong_example_would_be_noticed(document: dict[str, Any]) -> None:
    """The check of examples knows formats, not types alone."""
    message = document["components"]["messages"]["ProfileCreateReply"]
    payload = message["examples"][0]["payload"]
    wrong = {**payload, "result": {**payload["result"], "id": "7", "created_at": "2026-11-22"}}

    assert len(complaints(document, message["payload"], wrong)) == 2


def test_replies_go_where_the_caller_says(document: dict[str, Any]) -> None:
    """A reply has no fixed address, and its messages are those of its channel."""
    asked = [each for each in document["operations"].values() if each["action"] == "receive"]

    assert len(asked) == len(OPERATIONS)
    for operation in asked:
        reply = operation["reply"]
        channel = resolve(document, reply["channel"]["$ref"])
        prefix = f"{reply['channel']['$ref']}/messages/"

        assert channel["address"] is None
        assert reply["address"]["location"] == "$message.header#/replyTo"
        assert {each["$ref"] for each in reply["messages"]} == {prefix + name for name in channel["messages"]}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.queue)
def test_every_operation_is_documented(document: dict[str, Any], operation: Operation[Any, Any]) -> None:
    """An operation has its queue as the broker declares it, its messages and its reasons."""
    (documented,) = (each for each in document["operations"].values() if each["title"] == operation.queue)
    channel = resolve(document, documented["channel"]["$ref"])
    (request,) = documented["messages"]
    payload = resolve(document, resolve(document, request["$ref"])["$ref"])["payload"]
    queue = channel["bindings"]["amqp"]["queue"]

    assert (channel["address"], queue["name"]) == (operation.queue, operation.queue)
    assert queue["x-arguments"] == work_queue(operation).arguments
    assert documented["action"] == "receive"
    assert documented["summary"] == operation.summary
    assert operation.actor in documented["description"]
    assert payload["$ref"].endswith(f"/{operation.request.__name__}")
    assert documented["x-errors"].keys() == {*operation.errors, *COMMON_ERRORS}


def test_readers_of_a_reply_may_count_on_its_fields(document: dict[str, Any]) -> None:
    """A field of a reply is required, default or not, unless it may be null."""
    schemas = document["components"]["schemas"]

    assert schemas["ProfileCreateReply"]["required"] == ["ok", "result"]
    assert schemas["Failure"]["required"] == ["ok", "error"]
    assert schemas["ErrorBody"]["required"] == ["code", "reason", "message", "retryable"]
