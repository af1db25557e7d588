"""Variables of the environment that are read from files, as Docker's official images have it."""

from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Final

# Of the variable that names a file for another one.
SUFFIX: Final = "_FILE"


class SecretFileError(Exception):
    """A variable can't be read from its file; the sentence names both, and shows nothing of what is in it."""


def read_secret_files(environ: MutableMapping[str, str], names: Iterable[str]) -> None:
    """Set each variable of *names* that another one, `NAME_FILE`, names a file of; take that one away.

    Blanks and line breaks around what is in the file are left out. An empty variable counts as missing.

    Raises:
        SecretFileError: The variable is set, too, or there is no text to be read in that file.

    """
    for name in names:
        path = environ.pop(name + SUFFIX, "")
        if not path:
            continue
        if environ.get(name):
            raise SecretFileError(f"{name} and {name}{SUFFIX} are both set.")
        environ[name] = _text_of(path, name)


def _text_of(path: str, name: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SecretFileError(f"{name}{SUFFIX}: {error}") from None
    except UnicodeDecodeError:  # which shows a part
        text = ""
    if not text or "\0" in text:
        raise SecretFileError(f"{name}{SUFFIX}: {path} holds no text.")
    return text
