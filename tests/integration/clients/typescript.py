"""Builds what is written in TypeScript, once for all tests that run at the same time."""

import fcntl
from pathlib import Path

from asyncapi.node import find_node, installed, run
from tests.documents import ROOT

PACKAGE = ROOT / "contracts" / "typescript"
_COMPILE_SECONDS = 120


def build(folder: Path = PACKAGE) -> None:
    """Compile the package in *folder*, unless that was done since its source changed."""
    sources = [*(folder / "src").iterdir(), folder / "tsconfig.json", folder / "package-lock.json"]
    built = folder / "dist"
    node = find_node()
    installed(node, folder)
    with (folder / "tsconfig.json").open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        files = list(built.iterdir()) if built.exists() else []
        if files and min(map(_changed, files)) >= max(map(_changed, sources)):
            return
        compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
        done = run((*node.node, str(compiler)), folder, _COMPILE_SECONDS)
    assert done.returncode == 0, done.stdout


def _changed(file: Path) -> float:
    return file.stat().st_mtime
