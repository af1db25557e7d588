"""Which pages there are."""

from pathlib import Path
from typing import Final

from tools.reference import errors, events, operations, profilectl, settings

FOLDER: Final = Path(__file__).parents[2] / "docs" / "reference"
_MADE: Final = "<!-- Made from the code by `make docs`. Do not edit: change the code and make it again. -->"


def pages() -> dict[str, str]:
    """Return the text of each page, by the name of its file."""
    made = {
        "operations.md": operations.page(),
        "events.md": events.page(),
        "settings.md": settings.page(),
        "errors.md": errors.page(),
        "profilectl.md": profilectl.page(),
    }
    return {name: f"{_MADE}\n\n{text.rstrip()}\n" for name, text in made.items()}
