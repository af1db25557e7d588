from pathlib import Path
from typing import Any

import pytest

from profile_contracts.operations import AUTH_LOGIN, OPERATIONS, Kind
from service.infrastructure.security.keys import new_key
from service.main import create_app
from service.settings import Settings
from tests.builders import NOON

pytestmark = pytest.mark.usefixtures("logging_as_it_was", "nothing_is_set")


async def test_every_operation_has_a_subscriber_and_nothing_is_connected(tmp_path: Path) -> None:
    new_key(tmp_path, NOON)
    service = create_app(
        Settings.model_validate(
            {
                "rabbitmq_url": "amqp://nowhere.invalid",
                "mongo_url": "mongodb://nowhere.invalid/profiles",
                "signing_keys_dir": tmp_path,
                "prefetch_logins": 7,
                "bcrypt_cost": 10,
            }
        )
    )
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
