"""How the service appears on the broker."""

import socket
from typing import Final

from yarl import URL

_HEARTBEAT_SECONDS: Final = 30


def named(url: str, purpose: str) -> URL:
    """Return *url* with the name that the console shows: `profile-service@host purpose`."""
    name = f"profile-service@{socket.gethostname()} {purpose}"
    return URL(url).update_query(name=name, heartbeat=_HEARTBEAT_SECONDS)
