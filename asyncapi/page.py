"""Makes index.html, which shows the document offline: `python -m asyncapi.page`.

The viewer is fetched once, by npm, and becomes part of the page. The document sits in a tag of its own,
so `python -m asyncapi.generate` renews it without npm or network.
"""

import base64
import hashlib
import json
import re
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

import yaml

from asyncapi.node import NodeError, find_node, run

FOLDER: Final = Path(__file__).parent
PAGE: Final = FOLDER / "index.html"

_VIEWER: Final = "@asyncapi/react-component@3.2.1"
_VIEWER_SHA512: Final = (
    "k5ZqJd6+oxYaQ2o6F3rGWJ1MTIjXdpsUYB3NKQbVqr4yzrN0Ovj5c7eZx8NGd3wfKPhbOrLREtYl9K2OPfnSsA=="
)
_FETCH_SECONDS: Final = 120

_DOCUMENT: Final = re.compile(
    r'(?<=<script type="application/json" id="document">).*?(?=</script>)', re.DOTALL
)
_START: Final = """
AsyncApiStandalone.render(
  {
    schema: JSON.parse(document.getElementById("document").textContent),
    config: {
      show: { sidebar: true, errors: true, messages: false },
      sidebar: { showOperations: "bySpecTags" },
      expand: { messageExamples: true },
    },
  },
  document.getElementById("asyncapi"),
);
"""
# What we like better than the viewer's own style.
_STYLE: Final = """
body { margin: 0; }
.aui-root { font-family: system-ui, sans-serif; }
.aui-root .prose code::before, .aui-root .prose code::after { content: none; }
.aui-root .prose table { width: auto; }
.aui-root .prose th, .aui-root .prose td { padding-right: 2em; }
.aui-root .panel-item--center > .font-mono { font-family: inherit; padding: 1rem 2rem; }
.aui-root .panel--center .panel-item--center .panel-item { display: block; }
.aui-root .panel--center .panel-item--center .panel-item > * { width: 100%; }
/* The groups of the list of operations are always open. */
.aui-root .sidebar button + ul.hidden { display: block; padding-left: 1em; }
.aui-root .sidebar button > svg { display: none; }
/* "Accepts the following message": not an event, which is sent. */
.aui-root [id^="operation-send-"][id$="-message"] > div > p { display: none; }
"""
# The scripts are allowed by their hashes. The viewer compiles JSON Schemas, hence unsafe-eval.
_SHELL: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>Profile service: AsyncAPI</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<noscript>This page needs JavaScript. The document is in asyncapi.yaml, beside it.</noscript>
<div id="asyncapi"></div>
<script type="application/json" id="document">{document}</script>
<!-- {viewer}, Apache License 2.0, https://github.com/asyncapi/asyncapi-react -->
<script>{script}</script>
<script>{start}</script>
</body>
</html>
"""


def embed(document: dict[str, Any]) -> None:
    """Put *document* into the page in place of the one it holds."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_DOCUMENT.sub(lambda _: _json(document), page, count=1), encoding="utf-8")


def embedded() -> Any:  # noqa: ANN401 - any JSON value
    """Return the document that the page holds."""
    found = _DOCUMENT.search(PAGE.read_text(encoding="utf-8"))
    return json.loads(found.group()) if found else None


def build(document: dict[str, Any]) -> str:
    """Return the page, made anew with the viewer from the npm registry."""
    script, style = _fetch_viewer()
    script = _harmless(script)
    return _SHELL.format(
        policy=_policy(script, _START),
        style=style + _STYLE,
        document=_json(document),
        viewer=_VIEWER,
        script=script,
        start=_START,
    )


def main() -> None:
    """Write the page."""
    document = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text(encoding="utf-8"))
    PAGE.write_text(build(document), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {PAGE.stat().st_size:,} bytes\n")


def _fetch_viewer() -> tuple[str, str]:
    """Return the viewer's script and style. Its package holds both in one piece, so nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        done = run((*find_node().npm, "pack", _VIEWER, "--silent"), Path(folder), _FETCH_SECONDS)
        if done.returncode != 0:
            raise NodeError(done.stdout)
        (archive,) = Path(folder).glob("*.tgz")
        if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != _VIEWER_SHA512:
            msg = f"{_VIEWER} is not what it was."
            raise NodeError(msg)
        with tarfile.open(archive) as files:
            return _member(files, "browser/standalone/index.js"), _member(files, "styles/default.min.css")


def _member(files: tarfile.TarFile, name: str) -> str:
    member = files.extractfile(f"package/{name}")
    if member is None:
        msg = f"{_VIEWER} has no {name}."
        raise NodeError(msg)
    return member.read().decode()


def _harmless(script: str) -> str:
    """Hide what would end the tag, or open a comment in it, by an escape that means the same."""
    return re.sub(r"<(?=/script|!--)", r"\\x3C", script, flags=re.IGNORECASE)


def _json(document: dict[str, Any]) -> str:
    """Return *document* as JSON that no tag can hide in."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _policy(*scripts: str) -> str:
    hashes = (base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in scripts)
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    return f"default-src 'none'; script-src {allowed} 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"


if __name__ == "__main__":
    main()
