"""Stock FastStream and Motor: `faststream run benchmarks.peers.faststream_motor:app`."""

import os
from datetime import datetime
from typing import Any
from uuid import UUID

from faststream import FastStream
from faststream.rabbit import RabbitBroker, RabbitQueue
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import BaseModel
from pymongo import ReturnDocument

from benchmarks.peers.profiles import COLLECTION, to_json


class GetProfile(BaseModel):
    """Asks for a profile."""

    id: UUID


class UpdateProfile(BaseModel):
    """Asks for another last name."""

    id: UUID
    last_name: str


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


broker = RabbitBroker(os.environ["AMQP_URL"])
app = FastStream(broker)
client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
    os.environ["MONGO_URL"], uuidRepresentation="standard"
)
profiles = client.get_default_database()[COLLECTION]


@broker.subscriber(RabbitQueue("bench.faststream.get", auto_delete=True))
async def get_profile(request: GetProfile) -> Profile:
    """Read a profile."""
    return Profile(**to_json(await profiles.find_one({"id": request.id})))


@broker.subscriber(RabbitQueue("bench.faststream.update", auto_delete=True))
async def update_profile(request: UpdateProfile) -> Profile:
    """Change a last name."""
    document = await profiles.find_one_and_update(
        {"id": request.id},
        {"$set": {"last_name": request.last_name}},
        return_document=ReturnDocument.AFTER,
    )
    return Profile(**to_json(document))
