"""Documents by their id: what concurrent requests read goes to MongoDB as one query."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from service.infrastructure.mongo.errors import DatabaseUnavailable
from service.pkg.batched_reads import MAX_KEYS, BatchedReads
from service.pkg.database import (
    OPERATION_SECONDS,
    Documents,
    bounded_operation,
    operation_deadline,
    seconds_left,
)


class ReadsById:
    """Finds documents of one collection by the unique field *key*.

    Half of what `find_one` costs the worker is its way through driver and kernel, which a query shares with
    those that came while the one before it was under way.

    Args:
        projection: Which fields to read.
        where: What else documents have to be.

    """

    def __init__(
        self,
        collection: AsyncCollection[Documents],
        key: str = "id",
        *,
        projection: Mapping[str, Any] | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> None:
        self._collection = collection
        self._key = key
        self._projection = projection
        self._where = where or {}
        self._reads = BatchedReads[UUID, Documents](self._load)
        self._until = 0.0  # when the last of those who wait for the next query stops waiting

    async def find(self, document_id: UUID) -> Documents | None:
        """Return a document, or `None`. It may be that of other callers, too: nobody may change it.

        Raises:
            DatabaseUnavailable: MongoDB did not answer within the caller's time, or ours.

        """
        try:
            left = seconds_left()
            self._until = max(self._until, time.monotonic() + left)
            if left >= OPERATION_SECONDS:  # the query has that limit itself
                return await self._reads.get(document_id)
            async with asyncio.timeout(left):
                return await self._reads.get(document_id)
        except (PyMongoError, TimeoutError) as error:
            raise DatabaseUnavailable from error

    async def _load(self, ids: Sequence[UUID]) -> dict[UUID, Documents]:
        now = time.monotonic()
        until = self._until
        if len(ids) < MAX_KEYS:  # else some may wait for the query after this one still
            self._until = 0.0
        with operation_deadline(until - now if until else OPERATION_SECONDS), bounded_operation():
            found = self._collection.find({self._key: {"$in": ids}, **self._where}, self._projection)
            return {each[self._key]: each for each in await found.to_list()}
