"""The gateway: `uvicorn gateway.app:create_app --factory`, with the options that the README gives."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import Depends, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles

from gateway import posts, sessions, users
from gateway.bodies import BodyLimit
from gateway.problems import RESPONSES, describe_problems, handle_problems
from gateway.settings import Settings
from profile_contracts.client import ProfileClient
from profile_contracts.verifier import TokenVerifier

_PAGE: Final = Path(__file__).parents[2] / "page"


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the gateway, as *settings* or the environment set it up."""
    settings = settings or Settings.from_environment()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.settings = settings
            app.state.service = ProfileClient(settings.broker_urls, name="gateway-fastapi")
            # Not entered: that would connect, and fail while the broker is away. Calls connect by themselves.
            stack.push_async_exit(app.state.service)
            app.state.verifier = await stack.enter_async_context(TokenVerifier(app.state.service))
            yield

    app = FastAPI(
        title="Gateway",
        lifespan=lifespan,
        responses=RESPONSES,
        dependencies=[Depends(no_store)],
        docs_url=None,  # these two would run a script from elsewhere, which could do all that a user may;
        redoc_url=None,  # `page/docs` has one of ours
    )
    app.add_middleware(BodyLimit)
    handle_problems(app)
    for each in (users, sessions, posts):
        app.include_router(each.router)
    app.mount("/", StaticFiles(directory=_PAGE, html=True))
    describe_problems(app)  # at the end: another route would undo it
    return app


def no_store(request: Request, response: Response) -> None:
    """Have nobody keep what belongs to one user (RFC 6749, 5.1). Posts are there for everybody."""
    if not (request.method == "GET" and request.url.path.startswith("/posts")):
        response.headers["cache-control"] = "no-store"
