"""Wheels with nothing in them, to stand for releases that do not exist yet."""

from collections.abc import Iterable
from pathlib import Path
from zipfile import ZipFile


def write_wheel(folder: Path, name: str, version: str, metadata: Iterable[str] = ()) -> Path:
    """Write a wheel of *name* into *folder*, with more lines of *metadata*. Returns its path."""
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata]
    files = {
        "METADATA": "\n".join([*head, ""]),
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{stem}.dist-info/{each},," for each in [*files, "RECORD"]]
    with ZipFile(path, "w") as wheel:
        for each, content in {**files, "RECORD": "\n".join([*record, ""])}.items():
            wheel.writestr(f"{stem}.dist-info/{each}", content)
    return path
