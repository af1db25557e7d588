"""Makes asyncapi.yaml, and the copy of it in index.html: `python -m asyncapi.generate`."""

import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import yaml

from asyncapi import page
from asyncapi.channels import VHOST, channels, operations, tag
from asyncapi.events import TAG, event_channels, event_messages, event_operations
from asyncapi.headers import CORRELATION_ID, HEADERS
from asyncapi.messages import messages
from asyncapi.schemas import schemas
from asyncapi.tables import reasons, table
from profile_contracts.errors import to_exception
from profile_contracts.events import EVENTS
from profile_contracts.operations import COMMON_ERRORS, OPERATIONS
from profile_contracts.replies import ErrorBody, ErrorCode

FOLDER: Final = Path(__file__).parent
DOCUMENT: Final = FOLDER / "asyncapi.yaml"
_INTRODUCTION: Final = FOLDER / "introduction.md"
_PROJECT: Final = FOLDER.parent / "pyproject.toml"


def document() -> dict[str, Any]:
    """Return the AsyncAPI document of the service."""
    return {
        # Not 3.1.0: Backstage refuses it, and Modelina makes `any` of every message.
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {"local": _server()},
        "channels": {**channels(), **event_channels()},
        "operations": {**operations(), **event_operations()},
        "components": {
            "schemas": {**HEADERS, **schemas()},
            "messages": {**messages(), **event_messages()},
            "correlationIds": {"correlationId": CORRELATION_ID},
            "securitySchemes": {
                "brokerUser": {"type": "userPassword", "description": "A user of the broker."}
            },
        },
    }


def rendered() -> str:
    """Return the document as YAML."""
    head = "# Made by `python -m asyncapi.generate` from the tables of contracts/. Do not edit.\n"
    return head + yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def main() -> None:
    """Write the document, and put it into the page."""
    DOCUMENT.write_text(rendered(), encoding="utf-8")
    page.embed(document())
    sys.stdout.write(
        f"{DOCUMENT.name} and {page.PAGE.name} hold {len(OPERATIONS)} operations, {len(EVENTS)} events\n"
    )


class _Dumper(yaml.SafeDumper):
    """YAML for people: text of several lines stays so, and nothing is said by alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as PyYAML has it
        """Write out what occurs twice."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _info() -> dict[str, Any]:
    project = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]
    codes = [(f"`{code}`", _meaning(code)) for code in ErrorCode]
    return {
        "title": "Profile service",
        "version": project["version"],
        "description": "\n\n".join(
            (
                _INTRODUCTION.read_text(encoding="utf-8").strip(),
                "## Error codes\n\nThe list is closed.",
                table(("code", "meaning"), codes),
                "Any operation may be answered with one of these reasons:",
                reasons(COMMON_ERRORS),
            )
        ),
        "tags": [*({"name": name} for name in dict.fromkeys(map(tag, OPERATIONS))), TAG],
    }


def _meaning(code: ErrorCode) -> str:
    """Return what the typed client says of *code*."""
    error = to_exception(ErrorBody(code=code, reason=code, message="", retryable=False))
    return (type(error).__doc__ or "").strip()


def _server() -> dict[str, Any]:
    return {
        "host": "localhost:5672",
        "pathname": VHOST,
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ on your own machine.",
        "security": [{"$ref": "#/components/securitySchemes/brokerUser"}],
    }


if __name__ == "__main__":
    main()
