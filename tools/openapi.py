"""Makes examples/gateway-express/openapi.json from the gateway in Python: `python -m tools.openapi`."""

import json
import sys
from pathlib import Path
from typing import Final

_EXAMPLES: Final = Path(__file__).parents[1] / "examples"
DOCUMENT: Final = _EXAMPLES / "gateway-express" / "openapi.json"
sys.path.append(str(_EXAMPLES / "gateway-fastapi"))


def rendered() -> str:
    """Return the description of the API of either gateway."""
    from gateway.app import create_app  # noqa: PLC0415 - it is no module of this repository's path
    from gateway.settings import Settings  # noqa: PLC0415

    described = create_app(Settings(broker_urls=(), trusted_hops=0, secure_cookies=True)).openapi()
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(rendered(), encoding="utf-8")
