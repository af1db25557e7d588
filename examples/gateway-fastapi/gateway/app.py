"""The gateway: `uvicorn gateway.app:create_app --factory`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from gateway import posts, sessions, users
from gateway.problems import RESPONSES, handle_problems
from gateway.settings import Settings
from profile_contracts.client import ProfileClient
from profile_contracts.verifier import TokenVerifier

_PAGE: Final = Path(__file__).parents[2] / "page"


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the gateway, as *settings* or the environment set it up."""
    settings = settings or Settings.from_environment()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            ProfileClient(settings.broker_urls, name="gateway-fastapi") as service,
            TokenVerifier(service) as verifier,
        ):
            app.state.settings = settings
            app.state.service = service
            app.state.verifier = verifier
            yield

    app = FastAPI(title="Gateway", lifespan=lifespan, responses=RESPONSES)
    handle_problems(app)
    for each in (users, sessions, posts):
        app.include_router(each.router)
    app.mount("/", StaticFiles(directory=_PAGE, html=True))
    return app
