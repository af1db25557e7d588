"""The documents of the repository, and the fenced blocks in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_FENCE: Final = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE_NAME: Final = re.compile(r"# ([a-z_]+\.py)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        info: What stands behind the opening fence: the language, and perhaps a word on how it is run.
        line: The number of its first line in the document.
        is_output: Whether it shows what the block of commands right before it prints.

    """

    info: str
    text: str
    line: int
    is_output: bool

    @property
    def file_name(self) -> str | None:
        """The file that a Python block is saved as: its first line says so."""
        found = _FILE_NAME.fullmatch(self.text.partition("\n")[0])
        return found[1] if found else None


def documents() -> list[Path]:
    """Return every document that is written for people, and every page that is made for them."""
    return [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "examples").glob("*/README.md")),
    ]


def name_of(document: Path) -> str:
    """Return the path of *document* in the repository."""
    return document.relative_to(ROOT).as_posix()


def blocks(document: Path) -> list[Block]:
    """Return the fenced blocks of *document*, in order."""
    return list(_blocks(document.read_text(encoding="utf-8")))


def prose(document: Path) -> str:
    """Return *document* without its fenced blocks."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def _blocks(text: str) -> Iterator[Block]:
    before, end = "", 0
    for found in _FENCE.finditer(text):
        follows_commands = before.startswith("sh") and not text[end : found.start()].strip()
        info = found["info"]
        yield Block(
            info=info,
            text=found["text"],
            line=text.count("\n", 0, found.start()) + 2,
            is_output=info == "text" and follows_commands,
        )
        before, end = info, found.end()
