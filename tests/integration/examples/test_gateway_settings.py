"""Each gateway of `examples/` takes no setting for what it does not say."""

import os
import subprocess

import pytest

from tests.integration.examples.gateways import (
    FASTAPI,
    GATEWAYS,
    built_express,
    express_command,
    fastapi_command,
)
from tools.servers.processes import free_port


@pytest.mark.parametrize("name", list(GATEWAYS))
@pytest.mark.parametrize(
    ("variable", "value"),
    [("SECURE_COOKIES", "true"), ("SECURE_COOKIES", ""), ("TRUSTED_HOPS", "-1"), ("TRUSTED_HOPS", "1.5")],
)
def test_a_setting_that_is_neither_ends_the_gateway(name: str, variable: str, value: str) -> None:
    """Cookies without `Secure`, or an address that anybody can have written, would be found out too late."""
    port = free_port()
    settings = {"BROKER_URLS": "amqp://gateway:gateway@127.0.0.1/", "PORT": str(port), variable: value}
    command, folder = (
        (fastapi_command(port), FASTAPI) if name == "fastapi" else (express_command(), built_express())
    )
    ended = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert variable in ended.stderr
