"""`profilectl`, called in this process."""

from typer.testing import CliRunner, Result

from service import cli


def profilectl(*words: str, **environment: str) -> Result:
    """Return what came of it."""
    return CliRunner().invoke(cli.app, words, env={"COLUMNS": "500", **environment})


def said(result: Result) -> str:
    """Return what was written to standard error, without line breaks."""
    return " ".join(result.stderr.split())
