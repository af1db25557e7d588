"""`profilectl`: what operators type."""

# First of all, for the imports below take more than a second.
from service.pkg.pid_one import hear_sigterm  # isort: skip

hear_sigterm()

import typer  # noqa: E402 - see above

from service.cli import (  # noqa: E402 - see above
    admins,
    deadletters,
    keys,
    profiles,
    requests,
    topology,
    worker,
)

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
