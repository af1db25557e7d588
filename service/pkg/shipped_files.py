"""Files that come with a distribution and are in none of its packages."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path


def shipped_file(distribution: str, name: str) -> Path | None:
    """Return where *distribution* has installed a file whose path ends in *name*, if it has."""
    try:
        found = files(distribution) or ()
    except PackageNotFoundError:
        return None
    return next((Path(str(each.locate())) for each in found if str(each).endswith(name)), None)
