"""Workers of releases before this one, out of this repository's own history."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
# What each release was made of.
COMMITS: Final = {"0.1.0": "09574ac8999ab2e219cc5b8868689c0f8fa77980"}
_SECONDS: Final = 300.0


def installed(release: str, folder: Path) -> dict[str, str]:
    """Install *release* into *folder*, as its own lock says, and return what `released_worker` needs to know.

    Raises:
        subprocess.CalledProcessError: Its sources are not in this clone, or its packages cannot be fetched.

    """
    archive, sources, environment = folder / "sources.tar", folder / "sources", folder / "environment"
    _run("git", "-C", ROOT, "archive", f"--output={archive}", COMMITS[release])
    sources.mkdir()
    _run("tar", "-xf", archive, "-C", sources)
    python, uv = environment / "bin" / "python", Path(sys.prefix, "bin", "uv")
    _run(uv, "venv", "-q", "--python", sys.executable, environment)
    _run(uv, "pip", "sync", "-q", "--python", python, "--require-hashes", sources / "requirements.lock")
    return {"RELEASED_PYTHON": str(python), "PYTHONPATH": str(sources)}


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, timeout=_SECONDS)
