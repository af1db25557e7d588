"""Workers of the last release and of this one, side by side, under load.

`ROUNDS`: how often there and back. `RATE`: commands in a second.
"""

import asyncio
import json
import os
from pathlib import Path

import pytest

from service.infrastructure.rabbitmq.topology import CASCADE_QUEUE
from tests.cluster.releases import COMMITS, installed
from tests.faults.load import assert_done_once
from tests.faults.test_rolling_restarts import CURRENT, RATE, WORKERS, Kind, under_load, what_is_left
from tests.integration.gateway import eventually
from tools.servers import Servers
from tools.servers.sandbox import SERVICE

ROUNDS = int(os.environ.get("ROUNDS", "1"))
# A worker does not start whose settings name an operation that it does not have.
OF_BOTH = {"TRUSTED_SERVICES": json.dumps({SERVICE: ["profile.create", "profile.update"]})}


@pytest.mark.parametrize("release", COMMITS)
async def test_nobody_notices_an_upgrade_nor_the_way_back(
    servers: Servers, tmp_path: Path, release: str
) -> None:
    release_of = await asyncio.to_thread(installed, release, tmp_path)
    last = Kind(("tests.cluster.released_worker", "worker"), {**release_of, **OF_BOTH})
    # Forward and back, one at a time: of two workers, for a while one is of each release.
    steps = [*[*[CURRENT] * WORKERS, *[last] * WORKERS] * ROUNDS, *[CURRENT] * WORKERS]
    async with under_load(servers, tmp_path, last) as (fleet, load, broker):
        loading = asyncio.create_task(load.run(RATE))
        for kind in steps:
            await fleet.replace(kind=kind)
        loading.cancel()
        await asyncio.wait([loading])
        results = await load.results()

        async def has_followed_up() -> bool:
            return await broker.ready(CASCADE_QUEUE) == 0

        await eventually(has_followed_up, within=120)
        await fleet.close()
        left = await what_is_left(broker)

    assert_done_once(results)
    assert left == {}
    assert fleet.codes == [0] * (len(steps) + WORKERS)
    print(f"{release} and back, {ROUNDS} times: {len(results)} commands")  # noqa: T201 - for the closing note
