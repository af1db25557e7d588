"""The page of settings."""

from pathlib import Path
from typing import Final

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_json

from asyncapi.tables import table
from service.settings import Settings
from tools.reference.markdown import blocks, paragraph

_INTRODUCTION: Final = """
A worker, and every command of `profilectl`, reads environment variables, or a file `.env` in the folder that
it is started in; the environment goes first. An empty variable counts as missing.
[.env.example](../../.env.example) lists them all, with values for this machine. A worker with a wrong setting
says which one it is, and exits with 2. [Run a worker](../howto/operate.md) uses them.
Addresses hold passwords, so each may come from a file, as in Docker's official images:
`RABBITMQ_URL_FILE=/run/secrets/rabbitmq_url`, and `MONGO_URL_FILE`, `REDIS_URL_FILE` and
`RABBITMQ_MANAGEMENT_URL_FILE`.
""".strip()


def page() -> str:
    """Return the page."""
    rows = [
        (f"`{name.upper()}`", _default(field), str(field.description))
        for name, field in Settings.model_fields.items()
    ]
    return blocks("# Settings", paragraph(_INTRODUCTION), table(("variable", "default", "meaning"), rows))


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    default = field.default
    if default == "":
        return "empty"
    return f"`{default if isinstance(default, str | int | Path) else to_json(default).decode()}`"
