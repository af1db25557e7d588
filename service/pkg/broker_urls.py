"""The address of a cluster: one URL that names several hosts, as MongoDB's do."""

from urllib.parse import urlsplit


def broker_urls(url: str) -> list[str]:
    """Return a URL for each host that *url* names: `amqp://u:p@a,b:5673/v` is two.

    Raises:
        ValueError: It is none; the sentence shows nothing of it.

    """
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    if ",amqp" in url or (hosts and not all(hosts.split(","))):
        msg = "several brokers go into one address, as in amqp://user:password@a:5672,b:5672/vhost"
        raise ValueError(msg)
    return [parts._replace(netloc=f"{user}{at}{host}").geturl() for host in hosts.split(",")]
