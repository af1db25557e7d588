"""The life of a post: what operators do about one."""

from uuid import UUID

import typer

from service.app.commands.erase_post import ErasePost
from service.app.commands.restore_post import RestorePost
from service.cli.operators import carry_out

app = typer.Typer(no_args_is_help=True, help="One post.")


@app.command("restore")
def restore_post(post_id: UUID) -> None:
    """Bring a deleted post back, if its owner is there."""
    restored = carry_out("post_restored", post_id, lambda use: use.restore_post.handle(RestorePost(post_id)))
    typer.echo(f"{restored.id} is {restored.status}, version {restored.version}.")


@app.command("erase")
def erase_post(
    post_id: UUID,
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),  # noqa: FBT001, FBT003 - an option
) -> None:
    """Remove what a post says, for good."""
    if not yes:
        typer.confirm(f"Erase the post {post_id}? It cannot be brought back.", abort=True)
    erased = carry_out("post_erased", post_id, lambda use: use.erase_post.handle(ErasePost(post_id)))
    typer.echo(f"{erased.id} is {erased.status}, version {erased.version}.")
