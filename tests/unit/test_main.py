import asyncio
from pathlib import Path
from typing import Any

import pytest

from profile_contracts.operations import AUTH_LOGIN, OPERATIONS, Kind
from service.infrastructure.security.keys import new_key
from service.main import create_app, create_worker
from service.settings import Settings
from tests.builders import NOON

pytestmark = pytest.mark.usefixtures("logging_as_it_was", "nothing_is_set")


def settings(folder: Path, **others: int) -> Settings:
    new_key(folder, NOON)
    return Settings.model_validate(
        {
            "rabbitmq_url": "amqp://nowhere.invalid",
            "mongo_url": "mongodb://nowhere.invalid/profiles",
            "signing_keys_dir": folder,
            "bcrypt_cost": 10,
            **others,
        }
    )


async def test_every_operation_has_a_subscriber_and_nothing_is_connected(tmp_path: Path) -> None:
    service = create_app(settings(tmp_path, prefetch_logins=7))
    broker: Any = service.broker
    subscribers = {each.queue.name: each for each in broker.subscribers}

    assert set(subscribers) == {each.queue for each in OPERATIONS} | {
        "profile.followup",
        "profile.unroutable",
    }
    for each in OPERATIONS:
        usual = 16 if each.kind is Kind.COMMAND else 64
        expected = 7 if each is AUTH_LOGIN else usual

        assert subscribers[each.queue].channel.prefetch_count == expected


@pytest.mark.parametrize(("port", "loops"), [(0, set()), (8080, {"lag"})])
async def test_the_lag_of_the_loop_is_measured_where_it_can_be_asked_for(
    tmp_path: Path, port: int, loops: set[str]
) -> None:
    worker = create_worker(settings(tmp_path, health_port=port))
    async with worker.measuring_lag():
        await asyncio.sleep(0)

        assert set(worker.background.loops) == loops
