import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.settings import Settings, given_names, misspelt

REQUIRED = {"RABBITMQ_URL": "amqp://u:secret@mq:5672/", "MONGO_URL": "mongodb://u:secret@db:27017/profiles"}


@pytest.fixture(autouse=True)
def environment(nothing_is_set: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Only what is required is set, and there is no file."""
    for name, value in REQUIRED.items():
        nothing_is_set.setenv(name, value)
    return nothing_is_set


def test_two_variables_are_required(environment: pytest.MonkeyPatch) -> None:
    for name in REQUIRED:
        environment.delenv(name)

    with pytest.raises(ValidationError) as error:
        Settings()
    assert {each["loc"] for each in error.value.errors()} == {("rabbitmq_url",), ("mongo_url",)}


def test_defaults_are_safe() -> None:
    settings = Settings()

    assert settings.trusted_services == {}
    assert settings.reply_to_prefixes == ()
    assert (settings.bcrypt_cost, settings.access_token_seconds) == (12, 600)
    assert (settings.mongo_driver, settings.query_queue_type) == ("pymongo", "classic")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().bcrypt_cost = 10  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("TRUSTED_SERVICES", '{"hr": ["profile.create"]}', {"hr": frozenset({"profile.create"})}),
        ("TRUSTED_SERVICES", "", {}),
        ("REPLY_TO_PREFIXES", '["gateway.", "bff."]', ("gateway.", "bff.")),
        ("SIGNING_KEYS_DIR", "/run/keys", Path("/run/keys")),
        ("DECLARE_TOPOLOGY", "false", False),
        ("QUERY_QUEUE_TYPE", "quorum", "quorum"),
        ("PREFETCH_LOGINS", "65535", 65_535),
        ("BCRYPT_COST", "15", 15),
    ],
)
def test_variables_are_read(environment: pytest.MonkeyPatch, name: str, value: str, read: Any) -> None:
    environment.setenv(name, value)

    assert getattr(Settings(), name.lower()) == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RABBITMQ_URL", "http://mq"),
        ("RABBITMQ_URL", "amqp://"),
        ("RABBITMQ_URL", "amqp:///vhost"),
        ("RABBITMQ_URL", "amqp://mq:port/"),
        ("RABBITMQ_URL", "amqp://u:p@"),
        ("RABBITMQ_URL", "amqp://[::1/"),
        ("RABBITMQ_MANAGEMENT_URL", "mq:15672"),
        ("RABBITMQ_MANAGEMENT_URL", "http://mq:port"),
        ("RABBITMQ_URL", "amqp://u:pass/word@mq:5672/"),
        ("RABBITMQ_URL", "amqp://u:p@a:5672,b:port/v"),
        ("RABBITMQ_URL", "amqp://u:p@a,,b/v"),
        ("RABBITMQ_URL", "amqp://u:p@a/v,amqp://u:p@b/v"),
        ("REDIS_URL", "redis://redis:65536/0"),
        ("MONGO_URL", "nonsense"),
        ("MONGO_URL", "mongodb:///profiles"),
        ("REDIS_URL", "http://redis"),
        ("REDIS_URL", "redis"),
        ("HEALTH_PORT", "65536"),
        ("MONGO_DRIVER", "mongoengine"),
        ("TRUSTED_SERVICES", '{"hr": ["profile.creat"]}'),
        ("TRUSTED_SERVICES", '{"hr": "profile.create"}'),
        ("REPLY_TO_PREFIXES", '[""]'),
        ("REPLY_TO_PREFIXES", '["gateway.", ""]'),
        ("BCRYPT_COST", "9"),
        ("BCRYPT_COST", "16"),
        ("ACCESS_TOKEN_SECONDS", "0"),
        ("ACCESS_TOKEN_SECONDS", "100000000000000"),
        ("HASHING_THREADS", "-1"),
        ("PREFETCH_COMMANDS", "0"),
        ("PREFETCH_QUERIES", "65536"),
        ("LOG_LEVEL", "TRACE"),
    ],
)
def test_values_that_cannot_work_are_refused(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)

    with pytest.raises(ValidationError) as error:
        Settings()
    assert [each["loc"][0] for each in error.value.errors()] == [name.lower()]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("RABBITMQ_URL", "amqp://u:canary/x@mq:5672/"),
        ("REDIS_URL", "redis://u:canary/x@mq:5672/"),
        ("MONGO_URL", "mongodb://u:x/canary@db:27017/profiles"),
        ("MONGO_URL", "mongodb://u:x?canary@db/profiles"),
        ("MONGO_URL", "mongodb://u:x#canary@db/profiles"),
        ("MONGO_URL", "mongodb+srv://u:x/canary@db/profiles"),
    ],
)
def test_a_password_that_is_not_encoded_is_explained_and_not_shown(
    environment: pytest.MonkeyPatch, name: str, url: str
) -> None:
    environment.setenv(name, url)

    with pytest.raises(ValidationError, match="percent-encoded") as error:
        Settings()
    assert "canary" not in f"{error.value}"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("RABBITMQ_URL", "amqp://MQ"),
        ("RABBITMQ_URL", "amqp://u:p%2F%40%3A%25%3F%23@mq:5672/%2Fteam"),
        ("RABBITMQ_URL", "amqps://u:p@mq/v?cafile=/etc/ca.pem&certfile=c.pem&keyfile=k.pem&heartbeat=5"),
        ("RABBITMQ_URL", "amqp://u:p@[::1]:5672/"),
        ("RABBITMQ_URL", "amqps://u:p@a:5671,b,[::1]:5673/v?cafile=/etc/ca.pem"),
        (
            "MONGO_URL",
            "mongodb+srv://u:p%40ss@cluster0.abcde.mongodb.net/profiles?retryWrites=true&w=majority",
        ),
        (
            "MONGO_URL",
            "mongodb://u:p%2F@a:1,b:2,c/profiles?replicaSet=rs0&tls=true&tlsCAFile=%2Fetc%2Fca.pem",
        ),
        ("MONGO_URL", "mongodb://%2Ftmp%2Fmongodb-27017.sock/profiles?replicaSet=rs0"),
        ("MONGO_URL", "mongodb://u:p@[2001:db8::1]:27017/profiles"),
        ("REDIS_URL", "unix:///run/redis/redis.sock?db=1"),
        ("REDIS_URL", "unix://u:p%40@/run/redis/redis.sock"),
        ("REDIS_URL", "rediss://:p%2Fss@redis:6380/1?ssl_cert_reqs=required&ssl_ca_certs=/etc/ca.pem"),
        ("REDIS_URL", "redis://redis"),
    ],
)
def test_an_address_stays_as_it_is_written(environment: pytest.MonkeyPatch, name: str, url: str) -> None:
    environment.setenv(name, url)

    assert getattr(Settings(), name.lower()) == url


def test_passwords_are_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDIS_URL", "redis://:secret@redis")

    assert "secret" not in f"{Settings()!r} {Settings()}"


def test_an_operation_that_does_not_exist_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TRUSTED_SERVICES", json.dumps({"hr": ["profile.eat"], "crm": ["profile.get", "a"]}))

    with pytest.raises(ValidationError, match=r"no such operation: a, profile\.eat"):
        Settings()


def test_an_error_does_not_show_what_was_set(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("RABBITMQ_URL", "http://u:canary@mq")

    with pytest.raises(ValidationError) as error:
        Settings()
    assert "canary" not in f"{error.value}"


def test_a_file_is_read_and_the_environment_goes_first(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("BCRYPT_COST=11\nLOG_LEVEL=DEBUG\nSOMETHING_ELSE=1\n")
    environment.setenv("LOG_LEVEL", "ERROR")

    assert (Settings().bcrypt_cost, Settings().log_level) == (11, "ERROR")


def test_threads_for_hashing_are_as_many_as_cores_unless_said(environment: pytest.MonkeyPatch) -> None:
    assert Settings().threads_for_hashing >= 1

    environment.setenv("HASHING_THREADS", "3")

    assert Settings().threads_for_hashing == 3


@pytest.mark.parametrize(
    ("name", "near"),
    [("HEALTH_PRT", "HEALTH_PORT"), ("loglevel", "LOG_LEVEL"), ("PREFETCH_COMAND", "PREFETCH_COMMANDS")],
)
def test_a_misspelt_variable_is_noticed(name: str, near: str) -> None:
    assert misspelt([*REQUIRED, name]) == {name.upper(): near}


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "LANG", "HOSTNAME", "MONGO_URI", "OTEL_SERVICE_NAME", "DEV_REDIS_URL"),
        "RABBITMQ_MANAGEMENT_URL_FILE",
    ],
)
def test_what_is_of_others_is_no_misspelt_variable(name: str) -> None:
    """Not even what looks like a variable of ours that is given."""
    assert misspelt([*REQUIRED, name]) == {}


def test_the_file_is_looked_at_too(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("HEALTH_HOTS", "::")
    (tmp_path / ".env").write_text("HEALTH_PRT=8080\nLOG_LEVEL=INFO\n")

    assert misspelt(given_names()) == {"HEALTH_HOTS": "HEALTH_HOST", "HEALTH_PRT": "HEALTH_PORT"}
