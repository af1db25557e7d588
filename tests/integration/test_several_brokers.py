"""A worker that knows several nodes of its broker works as long as one of them answers."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.integration.conftest import settings_for
from tests.integration.gateway import connected, eventually
from tests.integration.operators import profilectl
from tests.integration.proxy import proxied
from tests.integration.workers import isolated_sandbox, working
from tools.servers import Servers

# In seconds, on a machine that does much else: an idle one needs less than one.
SOON = 10.0


async def test_any_of_several_brokers_will_do_also_when_it_changes(servers: Servers, tmp_path: Path) -> None:
    with isolated_sandbox(servers) as sandbox:
        parts = urlsplit(sandbox.service_url)
        user, _, host = parts.netloc.rpartition("@")
        address = str(parts.hostname), int(parts.port or 0)
        async with proxied(*address) as mute, proxied(*address) as alive, proxied(*address) as gone:
            mute.freeze()
            gone.cut()
            nodes = ",".join(f"127.0.0.1:{each.port}" for each in (mute, alive, gone))
            settings = {"RABBITMQ_URL": parts._replace(netloc=f"{user}@{nodes}").geturl()}
            async with (
                working(sandbox, tmp_path, {**settings_for(sandbox), **settings}),
                connected(f"{parts.scheme}://{user}@{host}{parts.path}") as gateway,
            ):
                assert (await gateway.ask("auth.keys", {}))["ok"]
                said = await profilectl(sandbox, "call", "auth.keys", "{}", **settings)
                assert json.loads(said.out)["ok"], said.err

                gone.mend()
                alive.cut()
                began = time.monotonic()

                async def answers() -> dict[str, Any] | None:
                    try:
                        return await gateway.ask("auth.keys", {}, timeout=0.5, expiration=0.5)
                    except TimeoutError:
                        return None

                assert (await eventually(answers))["ok"]  # type: ignore[index]
                assert time.monotonic() - began < SOON
