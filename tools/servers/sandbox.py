"""A private corner on servers that may belong to somebody else, so that nothing that was there is touched."""

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from service.pkg.management_api import ManagementApi, ManagementError
from tools.servers import ServerFailed, Servers, ServersUnavailable
from tools.servers.waiting import wait_until

SERVICE, GATEWAY = "profile-service", "gateway"
# What the API imports into one virtual host; users and permissions are not part of that.
PER_VHOST = ("exchanges", "queues", "bindings", "policies")
REDIS_CLAIM = "profile-sandbox"
NOT_FOUND = 404
_VHOST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Addresses inside the corner, one per broker user."""

    vhost: str
    service_url: str
    gateway_url: str
    admin_url: str
    management_url: str
    mongo_url: str
    redis_url: str


@contextmanager
def sandbox(servers: Servers, definitions: Mapping[str, Any], vhost: str | None = None) -> Iterator[Sandbox]:
    """Give a virtual host with *definitions* and databases in MongoDB and Redis; remove them at the end.

    A *vhost* that is given is there already, on a broker of our own, and stays.

    The users of *definitions* get their own names as passwords: for local brokers only. Users belong to a
    whole broker, where other sandboxes may need them, so they stay. One that exists with another password is
    left alone, and `ServersUnavailable` is raised.
    """
    with ExitStack() as cleanup:
        box = _made(servers, definitions, vhost, cleanup)
        try:
            yield box
        except ServerFailed:
            # What has ended cannot be cleaned, and needs not be: it was ours. Others are cleaned.
            with suppress(ManagementError, PyMongoError, RedisError, OSError):
                cleanup.close()
            raise


def _made(servers: Servers, definitions: Mapping[str, Any], vhost: str | None, cleanup: ExitStack) -> Sandbox:
    name = _new_name()
    if vhost:
        _import(management_of(servers), vhost, definitions)
    where = vhost or cleanup.enter_context(virtual_host(servers, definitions, name))
    return Sandbox(
        vhost=where,
        service_url=_amqp_url(servers, where, SERVICE),
        gateway_url=_amqp_url(servers, where, GATEWAY),
        admin_url=admin_url(servers, where),
        management_url=servers.management_url,
        mongo_url=cleanup.enter_context(_mongo_database(servers.mongo_url, name)),
        redis_url=cleanup.enter_context(_redis_database(servers.redis_url, name)),
    )


def admin_url(servers: Servers, vhost: str) -> str:
    """Return the address of *vhost* for the administrator of its broker."""
    return f"{servers.rabbitmq_url.rstrip('/')}{_path(vhost)}"


def _amqp_url(servers: Servers, vhost: str, user: str) -> str:
    parts = urlsplit(servers.rabbitmq_url)
    return f"{parts.scheme}://{user}:{user}@{parts.netloc.rpartition('@')[2]}{_path(vhost)}"


def _path(vhost: str) -> str:
    """Write the default virtual host as most people do: clients take an empty path for it."""
    return "/" if vhost == "/" else f"/{quote(vhost, safe='')}"


def management_of(servers: Servers) -> ManagementApi:
    """Return the management API of the broker of *servers*."""
    return ManagementApi.of(servers.management_url, servers.rabbitmq_url)


@contextmanager
def virtual_host(servers: Servers, definitions: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """Make a virtual host with *definitions*, give its name, and delete it."""
    management = management_of(servers)
    name = name or _new_name()
    wait_until(lambda: _is_made(management, name), within=_VHOST_SECONDS)
    try:
        _import(management, name, definitions)
        yield name
    finally:
        management.delete("vhosts", name)


def _is_made(management: ManagementApi, vhost: str) -> bool:
    """Make *vhost*, and return whether the broker has said so: a cluster that is busy may take its time."""
    try:
        management.put("vhosts", vhost)
    except TimeoutError:
        return False
    return True


def _new_name() -> str:
    return f"profile-{secrets.token_hex(4)}"


def _import(management: ManagementApi, vhost: str, definitions: Mapping[str, Any]) -> None:
    for user in definitions.get("users", []):
        _ensure_user(management, user["name"], user.get("tags", ""))
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    management.put("permissions", vhost, management.user, body=everything)
    for permission in definitions.get("permissions", []):
        body = {key: permission[key] for key in everything}
        management.put("permissions", vhost, permission["user"], body=body)
    things = {kind: [_without_vhost(thing) for thing in definitions.get(kind, [])] for kind in PER_VHOST}
    management.post("definitions", vhost, body=things)


def _without_vhost(thing: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in thing.items() if key != "vhost"}


def _ensure_user(management: ManagementApi, name: str, tags: str | list[str]) -> None:
    existing = _user(management, name)
    if existing is None:
        try:
            management.put("users", name, body={"password": name, "tags": tags})
        except ManagementError:
            # Another sandbox, which is made just now, may have been faster.
            existing = _user(management, name)
            if existing is None:
                raise
    if existing and not _is_password(name, existing["password_hash"]):
        raise ServersUnavailable(
            f"{management.url} has a user {name} with a password of its own: use another broker."
        )


def _user(management: ManagementApi, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = management.get("users", name)
    except ManagementError as refusal:
        if refusal.status != NOT_FOUND:
            raise
        return None
    return found


def _is_password(password: str, password_hash: str) -> bool:
    """Check RabbitMQ's default hash: base64 of a salt of four bytes and SHA-256 of salt and password."""
    stored = base64.b64decode(password_hash)
    return hashlib.sha256(stored[:4] + password.encode()).digest() == stored[4:]


@contextmanager
def _mongo_database(url: str, name: str) -> Iterator[str]:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if parts.username:
        # Without it, the user would be looked for in the database that the path names.
        options.setdefault("authSource", parts.path.strip("/") or "admin")
    try:
        yield parts._replace(path=f"/{name}", query=urlencode(options)).geturl()
    finally:
        with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=5000) as client:
            client.drop_database(name)


@contextmanager
def _redis_database(url: str, name: str) -> Iterator[str]:
    """Claim a database that is empty; 0 is left to those who do not choose."""
    for number in count(1):
        ours = urlsplit(url)._replace(path=f"/{number}").geturl()
        with Redis.from_url(ours) as client:
            if _claim(client, name):
                try:
                    yield ours
                finally:
                    client.flushdb()
                return


def _claim(client: Redis, name: str) -> bool:
    """Claim the database of *client*, if it is empty."""
    try:
        return client.dbsize() == 0 and bool(client.set(REDIS_CLAIM, name, nx=True))
    except ResponseError as refusal:  # there is no database of this number
        raise ServersUnavailable(
            "Every database of this Redis holds something: use another one."
        ) from refusal
