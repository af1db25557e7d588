"""Classes that the tool of the AsyncAPI initiative makes of our document compile."""

from pathlib import Path

import pytest

from asyncapi.generate import DOCUMENT
from asyncapi.node import FOLDER, find_node, installed, run
from asyncapi.schemas import reply_name
from profile_contracts.operations import OPERATIONS
from tests.integration.clients.typescript import PACKAGE, build

_SECONDS = 120
_STRICT = (
    *("--strict", "--noEmit"),
    *("--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"),
)


# Modelina has 200 MB, and its installation takes half a minute.
@pytest.mark.at_length
def test_the_classes_that_modelina_makes_compile_strictly(tmp_path: Path) -> None:
    node, folder = find_node(), FOLDER / "modelina"
    installed(node, folder)
    build()  # which installs the compiler
    made = run((*node.node, "generate.mjs", str(DOCUMENT), str(tmp_path)), folder, _SECONDS)
    assert made.returncode == 0, made.stdout
    files = sorted(each.name for each in tmp_path.glob("*.ts"))
    compiler = str(PACKAGE / "node_modules" / "typescript" / "bin" / "tsc")
    compiled = run((*node.node, compiler, *_STRICT, *files), tmp_path, _SECONDS)

    assert compiled.returncode == 0, compiled.stdout
    names = {each.request.__name__ for each in OPERATIONS} | {reply_name(each) for each in OPERATIONS}
    assert {f"{each}.ts" for each in names} <= set(files)
    assert "any" not in (tmp_path / "ProfileGetReply.ts").read_text().replace("Map<string, any>", "")
