"""The README's tables, made from the code: `python -m tools.readme`."""

import re
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_json

from profile_contracts.events import EVENTS
from profile_contracts.operations import OPERATIONS
from service.settings import Settings

README: Final = Path(__file__).parent.parent / "README.md"


def tables() -> dict[str, str]:
    """Return the rows of each table, by the name in the markers around it."""
    return {
        "operations": "\n".join(
            f"| `{operation.queue}` | {operation.summary} | {operation.actor} |" for operation in OPERATIONS
        ),
        "events": "\n".join(
            f"| `{event.name}` | {event.summary} | {_fields(event.data)} |" for event in EVENTS
        ),
        "settings": "\n".join(
            f"| `{name.upper()}` | {_default(field)} | {field.description} |"
            for name, field in Settings.model_fields.items()
        ),
    }


def filled(text: str) -> str:
    """Return *text* with the rows of its tables made again."""
    for name, rows in tables().items():
        pattern = rf"(<!-- {name}: [^\n]*\n\|[^\n]*\n\|[-|]+\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, rf"\g<1>{rows}\n\g<2>", text, flags=re.DOTALL)
    return text


def _fields(model: type[BaseModel]) -> str:
    return ", ".join(f"`{name}`" for name in model.model_fields)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    default = field.default
    return f"`{default if isinstance(default, str | int | Path) else to_json(default).decode()}`"


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
