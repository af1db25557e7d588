"""The README says what the code says."""

import re
import subprocess
import sys
from pathlib import Path

from tools.readme import README, filled

ROOT = README.parent


def test_the_tables_are_made_from_the_code() -> None:
    """`make docs` would change nothing."""
    text = README.read_text()

    assert text == filled(text)


def test_every_file_that_is_linked_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text())

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z]+)`?$|`make ([a-z]+)`", README.read_text(), flags=re.MULTILINE))

    assert {target for pair in named for target in pair if target} <= targets


def test_the_example_of_the_client_passes_a_strict_type_check(tmp_path: Path) -> None:
    """It is type-checked as a gateway would write it."""
    example = re.search(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert example
    imports, body = example[1].split("\n\npassword", 1)
    function = "async def main() -> None:\n" + "\n".join(
        f"    {line}" for line in f"password{body}".splitlines()
    )

    file = tmp_path / "example.py"
    file.write_text(f"{imports}\n\n{function}\n")

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


def test_the_paths_of_the_layout_are_there() -> None:
    table = README.read_text().partition("## Where things are")[2].partition("\n## ")[0]
    paths = re.findall(r"`([a-z_]+/[a-z_/.]*)`", table)

    assert paths
    assert [path for path in paths if not (ROOT / Path(path)).exists()] == []
