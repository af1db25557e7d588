"""Builds the client in TypeScript, once for all tests that run at the same time."""

import fcntl

from asyncapi.node import find_node, installed, run
from tests.documents import ROOT

PACKAGE = ROOT / "contracts" / "typescript"
_COMPILE_SECONDS = 120


def build() -> None:
    """Compile the package with the strictest options, unless that was done since its source changed."""
    sources = [*(PACKAGE / "src").iterdir(), PACKAGE / "tsconfig.json", PACKAGE / "package-lock.json"]
    built = PACKAGE / "dist" / "index.js"
    node = find_node()
    installed(node, PACKAGE)
    with (PACKAGE / "tsconfig.json").open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if built.exists() and built.stat().st_mtime >= max(each.stat().st_mtime for each in sources):
            return
        compiler = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
        done = run((*node.node, str(compiler)), PACKAGE, _COMPILE_SECONDS)
    assert done.returncode == 0, done.stdout
