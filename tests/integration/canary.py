"""A password, an address and a name that are sent in every way there is."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.bad_input import FIELDS
from tests.integration.gateway import Gateway
from tests.integration.requests import a_request


@dataclass(frozen=True, slots=True)
class Canary:
    """What no bird-watcher may ever see.

    Attributes:
        secret: A password.
        email, name: Personal, also as the words of a post: in replies and in the database, nowhere else.

    """

    secret: str
    email: str
    name: str

    def in_(self, text: str) -> bool:
        """Return whether any part of it is in *text*."""
        return any(part in text for part in (self.secret, self.email, self.name))


def a_canary() -> Canary:
    """Return one that nobody has seen before."""
    mark = uuid4().hex[:20]
    return Canary(f"secret-{mark}", f"email-{mark}@example.org", f"Name-{mark}")


def _bodies(operation: str, canary: Canary) -> list[object]:
    """Return requests with *canary* in every place, most of them malformed."""
    secret = canary.secret
    bodies: list[object] = [
        secret.encode(),
        b"\xff" + secret.encode(),
        f'{{"password": "{secret}"'.encode(),
        f'{{"password": "{secret}"}} {secret}'.encode(),
        f'"{secret}"'.encode(),
        f'["{secret}", "{canary.email}", "{canary.name}"]'.encode(),
        f'{{"password": "{secret}\\ud800"}}'.encode(),
        ('{"a":' * 10_000 + f'"{secret}"').encode(),
        secret.encode() * 5_000,
        a_request(operation, unknown=secret),
        a_request(operation, unknown={"password": secret, "email": canary.email, "name": canary.name}),
        a_request(operation, **{secret: 1, canary.email: 1}),
        a_request(operation, password=secret, current_password=secret),
    ]
    for field in [field for of, field in FIELDS if of == operation]:
        odd: tuple[object, ...] = ([secret], {"$ne": secret}, {secret: 1}, f"{secret}\0", secret * 40)
        # As a name or an address it would be no secret any more.
        names = ("first_name", "last_name", "title", "body")
        personal = {**dict.fromkeys(names, canary.name), "email": canary.email}
        well = (personal[field],) if field in personal else (secret, secret.ljust(73, "x"))
        bodies += [a_request(operation, **{field: value}) for value in (*odd, *well)]
    return bodies


async def send_everything(gateway: Gateway, canary: Canary, operations: tuple[str, ...]) -> None:
    """Send every request, each with garbage in its properties, and wait for its reply."""
    properties: tuple[dict[str, Any], ...] = (
        {},
        {"headers": {"authorization": f"Bearer {canary.secret}"}},
        {"headers": {"authorization": [canary.secret], "x-deadline": canary.secret, canary.secret: 1}},
        {"content_type": f"text/{canary.secret}"},
        {"content_type": "application/json", "content_encoding": canary.secret, "type": canary.secret},
        {"headers": {"x-deadline": 1, "x-delivery-count": canary.secret}, "app_id": canary.secret},
        {"headers": {"x-delivery-count": 99}},
    )
    for operation in operations:
        requests = [
            gateway.ask(operation, body, **properties[number % len(properties)])
            for number, body in enumerate(_bodies(operation, canary))
        ]
        await asyncio.gather(
            *requests, *(gateway.ask(operation, a_request(operation), **each) for each in properties)
        )
        await gateway.tell(operation, a_request(operation, unknown=canary.secret), reply_to=canary.secret)


async def use_as_meant(gateway: Gateway, canary: Canary) -> None:
    """Sign up, log in, change, fail, and write, with *canary* for password, address, names and words."""
    person = {"first_name": canary.name, "last_name": canary.name, "email": canary.email}
    created = await gateway.ask("profile.create", {**person, "password": canary.secret})
    await gateway.ask("profile.create", {**person, "password": canary.secret})
    await gateway.ask("auth.login", {"email": canary.email, "password": canary.secret + "?"})
    await gateway.ask("auth.login", {"email": f"no.{canary.email}", "password": canary.secret})
    login = await gateway.ask("auth.login", {"email": canary.email, "password": canary.secret})
    token, who = login["result"]["access_token"], created["result"]["id"]
    for change in (
        {"email": f"new.{canary.email}", "current_password": canary.secret + "?"},
        {"email": f"new.{canary.email}"},
        {"email": f"new.{canary.email}", "current_password": canary.secret},
        {"expected_version": 1, "last_name": canary.name},
        {"role": "admin", "last_name": canary.name},
        {"attributes": {"nickname": canary.name}},
        {"attributes": {canary.secret: [canary.name]}},
    ):
        await gateway.ask("profile.update", {"id": who, **change}, token=token)
    await gateway.ask("profile.get", {"id": who}, token=token)
    await gateway.ask("profile.get", {"id": who}, token=token + canary.secret)
    await _write_posts(gateway, canary, token)


async def _write_posts(gateway: Gateway, canary: Canary, token: str) -> None:
    words = {"title": canary.name, "body": f"{canary.name}\n{canary.email}"}
    post = (await gateway.ask("post.create", words, token=token))["result"]["id"]
    for change in (
        words,
        {"title": canary.email},
        {"expected_version": 1, **words},
        {"title": f"{canary.name}\0"},
        {"body": canary.name * 5_000},
    ):
        await gateway.ask("post.update", {"id": post, **change}, token=token)
        await gateway.ask("post.update", {"id": post, **change})
    await gateway.ask("post.get", {"id": post})
