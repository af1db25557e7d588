"""Celery and PyMongo: `celery --app benchmarks.peers.celery_pymongo worker`."""

import os
from typing import Any
from uuid import UUID

from celery import Celery
from celery.signals import worker_process_init
from pymongo import MongoClient
from pymongo.collection import Collection

from benchmarks.peers.profiles import COLLECTION, to_json

app = Celery("bench", broker=os.environ["AMQP_URL"], backend="rpc://")
app.conf.task_default_queue = "bench.celery"
connected: dict[str, Collection[dict[str, Any]]] = {}


@worker_process_init.connect
def connect(**_: object) -> None:
    """Connect in each process of the pool: a client does not survive a fork."""
    client: MongoClient[dict[str, Any]] = MongoClient(os.environ["MONGO_URL"], uuidRepresentation="standard")
    connected["profiles"] = client.get_default_database()[COLLECTION]


@app.task
def get_profile(id: str) -> dict[str, Any]:  # noqa: A002 - the name on the wire
    """Read a profile."""
    return to_json(connected["profiles"].find_one({"id": UUID(id)}))
