import json
from pathlib import Path

from service.infrastructure.rabbitmq.definitions import definitions
from service.infrastructure.rabbitmq.topology import topology

FILE = Path(__file__).parents[2] / "deploy" / "rabbitmq" / "definitions.json"


def test_the_file_for_rabbitmq_is_what_the_code_says() -> None:
    """Write it anew with `profilectl topology definitions > deploy/rabbitmq/definitions.json`."""
    assert FILE.read_text() == json.dumps(definitions(topology()), indent=2) + "\n"
