"""Which systems there are, how each is started, and what each is asked for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.comparison.data import Data
from tools.servers.sandbox import GATEWAY, Sandbox

OURS: Final = "profile-service"
HAND_WRITTEN: Final = "hand-written aio-pika + PyMongo"
HAND_WRITTEN_UVLOOP: Final = "hand-written, on uvloop"
FASTSTREAM: Final = "FastStream + Motor"
FASTAPI: Final = "FastAPI + uvicorn + Motor, HTTP"
NAMEKO: Final = "Nameko + PyMongo"
CELERY: Final = "Celery + PyMongo"
ECHO: Final = "bare aio-pika echo"
FASTSTREAM_ECHO: Final = "bare FastStream echo"
MONGODB: Final = "bare MongoDB read"
BCRYPT: Final = "bare bcrypt"
CLIENT: Final = "our client"
FASTSTREAM_CLIENT: Final = "FastStream's broker.request"
_CALLS: Final = 2000

RESPONDER: Final = "responder"

IN_FLIGHT: Final = 64
_PYTHON: Final = ("python", "-m")
BESIDE: Final = "beside 20 logins"
# Takes the place of the id of a request; see benchmarks/load/amqp.py, which this environment can't import.
ID: Final = "#" * 23
_OK: Final = '"ok":true'
# In what json.dumps writes, and in what pydantic does.
_NAME: Final = '"last_name": "'
_COMPACT_NAME: Final = '"last_name":"'
# Logins in flight: enough to keep all cores busy, and few enough not to wait for seconds after the end.
_LOGINS: Final = 8
# Beside reads.
_LOGIN_FLOOD: Final = 20


@dataclass(frozen=True, slots=True)
class System:
    """What is started once, and stays up while others are measured.

    Attributes:
        command: What to run, in the folder `bin` of the benchmark's environment.
        ready: What it logs once it takes requests.
        variables: For its environment, beside the usual ones.

    """

    name: str
    command: Sequence[str]
    ready: str = "ready"
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One operation of one system, under load.

    Attributes:
        plan: What the load generator is told, or the system itself if it is its own load.
        own_load: The module that is load and system in one.
        beside: What else the system is asked for all the while.
        weight: How much longer than others it is measured.

    """

    system: str
    operation: str
    plan: Mapping[str, Any] = field(repr=False)
    in_flight: int = IN_FLIGHT
    own_load: str | None = None
    beside: "Scenario | None" = None
    weight: float = 1.0


def systems(port: int, nameko_config: str, no_worker: Sandbox) -> list[System]:
    """Return the systems beside our own; FastAPI listens on *port*, and clients ask in *no_worker*."""
    responder = (*_PYTHON, "benchmarks.clients.responder")
    uvicorn = ("uvicorn", "benchmarks.peers.fastapi_motor:app", "--port", str(port))
    celery = ("celery", "--app", "benchmarks.peers.celery_pymongo", "worker", "--loglevel", "INFO")
    nameko = ("nameko", "run", "--config", nameko_config, "benchmarks.peers.nameko_pymongo")
    return [
        System(HAND_WRITTEN, (*_PYTHON, "benchmarks.peers.hand_written", "asyncio")),
        System(HAND_WRITTEN_UVLOOP, (*_PYTHON, "benchmarks.peers.hand_written", "uvloop")),
        System(
            FASTSTREAM, ("faststream", "run", "benchmarks.peers.faststream_motor:app"), "started successfully"
        ),
        System(FASTAPI, uvicorn, "Application startup complete"),
        System(NAMEKO, nameko, "Connected to amqp"),
        System(CELERY, celery, " ready."),
        System(ECHO, (*_PYTHON, "benchmarks.peers.echo")),
        System(FASTSTREAM_ECHO, (*_PYTHON, "benchmarks.peers.faststream_echo")),
        System(RESPONDER, responder, variables={"AMQP_URL": no_worker.admin_url}),
    ]


def scenarios(sandbox: Sandbox, no_worker: Sandbox, data: Data, port: int) -> list[Scenario]:
    """Return all that is measured, in the order of the table."""
    return [
        *_ours(sandbox, data),
        *_peers(sandbox, data, port),
        *_floors(sandbox, data),
        *_clients(no_worker),
    ]


def reads(sandbox: Sandbox, ids: Sequence[str]) -> list[Scenario]:
    """Return how our service and the hand-written one are asked for profiles."""
    get = [_request({"id": each}) for each in ids]
    theirs = _their_plan(sandbox, "bench.asyncio.get", get, _NAME)
    return [
        Scenario(OURS, "profile.get", _our_plan(sandbox, "profile.get", get)),
        Scenario(HAND_WRITTEN, "profile.get", theirs),
    ]


def profile_update(sandbox: Sandbox, ids: Sequence[str]) -> Scenario:
    """Return how our service is asked to change profiles."""
    return Scenario(OURS, "profile.update", _our_plan(sandbox, "profile.update", _updates(ids)))


