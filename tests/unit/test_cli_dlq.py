import json
from typing import Any

import pytest
from yarl import URL

from service.cli import dlq, dlq_view
from service.cli.auditing import record
from service.cli.bulk_operation import BulkOperation, BulkResult
from service.cli.dlq_view import escape_control
from service.infrastructure.rabbitmq.dead_letter import DeadLetter
from service.infrastructure.rabbitmq.management import Management
from tests.fakes.broker import FakeBroker
from tests.unit.profilectl import profilectl, said

pytestmark = pytest.mark.usefixtures("nothing_is_set")

NOWHERE = "amqp://u:canary@127.0.0.1:1/"


@pytest.mark.parametrize("words", [("show", "profile.eat"), ("replay", "amq.direct"), ("purge", "profile")])
def test_a_queue_that_holds_no_dead_letters_is_refused(words: tuple[str, ...]) -> None:
    result = profilectl("dlq", *words, RABBITMQ_URL=NOWHERE)

    assert result.exit_code == 2
    assert "it is none of profile.create.dlq" in said(result)


@pytest.mark.parametrize(
    "words", [("profile.delete",), ("profile.parked", "--id", "a"), ("nowhere", "--id", "a")]
)
def test_what_cannot_be_parked_is_refused(words: tuple[str, ...]) -> None:
    result = profilectl("dlq", "park", *words, RABBITMQ_URL=NOWHERE)

    assert result.exit_code == 2
    assert "Invalid value" in said(result)


@pytest.mark.parametrize("words", [("dlq", "list"), ("topology", "check"), ("topology", "apply")])
@pytest.mark.parametrize(
    ("url", "sentence", "code"),
    [
        ("http://u:canary@mq/", "it begins with amqp:// or amqps://", 2),
        (NOWHERE, "Cannot run: RabbitMQ:", 7),
        ("", "Missing option '--url'", 2),
    ],
)
def test_a_broker_that_is_not_there_is_told_without_the_password(
    words: tuple[str, ...], url: str, sentence: str, code: int
) -> None:
    result = profilectl(*words, RABBITMQ_URL=url)

    assert result.exit_code == code
    assert sentence in said(result)
    assert "canary" not in result.output


def test_letters_that_came_after_they_were_counted_are_not_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has moved what was counted, before the question was answered."""
    counted, come = (DeadLetter(FakeBroker().deliver(b"{}", message_id=each)) for each in ("counted", "come"))
    begun: list[BulkOperation] = []

    def run(operation: BulkOperation, _url: str) -> BulkResult:
        begun.append(operation)
        return BulkResult()

    monkeypatch.setattr(dlq, "_wanted_of", lambda *_: [counted])
    monkeypatch.setattr(dlq, "run_bulk_operation", run)
    result = profilectl("dlq", "purge", "profile.delete", "--yes", RABBITMQ_URL=NOWHERE)
    (purge,) = begun

    assert result.exit_code == 0
    assert (purge.wanted.of([come, counted]), purge.limit) == ([counted], 1)


def test_an_age_that_nothing_has_is_refused() -> None:
    result = profilectl("dlq", "purge", "profile.delete", "--older-than", "1000000", RABBITMQ_URL=NOWHERE)

    assert result.exit_code == 2
    assert "--older-than': Input should be less than or equal to 3650" in said(result)


@pytest.mark.parametrize("words", [(), ("--json",)])
@pytest.mark.parametrize(("of_one", "code"), [([], 0), ("Somebody else is at work on it.", 2)])
def test_a_queue_that_cannot_be_looked_into_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], of_one: Any, code: int
) -> None:
    monkeypatch.setattr(dlq, "_looked", lambda *_: {"profile.get.dlq": of_one, "profile.delete.dlq": []})
    result = profilectl("dlq", "list", *words, RABBITMQ_URL=NOWHERE)

    assert result.exit_code == code
    assert "profile.delete.dlq" in result.stdout


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("m-1", "m-1"),
        ("Zoë", "Zoë"),
        ("\x1b[31m\r\n\x9b", "\\u001b[31m\\u000d\\u000a\\u009b"),
        ("\udcff", "\\udcff"),
        ("\u202e", "\\u202e"),
    ],
)
def test_nothing_that_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert escape_control(text) == shown


def test_a_reason_is_written_out_however_narrow_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    dlq_view.overview({"profile.delete.dlq": [], "profile.get.dlq": "[red]There is none."})

    assert "profile.delete.dlq" in (shown := capsys.readouterr().out)
    assert "[red]There is none." in shown


def test_the_audit_trail_is_one_line_of_json_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    record("dead_letters_parked", queue="q", count=2)
    written = capsys.readouterr()
    line = json.loads(written.err)

    assert written.out == ""
    assert line.pop("timestamp")
    assert line == {
        "event": "dead_letters_parked",
        "logger": "profile.audit",
        "level": "info",
        "actor": "profilectl",
        "queue": "q",
        "count": 2,
    }


@pytest.mark.parametrize(
    ("management_url", "broker", "expected"),
    [
        ("http://a:b%40@mq:15672/", "amqp://u:p@mq/%2Fv", ("http://mq:15672", "a", "b@", "/v")),
        ("https://mq/rabbit", "amqp://u:p@mq/", ("https://mq/rabbit", "u", "p", "/")),
        ("http://mq", "amqp://mq/v", ("http://mq", "guest", "guest", "v")),
    ],
)
def test_the_management_api_is_asked_as_whom_and_about_what_the_addresses_say(
    management_url: str, broker: str, expected: tuple[str, ...]
) -> None:
    api = Management.of(management_url, URL(broker))

    assert (api.api.url, api.api.user, api.api.password, api.vhost) == expected
    assert "password" not in repr(api)
