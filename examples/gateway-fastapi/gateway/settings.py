"""How the gateway is set up: by variables of its environment."""

import os
import re
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once, at the start.

    Attributes:
        broker_urls: The broker, or several nodes of it.
        trusted_hops: How many proxies of ours stand before the gateway and write `X-Forwarded-For`.
        secure_cookies: Whether cookies go over HTTPS only. Turn that off on your own machine alone.

    """

    broker_urls: tuple[str, ...]
    trusted_hops: int
    secure_cookies: bool

    @classmethod
    def from_environment(cls) -> Self:
        """Return what `BROKER_URLS`, `TRUSTED_HOPS` and `SECURE_COOKIES` say.

        Raises:
            ValueError: They say something else than they may. Nobody should find that out from cookies.

        """
        hops, secure = os.environ.get("TRUSTED_HOPS", "0"), os.environ.get("SECURE_COOKIES", "yes")
        if not re.fullmatch("[0-9]+", hops):
            raise ValueError("TRUSTED_HOPS is a whole number, 0 or more.")
        if secure not in ("yes", "no"):
            raise ValueError("SECURE_COOKIES is yes or no.")
        return cls(
            broker_urls=tuple(os.environ["BROKER_URLS"].split()),
            trusted_hops=int(hops),
            secure_cookies=secure == "yes",
        )
