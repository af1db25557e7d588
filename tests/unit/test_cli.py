import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import pytest
from aio_pika.exceptions import AMQPConnectionError
from aiormq.exceptions import InvalidFrameError
from pymongo.errors import ServerSelectionTimeoutError
from yarl import URL

from service import cli
from service.cli import topology as topology_commands
from service.cli import worker
from service.infrastructure.mongo.indexes import IndexMissing
from service.infrastructure.rabbitmq.bounded_publish import TakesNoMessages
from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology
from service.infrastructure.rabbitmq.topology_check import BindingTimeout, CheckResult
from service.infrastructure.security.keys import new_key
from tests.builders import NOON
from tests.unit.profilectl import profilectl, said

REQUIRED = {"RABBITMQ_URL": "amqp://u:canary@mq/", "MONGO_URL": "mongodb://u:canary@db/profiles"}


pytestmark = pytest.mark.usefixtures("logging_as_it_was", "nothing_is_set")


class Broken:
    """A service that does not run."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def run(self) -> NoReturn:
        raise self.error


def test_the_version_is_the_one_that_is_installed() -> None:
    result = profilectl("--version")

    assert (result.exit_code, result.stdout) == (0, f"profilectl {version('profile-service')}\n")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--query-queue-type", "classic"),
        ("--query-queue-type", "quorum"),
        ("--event-history",),
        ("--query-queue-type", "quorum", "--event-history"),
    ],
)
def test_definitions_are_printed_as_json(words: tuple[str, ...]) -> None:
    result = profilectl("topology", "definitions", *words)
    expected = definitions(
        topology("quorum" if "quorum" in words else "classic", event_history="--event-history" in words)
    )

    assert result.exit_code == 0
    assert json.loads(result.stdout) == expected


def test_definitions_may_leave_passwords_alone() -> None:
    result = profilectl("topology", "definitions", "--without-users")

    whole = definitions(topology())
    assert whole.pop("users")
    assert json.loads(result.stdout) == whole


def test_a_type_of_queue_that_does_not_exist_is_refused() -> None:
    result = profilectl("topology", "definitions", "--query-queue-type", "quorom")

    assert result.exit_code == 2
    assert "quorom" in result.stderr


def test_a_worker_names_the_variables_that_are_missing() -> None:
    result = profilectl("worker")

    assert result.exit_code == 2
    assert said(result) == "RABBITMQ_URL: Field required MONGO_URL: Field required"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("BCRYPT_COST", "9", "BCRYPT_COST: Input should be greater than or equal to 10"),
        ("MONGO_URL", "http://canary", "it has to begin with mongodb:// or mongodb+srv://"),
        ("MONGO_URL", "mongodb://u:canary@db:port/x", "MongoDB: Port contains non-digit characters"),
        ("MONGO_URL", "mongodb://u:x/canary@db/x", "MONGO_URL: Value error, in a password, every"),
        ("REDIS_URL", "redis://u:canary@h?db=x", "Cannot run: REDIS_URL: Invalid value for 'db'"),
        ("REDIS_URL", "redis://u:canary@h?socket_timout=1", "REDIS_URL: there is no option socket_timout"),
        ("REDIS_URL", "redis://u:canary@h?ssl_cert_reqs=none", "REDIS_URL: there is no option ssl_cert_reqs"),
        ("REDIS_URL", "rediss://u:canary@h?ssl_cert_reqs=x", "REDIS_URL: Invalid SSL Certificate"),
        ("REDIS_URL", "redis://u:canary@h?retry=1", "REDIS_URL: it has an option that no address can hold"),
        ("REDIS_URL", "redis://:1?canary=x@h", "REDIS_URL: in a password, every / ? # : @ has to be"),
        (
            "TRUSTED_SERVICES",
            '{"a": ["[/x]"]}',
            "TRUSTED_SERVICES: Value error, no such operation: [/x]",
        ),
        ("TRUSTED_SERVICES", "canary", 'Cannot run: error parsing value for field "trusted_services"'),
    ],
)
def test_a_worker_says_which_variable_is_wrong_and_not_how_it_is_set(
    name: str, value: str, sentence: str
) -> None:
    result = profilectl("worker", **REQUIRED | {name: value})

    assert result.exit_code == 2
    assert sentence in said(result)
    assert "canary" not in result.output


def test_every_command_reads_addresses_from_files(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://canary\n")
    variables = {"RABBITMQ_URL": "", "RABBITMQ_URL_FILE": str(tmp_path / "url")}
    asked, no_worker = profilectl("dlq", "list", **variables), profilectl("worker", **REQUIRED | variables)

    assert (asked.exit_code, no_worker.exit_code) == (2, 2)
    assert "it begins with amqp://" in said(asked)
    assert "RABBITMQ_URL: " in said(no_worker)
    assert "canary" not in asked.output + no_worker.output


def test_a_worker_without_a_key_says_how_to_make_one() -> None:
    result = profilectl("worker", **REQUIRED)

    assert result.exit_code == 2
    assert said(result) == "Cannot run: No signing key in keys: make one with `profilectl keys new`."


@pytest.mark.usefixtures("files_for_us_alone")
def test_several_workers_that_would_count_guesses_apart_are_refused(tmp_path: Path) -> None:
    new_key(tmp_path / "keys", NOON)
    result = profilectl("worker", "--workers", "2", **REQUIRED)

    assert result.exit_code == 2
    assert said(result) == (
        "Cannot run: 2 workers need a Redis to count wrong passwords in: REDIS_URL=memory:// is for one."
    )


def test_a_worker_that_cannot_read_its_key_says_so(tmp_path: Path) -> None:
    (tmp_path / "keys" / "folder.pem").mkdir(parents=True)
    result = profilectl("worker", **REQUIRED)

    assert result.exit_code == 2
    assert said(result) == "Cannot run: [Errno 21] Is a directory: 'keys/folder.pem'"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError("no network"), "Cannot run: no network"),
        (TimeoutError(), "Cannot run: RabbitMQ does not answer in time."),
        (TimeoutError("db is slow"), "Cannot run: db is slow"),
        (
            BindingTimeout(),
            (
                "Cannot run: RabbitMQ does not say whether queues are bound: "
                "is a node of the cluster silent? Try again in a minute."
            ),
        ),
        (AMQPConnectionError("refused"), "Cannot run: RabbitMQ: refused"),
        (
            ServerSelectionTimeoutError("db: timed out [/] (configured timeouts: 1), Timeout: 2s, more"),
            "Cannot run: MongoDB: db: timed out [/]",
        ),
        (
            InvalidFrameError("Expected one of []"),
            (
                "Cannot run: RabbitMQ closed the connection: is there such a virtual host, "
                "and may this user use it?"
            ),
        ),
        (IndexMissing("The index id differs."), "Cannot run: The index id differs."),
        (
            ExceptionGroup("tasks", [OSError("one"), AMQPConnectionError("two")]),
            "Cannot run: one Cannot run: RabbitMQ: two",
        ),
    ],
)
def test_a_worker_whose_servers_are_not_there_says_so(
    monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    monkeypatch.setattr(worker, "create_worker", lambda: Broken(error))
    monkeypatch.setattr(worker, "run_worker", Broken.run)
    result = profilectl("worker")

    assert result.exit_code == 1
    assert said(result) == sentence


@pytest.mark.parametrize(
    "words", [("call", "profile.get", "{}"), ("status",), ("events", "tail"), ("topology", "check")]
)
@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("amqp://", "it has to begin with amqp:// or amqps://, and name a host"),
        ("amqp://u:canary@", "it names no host"),
        ("amqp://u:canary@mq:port/", "its port is no port"),
        ("amqp://u:canary@mq:99999/", "its port is no port"),
        ("amqp://u:canary@[::1/", "its port is no port"),
    ],
)
def test_an_address_that_is_none_is_a_wrong_use(words: tuple[str, ...], url: str, sentence: str) -> None:
    result = profilectl(*words, RABBITMQ_URL=url)

    assert result.exit_code == 2
    assert sentence in said(result)
    assert "canary" not in result.output


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_broker_that_takes_no_messages_is_checked_but_for_their_size(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    async def inspect(*_: object) -> list[CheckResult]:
        return []

    async def oversize(_url: URL) -> list[str]:
        raise TakesNoMessages

    monkeypatch.setattr(topology_commands, "inspect", inspect)
    monkeypatch.setattr(topology_commands, "oversize", oversize)
    result = profilectl("topology", "check", *words, RABBITMQ_URL="amqp://mq/", RABBITMQ_MANAGEMENT_URL="")

    assert result.exit_code == 2
    assert "is not known: RabbitMQ has taken no message for 5 seconds: is there an alarm?" in said(result)
    if words:
        assert json.loads(result.stdout) == {"differs": [], "unanswered": [], "looked_at_all": False}
    else:
        assert (result.stdout, said(result)[-29:]) == ("", "All else stands as it should.")


def test_an_address_of_the_management_api_that_is_none_is_a_wrong_use() -> None:
    result = profilectl(
        "topology", "check", RABBITMQ_URL="amqp://mq/", RABBITMQ_MANAGEMENT_URL="http://u:canary@mq:port"
    )

    assert result.exit_code == 2
    assert "its port is no port" in said(result)
    assert "canary" not in result.output


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://u:canary@db/", "it has to begin with mongodb:// or mongodb+srv://"),
        ("mongodb://u:x/canary@db:27017/profiles", "has to be percent-encoded"),
    ],
)
def test_an_address_of_the_database_that_is_none_is_a_wrong_use(url: str, sentence: str) -> None:
    result = profilectl("status", RABBITMQ_URL="amqp://mq.invalid/", MONGO_URL=url)

    assert result.exit_code == 2
    assert sentence in said(result)
    assert "canary" not in result.output


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "create_worker", lambda: Broken(ZeroDivisionError()))
    monkeypatch.setattr(worker, "run_worker", Broken.run)

    assert isinstance(profilectl("worker").exception, ZeroDivisionError)


@pytest.mark.parametrize("words", [(), ("keys",), ("topology",)])
def test_without_a_command_there_is_help(words: tuple[str, ...]) -> None:
    assert "Usage:" in profilectl(*words).output


def test_a_call_of_what_does_not_exist_lists_what_does() -> None:
    result = profilectl("call", "profile.eat", "{}", "--url", "amqp://nowhere.invalid")

    assert result.exit_code == 2
    assert "profile.eat is none of profile.create, profile.get" in " ".join(result.output.split())


@pytest.mark.parametrize("words", [("topology", "definitions"), ("keys", "new")])
def test_a_misspelt_setting_is_named_by_every_command(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_KEYS_DIR", str(tmp_path))
    monkeypatch.setenv("RABBITMQ_MANAGMENT_URL", "http://u:canary@mq/")
    result = profilectl(*words)

    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "RABBITMQ_MANAGMENT_URL is no setting: is it RABBITMQ_MANAGEMENT_URL?"
    ]


@pytest.mark.parametrize("words", [("topology", "definitions"), ("worker",)])
@pytest.mark.parametrize(
    ("content", "why"), [(b"MONGO_URL=\xff\xfe", "it is no UTF-8"), (b"MONGO_URL=a\0b", "it is not all text")]
)
def test_settings_in_no_encoding_are_a_sentence(
    words: tuple[str, ...], content: bytes, why: str, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_bytes(content)
    result = profilectl(*words, MONGO_URL="")

    assert (result.exit_code, result.stderr) == (2, f"The file .env cannot be read: {why}.\n")


@pytest.mark.parametrize(
    "words", [("status",), ("dlq", "list"), ("topology", "check"), ("call", "auth.keys", "{}"), ("worker",)]
)
@pytest.mark.parametrize("line", ["RABBITMQ_URL=http://canary", "rabbitmq_url_file=url"])
def test_the_file_counts_for_every_command(words: tuple[str, ...], line: str, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://canary")
    (tmp_path / ".env").write_text(f"{line}\nMONGO_URL=mongodb://db/profiles\n")
    # What is empty counts as missing, and is put back at the end.
    result = profilectl(*words, **dict.fromkeys(("RABBITMQ_URL", "RABBITMQ_URL_FILE", "MONGO_URL"), ""))

    assert result.exit_code == 2
    assert re.search("it (begins|has to begin) with amqp://", said(result))
    assert "canary" not in result.output


def test_every_variable_of_a_command_may_be_in_the_file() -> None:
    modules = Path(cli.__file__).parent.glob("*.py")
    variables = {name for each in modules for name in re.findall(r'envvar="(\w+)"', each.read_text())}

    assert {"RABBITMQ_URL", "ACCESS_TOKEN"} <= variables <= cli.known_variables()
