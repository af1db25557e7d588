"""The life of a post: what operators do about one."""

from uuid import UUID

import typer

from service.app.commands.erase_post import ErasePost
from service.app.commands.restore_post import RestorePost
from service.cli.brokers import AsJson, Yes
from service.cli.operators import carry_out, show

app = typer.Typer(no_args_is_help=True, help="One post.")


@app.command("restore")
def restore_post(post_id: UUID, *, as_json: AsJson = False) -> None:
    """Bring a deleted post back, if its owner is there."""
    restored = carry_out("post_restored", post_id, lambda use: use.restore_post.handle(RestorePost(post_id)))
    show(restored, "status", as_json=as_json)


@app.command("erase")
def erase_post(
    post_id: UUID,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove what a post says, for good."""
    if not yes:
        typer.confirm(f"Erase the post {post_id}? It cannot be brought back.", abort=True)
    erased = carry_out("post_erased", post_id, lambda use: use.erase_post.handle(ErasePost(post_id)))
    show(erased, "status", as_json=as_json)
