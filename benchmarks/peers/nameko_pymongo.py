"""Nameko and PyMongo: `nameko run --config … benchmarks.peers.nameko_pymongo`."""

import os
from typing import Any
from uuid import UUID

from nameko.extensions import DependencyProvider
from nameko.rpc import rpc
from pymongo import MongoClient
from pymongo.collection import Collection

from benchmarks.peers.profiles import COLLECTION, to_json


class Profiles(DependencyProvider):
    """Gives the collection to each worker."""

    def setup(self) -> None:
        """Connect once."""
        client: MongoClient[dict[str, Any]] = MongoClient(
            os.environ["MONGO_URL"], uuidRepresentation="standard"
        )
        self.collection = client.get_default_database()[COLLECTION]

    def get_dependency(self, _: object) -> Collection[dict[str, Any]]:
        """Return what a service sees."""
        return self.collection


class ProfileService:
    """Reads profiles."""

    name = "bench_profiles"
    profiles = Profiles()

    @rpc
    def get(self, id: str) -> dict[str, Any]:  # noqa: A002 - the name on the wire
        """Read a profile."""
        return to_json(self.profiles.find_one({"id": UUID(id)}))
