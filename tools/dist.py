"""Builds wheel and source archive of both distributions, without network: `python -m tools.dist [folder]`."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tools.setup.user_settings import without_settings

ROOT: Final = Path(__file__).parents[1]
# By the folder of the distribution, what is packed.
CONTENTS: Final = {"contracts": "profile_contracts", ".": "service"}
_FILES: Final = ("pyproject.toml", "README.md", "LICENSE")
# What a worker shows, and what is in no package.
PAGE: Final = "asyncapi/index.html"
_UV: Final = Path(sys.executable).with_name("uv")
# With the setuptools that is locked. The wheel is made from the source archive, so that both hold the same.
_OPTIONS: Final = ("--quiet", "--offline", "--no-build-isolation", "--no-config", "--python", sys.executable)
_SECONDS: Final = 120


def build(folder: Path) -> list[Path]:
    """Build into *folder*; return the files.

    Raises:
        subprocess.CalledProcessError: One could not be built.

    """
    for project, package in CONTENTS.items():
        with tempfile.TemporaryDirectory() as name:
            # Of a copy: setuptools packs whatever an earlier build beside the code has listed, wanted or not.
            copy = _copy(ROOT / project, package, Path(name) / "copy")
            command: list[Path | str] = [_UV, "build", *_OPTIONS, "--out-dir", folder.absolute(), copy]
            subprocess.run(command, env=without_settings(os.environ), timeout=_SECONDS, check=True)
    return sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")])


def _copy(project: Path, package: str, copy: Path) -> Path:
    shutil.copytree(project / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in _FILES:
        shutil.copy(project / file, copy)
    if (project / PAGE).exists():
        (copy / PAGE).parent.mkdir()
        shutil.copy(project / PAGE, copy / PAGE)
    return copy


def main() -> int:
    """Say what was built."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "dist"
    try:
        files = build(folder)
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    for file in files:
        print(f"{file}: {file.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