def _ours(sandbox: Sandbox, data: Data) -> list[Scenario]:
    def plan(queue: str, requests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return _our_plan(sandbox, queue, requests)

    get = plan("profile.get", [_request({"id": each}) for each in data.profiles])
    mine = [_request({"id": each.id}, authorization=f"Bearer {each.token}") for each in data.users]
    verify = [_request({"token": each.token}) for each in data.users]
    keys = plan("auth.keys", [_request({})])
    login = [_request({"email": each.email, "password": each.password}) for each in data.logins]
    logins = plan("auth.login", login)
    flood = Scenario(OURS, "auth.login", logins, in_flight=_LOGIN_FLOOD)
    return [
        Scenario(OURS, "profile.get", get),
        Scenario(OURS, "profile.get with a token", plan("profile.get", mine)),
        Scenario(OURS, "profile.get one at a time", get, in_flight=1),
        profile_update(sandbox, data.updated_by(OURS)),
        Scenario(OURS, "post.get", plan("post.get", [_request({"id": each}) for each in data.posts])),
        Scenario(OURS, "auth.verify", plan("auth.verify", verify)),
        Scenario(OURS, "auth.keys", keys),
        Scenario(OURS, "auth.login", logins, in_flight=_LOGINS, weight=2),
        Scenario(OURS, f"profile.get one at a time {BESIDE}", get, in_flight=1, beside=flood),
        Scenario(OURS, f"auth.keys one at a time {BESIDE}", keys, in_flight=1, beside=flood),
    ]


def _peers(sandbox: Sandbox, data: Data, port: int) -> list[Scenario]:
    get = [_request({"id": each}) for each in data.profiles]
    found: list[Scenario] = []
    for system, name, expect in (
        (HAND_WRITTEN, "asyncio", _NAME),
        (HAND_WRITTEN_UVLOOP, "uvloop", _NAME),
        (FASTSTREAM, "faststream", _COMPACT_NAME),
    ):
        read = _their_plan(sandbox, f"bench.{name}.get", get, expect)
        updates = _updates(data.updated_by(system))
        update = _their_plan(sandbox, f"bench.{name}.update", updates, f"{expect}King bench-")
        found += [Scenario(system, "profile.get", read), Scenario(system, "profile.update", update)]
        if system == HAND_WRITTEN:
            found.append(Scenario(system, "profile.get one at a time", read, in_flight=1))
    paths = [{"path": f"/profiles/{each}"} for each in data.profiles]
    http = {"url": f"http://127.0.0.1:{port}", "requests": paths, "expect": _COMPACT_NAME}
    return [
        *found,
        Scenario(FASTAPI, "profile.get", http),
        Scenario(NAMEKO, "profile.get", _nameko(sandbox, data)),
        Scenario(CELERY, "profile.get", _celery(sandbox, data)),
    ]


def _our_plan(sandbox: Sandbox, queue: str, requests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "url": sandbox.gateway_url,
        "exchange": "profile.commands",
        "routing_key": queue,
        "properties": {"message_id": ID, "user_id": GATEWAY, "expiration": "60000"},
        "reply_queue": False,
        "requests": requests,
        "expect": _OK,
    }


def _their_plan(
    sandbox: Sandbox, queue: str, requests: Sequence[Mapping[str, Any]], expect: str
) -> dict[str, Any]:
    return {
        "url": sandbox.admin_url,
        "exchange": "",
        "routing_key": queue,
        "reply_queue": True,
        "requests": requests,
        "expect": expect,
    }


def _updates(ids: Sequence[str]) -> list[dict[str, Any]]:
    return [_request({"id": each, "last_name": f"King {ID}"}) for each in ids]


def _nameko(sandbox: Sandbox, data: Data) -> dict[str, Any]:
    return {
        "url": sandbox.admin_url,
        "exchange": "nameko-rpc",
        "reply_queue": True,
        "reply_exchange": "nameko-rpc",
        "routing_key": "bench_profiles.get",
        "requests": [_request({"args": [], "kwargs": {"id": each}}) for each in data.profiles],
        "expect": _NAME,
    }


def _celery(sandbox: Sandbox, data: Data) -> dict[str, Any]:
    task = {"lang": "py", "task": "benchmarks.peers.celery_pymongo.get_profile", "id": ID, "root_id": ID}
    extra = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    requests = [{"headers": task, "body": json.dumps([[each], {}, extra])} for each in data.profiles]
    return {
        "url": sandbox.admin_url,
        "exchange": "",
        "reply_queue": True,
        "routing_key": "bench.celery",
        "properties": {"content_encoding": "utf-8"},
        "requests": requests,
        "expect": _NAME,
    }


def _floors(sandbox: Sandbox, data: Data) -> list[Scenario]:
    get = [_request({"id": each}) for each in data.profiles]
    echo = _their_plan(sandbox, "bench.echo", get, '{"id":')
    faststream_echo = _their_plan(sandbox, "bench.faststream.echo", get, '{"id":')
    return [
        Scenario(ECHO, "echo", echo),
        Scenario(ECHO, "echo one at a time", echo, in_flight=1),
        Scenario(FASTSTREAM_ECHO, "echo", faststream_echo),
        Scenario(FASTSTREAM_ECHO, "echo one at a time", faststream_echo, in_flight=1),
        Scenario(MONGODB, "find_one", {"ids": data.profiles}, own_load="benchmarks.peers.mongodb_read"),
        Scenario(BCRYPT, "checkpw", {}, own_load="benchmarks.peers.bcrypt_check", weight=2),
    ]


def _clients(sandbox: Sandbox) -> list[Scenario]:
    """Return two clients on one connection each; a responder without a database answers."""
    return [
        Scenario(
            system,
            f"auth.keys, {_CALLS:,} in flight",
            {"url": sandbox.gateway_url},
            in_flight=_CALLS,
            own_load=f"benchmarks.clients.{module}",
        )
        for system, module in ((CLIENT, "ours"), (FASTSTREAM_CLIENT, "faststream_request"))
    ]


def _request(body: Mapping[str, Any], **headers: str) -> dict[str, Any]:
    return {"body": json.dumps(body), "headers": headers}
