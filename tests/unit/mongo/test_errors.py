import asyncio
from typing import Any, NoReturn

import pytest
from pymongo.errors import AutoReconnect, PyMongoError

from service.infrastructure.mongo import errors
from service.infrastructure.mongo.errors import DatabaseUnavailable, database_call
from service.pkg.detached import DetachedCalls
from tests.unit.pkg.test_detached import Driver


class Store:
    """What calls a driver, in no time."""

    client: Any = None

    def __init__(self, driver: Driver | None = None) -> None:
        self.driver = driver or Driver()

    @database_call
    async def fail(self, error: Exception) -> NoReturn:
        raise error

    @database_call
    async def call(self) -> int:
        return await self.driver.call()


@pytest.mark.parametrize("error", [PyMongoError(), AutoReconnect()])
async def test_what_the_driver_cannot_do_is_unavailable(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailable):
        await Store().fail(error)


@pytest.mark.parametrize("error", [RuntimeError("of ours"), NotImplementedError(), KeyError("name")])
async def test_a_mistake_of_ours_is_not_hidden(error: Exception) -> None:
    with pytest.raises(type(error)):
        await Store().fail(error)


async def test_a_driver_that_does_not_come_back_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "CALLS", DetachedCalls("stuck", limit=1))
    driver = Driver()
    store = Store(driver)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await store.call()
    with pytest.raises(DatabaseUnavailable):
        await store.call()
    await driver.ends()

    assert await store.call() == 42
