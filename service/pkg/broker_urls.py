"""The address of a cluster: one URL that names several hosts, as MongoDB's do."""

import re
from typing import Final

# The authority of RFC 3986, appendix B. `urlsplit` takes it for that of one host, and some releases of Python
# refuse an IPv6 address behind another host.
_AUTHORITY: Final = re.compile(r"^([^:/?#]+://)?([^/?#]*)(.*)$", re.DOTALL)


def broker_urls(url: str) -> list[str]:
    """Return a URL for each host that *url* names: `amqp://u:p@a,b:5673/v` is two.

    Raises:
        ValueError: It is none; the sentence shows nothing of it.

    """
    beginning, authority, end = _AUTHORITY.findall(url)[0]
    user, at, hosts = authority.rpartition("@")
    if ",amqp" in url or (hosts and not all(hosts.split(","))):
        msg = "several brokers go into one address, as in amqp://user:password@a:5672,b:5672/vhost"
        raise ValueError(msg)
    return [f"{beginning}{user}{at}{host}{end}" for host in hosts.split(",")]
