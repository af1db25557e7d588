"""The gateway: `uvicorn gateway.app:create_app --factory`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from gateway import posts, sessions, users
from gateway.problems import handle_problems
from gateway.settings import Settings
from profile_contracts.client import ProfileClient
from profile_contracts.verifier import TokenVerifier

_STATIC: Final = Path(__file__).parent / "static"


def create_app() -> FastAPI:
    """Return the gateway, as the environment sets it up."""
    settings = Settings.from_environment()

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

    app = FastAPI(title="Gateway", lifespan=lifespan)
    handle_problems(app)
    for each in (users, sessions, posts):
        app.include_router(each.router)
    app.mount("/", StaticFiles(directory=_STATIC, html=True))
    return app
