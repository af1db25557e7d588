"""FastAPI, uvicorn and Motor, over HTTP: `uvicorn benchmarks.peers.fastapi_motor:app`."""

import os
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import BaseModel

from benchmarks.peers.profiles import COLLECTION, to_json


class Profile(BaseModel):
    """What is answered."""

    id: UUID
    oid: str
    first_name: str
    last_name: str
    email: str
    role: str
    status: str
    created_at: datetime
    updated_at: datetime
    version: int


app = FastAPI()
client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
    os.environ["MONGO_URL"], uuidRepresentation="standard"
)
profiles = client.get_default_database()[COLLECTION]


@app.get("/profiles/{profile_id}")
async def get_profile(profile_id: UUID) -> Profile:
    """Read a profile."""
    return Profile(**to_json(await profiles.find_one({"id": profile_id})))
