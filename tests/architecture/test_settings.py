import json
from pathlib import Path
from typing import Any

import pytest

from service.settings import Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"
# What has no default points at this machine, as the users of `deploy/rabbitmq/definitions.json`.
LOCAL = {
    "rabbitmq_url": "amqp://profile-service:profile-service@127.0.0.1:5672/",
    "mongo_url": "mongodb://127.0.0.1:27017/profiles?replicaSet=rs0",
}


def written(value: Any) -> str:
    """Return *value* as it stands in the file."""
    if isinstance(value, bool | dict | tuple):
        return json.dumps(value)
    return str(value)


def expected() -> str:
    """Return the file that goes with the settings."""
    paragraphs = []
    for name, field in Settings.model_fields.items():
        value = LOCAL[name] if field.is_required() else written(field.default)
        paragraphs.append(f"# {field.description}\n{name.upper()}={value}\n")
    return "\n".join(paragraphs)


def test_the_example_lists_every_variable_with_its_default() -> None:
    assert EXAMPLE.read_text() == expected()


def test_every_variable_is_explained() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_number_has_bounds() -> None:
    """One that is too large would be found out by the first request."""
    numbers = {name: field for name, field in Settings.model_fields.items() if field.annotation is int}

    assert numbers
    assert [
        name
        for name, field in numbers.items()
        if not any(hasattr(each, "le") for each in field.metadata)
        or not any(hasattr(each, "ge") or hasattr(each, "gt") for each in field.metadata)
    ] == []


def test_the_example_can_be_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    used = Settings(_env_file=EXAMPLE)
    defaults = {name: field.default for name, field in Settings.model_fields.items() if name not in LOCAL}

    assert used.model_dump(exclude=set(LOCAL)) == defaults
    assert {name: str(getattr(used, name)) for name in LOCAL} == LOCAL


def test_no_server_is_a_default() -> None:
    # Where the worker itself listens, and that there is no server.
    others = [field for name, field in Settings.model_fields.items() if name != "health_host"]
    defaults = " ".join(str(field.default) for field in others).replace("memory://", "")

    assert not [word for word in ("://", "localhost", "127.0.0.1") if word in defaults]
