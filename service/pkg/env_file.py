"""Variables of the environment that a file may have, too: `.env` in the current folder, say."""

from collections.abc import Collection, MutableMapping
from pathlib import Path

from dotenv import dotenv_values

from service.pkg.secret_files import SUFFIX


class EnvFileError(Exception):
    """The file can't be read; the sentence says why, and shows nothing of what is in it."""


def read_env_file(environ: MutableMapping[str, str], path: Path, names: Collection[str]) -> None:
    """Set each variable of *names* that the file at *path* has, in whatever case, and that is not set yet.

    A variable and the one that names a file for it, `NAME` and `NAME_FILE`, are one: the environment goes
    first. An empty one counts as missing, and so does the file, if it is not there.

    Raises:
        EnvFileError

    """
    given = {_without_suffix(name.upper()) for name, value in environ.items() if value}
    try:
        for written, value in dotenv_values(path).items():
            name = written.upper()
            if value and name in names and _without_suffix(name) not in given:
                environ[name] = value
    except OSError as error:
        raise EnvFileError(f"The file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:  # which shows a part
        raise EnvFileError(f"The file {path} cannot be read: it is no UTF-8.") from None
    except ValueError:  # as no variable can hold a NUL
        raise EnvFileError(f"The file {path} cannot be read: it is not all text.") from None


def _without_suffix(name: str) -> str:
    return name.removesuffix(SUFFIX)
