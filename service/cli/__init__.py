"""`profilectl`: what operators type."""

import typer

from service.cli import admins, deadletters, keys, profiles, requests, topology, worker

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(keys.app, name="keys")
app.add_typer(admins.app, name="admin")
app.add_typer(profiles.app, name="profile")
app.add_typer(topology.app, name="topology")
app.add_typer(deadletters.app, name="dlq")
app.command("worker")(worker.worker)
app.command("call")(requests.call)


@app.callback()
def profilectl() -> None:
    """Run and look after the profile service."""
