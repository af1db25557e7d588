"""What an environment was made from: if none of it has changed, there is nothing to do."""

import hashlib
import json
import platform
import sys
import tomllib
from pathlib import Path
from typing import Final

LOCK: Final = "requirements-dev.lock"
BUILD_LOCK: Final = "requirements-build.lock"
PROJECTS: Final = (".", "contracts")
# Of a pyproject.toml, what goes into an installed distribution. The rest is for tools.
_TABLES: Final = ("build-system", "project")
# Raise it when environments that were made before must be made anew.
_SCHEME: Final = 1


def fingerprint(venv: Path, root: Path) -> str:
    """Return it for *venv*, made by the Python that runs this, for the checkout in *root*.

    The two folders belong to it because the scripts in an environment name their own.
    """
    parts = {
        "scheme": _SCHEME,
        "venv": str(venv),
        "root": str(root),
        "python": f"{platform.python_version()} in {sys.base_prefix}",
        LOCK: _digest((root / LOCK).read_bytes()),
        BUILD_LOCK: _digest((root / BUILD_LOCK).read_bytes()),
    }
    for project in PROJECTS:
        tables = tomllib.loads((root / project / "pyproject.toml").read_text(encoding="utf-8"))
        kept = {name: tables.get(name) for name in _TABLES} | {
            "setuptools": tables.get("tool", {}).get("setuptools")
        }
        parts[f"{project}/pyproject.toml"] = _digest(json.dumps(kept, sort_keys=True).encode())
    return json.dumps(parts, indent=2) + "\n"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
