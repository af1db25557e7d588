"""Users of another system are imported, log in with their passwords, and are exported again."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest_asyncio

from profile_contracts.events import PROFILE_CREATED
from tests.builders import an_address
from tests.integration.gateway import eventually
from tests.integration.identity.conftest import IsolatedEnv, trusting_worker
from tests.integration.identity.events import listening
from tests.integration.identity.people import logged_in, signed_up
from tests.integration.identity.profilectl import profilectl, profilectl_refuses
from tests.integration.operators import profilectl as run
from tests.integration.replies import refusal, result
from tests.integration.workers import WORKER
from tools.servers import Servers

PASSWORD = "password"  # of the vector below
ARGON2ID = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"


def scrypt_hash() -> str:
    digest = hashlib.scrypt(PASSWORD.encode(), salt=b"NaClNaClNaClNaCl", n=16, r=8, p=1, dklen=32)
    salted = (base64.b64encode(each).decode().rstrip("=") for each in (b"NaClNaClNaClNaCl", digest))
    return "$scrypt$ln=4,r=8,p=1$" + "$".join(salted)


def written(file: Path, *lines: dict[str, Any] | str) -> str:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    file.write_text("\n".join(texts) + "\n")
    return str(file)


def users() -> list[dict[str, Any]]:
    hashes = (bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(), ARGON2ID, scrypt_hash())
    return [
        {"email": an_address(), "first_name": "Ada", "password_hash": each.replace("$2b$", "$2y$")}
        for each in hashes
    ]


@pytest_asyncio.fixture
async def hashing(servers: Servers, tmp_path: Path) -> AsyncIterator[IsolatedEnv]:
    """A worker whose hashes are those of the settings."""
    async with trusting_worker(servers, tmp_path, WORKER) as env:
        yield env


async def test_users_are_imported_log_in_and_are_exported(hashing: IsolatedEnv, tmp_path: Path) -> None:
    people = users()
    people[0] |= {
        "email_verified": True,
        "attributes": {"plan": "gold"},
        "created_at": "2020-02-02T02:02:02Z",
    }
    there = await signed_up(hashing.service)
    file = written(tmp_path / "users.jsonl", *people, "", people[0] | {"email": there["email"]})
    dry = await profilectl(hashing, "profile", "import", file, "--dry-run")
    before = await hashing.service.ask("profile.find", {"email": people[0]["email"]})
    done = await profilectl(hashing, "profile", "import", file)
    again = await profilectl(hashing, "profile", "import", file)
    found = result(await hashing.service.ask("profile.find", {"email": people[0]["email"]}))
    for each in people:
        assert await logged_in(hashing.gateway, each, PASSWORD)
    exported = tmp_path / "all.jsonl"
    said = await profilectl(hashing, "profile", "export-all", str(exported))
    kept = {each["email"]: each for each in map(json.loads, exported.read_text().splitlines())}

    assert dry == "3 would be imported, 1 there already, 0 refused."
    assert refusal(before)[1] == "profile_not_found"
    assert done == "3 imported, 1 there already, 0 refused."
    assert again == "0 imported, 4 there already, 0 refused."
    assert (found["email_verified"], found["attributes"]) == (True, {"plan": "gold"})
    assert (found["created_at"], found["version"]) == ("2020-02-02T02:02:02.000Z", 1)
    assert said == f"{len(kept)} exported."
    assert exported.stat().st_mode & 0o077 == 0
    hashes = [kept[each["email"]]["password_hash"] for each in people]
    assert [each[:7] for each in hashes] == ["$2b$10$"] * 3  # made anew, as new ones are
    everyone = await profilectl(hashing, "profile", "import", str(exported))
    assert everyone == f"0 imported, {len(kept)} there already, 0 refused."
    assert "exists" in await profilectl_refuses(hashing, "profile", "export-all", str(exported))


async def test_what_can_not_be_imported_is_named_by_its_line_and_events_only_on_request(
    trusting: IsolatedEnv, tmp_path: Path
) -> None:
    quiet, loud = users()[:2]
    bad = quiet | {"email": "canary at nowhere", "password_hash": "canary"}
    environment = {"MONGO_URL": trusting.sandbox.mongo_url, "REDIS_URL": trusting.sandbox.redis_url}
    async with listening(trusting.sandbox.admin_url) as listener:
        lines = written(tmp_path / "some.jsonl", bad, quiet, "{", quiet | {"id": "canary"})
        said = await run(trusting.sandbox, "profile", "import", lines, **environment)
        published = written(tmp_path / "loud.jsonl", loud)
        assert (
            await run(trusting.sandbox, "profile", "import", published, "--publish", **environment)
        ).code == 0
        ids = [
            result(await trusting.service.ask("profile.find", {"email": each["email"]}))["id"]
            for each in (quiet, loud)
        ]

        async def heard() -> list[str]:
            subjects = [each["subject"] for each in listener.events(PROFILE_CREATED.name)]
            return [each for each in subjects if each in ids]

        assert await eventually(heard) == ids[1:]
    assert said.code == 1
    assert said.out.strip() == "1 imported, 0 there already, 3 refused."
    for number, reason in ((1, "email: "), (3, "Invalid JSON"), (4, "id: ")):
        assert f"line {number}: {reason}" in said.err
    assert "canary" not in said.out + said.err
    assert [(each["event"], each["count"]) for each in said.audit] == [("profiles_imported", 1)]


async def test_of_hashes_with_ever_other_costs_no_more_than_eight_kinds_are_imported(
    trusting: IsolatedEnv, tmp_path: Path
) -> None:
    """Each would make each wrong password of anybody dearer, or tell by the time whose it is."""
    costs = [f"m={256 + each},t=2" for each in (*range(9), 0)]
    lines = [users()[0] | {"password_hash": ARGON2ID.replace("m=256,t=2", each)} for each in costs]
    file = written(tmp_path / "costs.jsonl", *users()[:1], *lines)
    environment = {"MONGO_URL": trusting.sandbox.mongo_url, "REDIS_URL": trusting.sandbox.redis_url}
    for options in (("--dry-run",), ()):
        said = await run(trusting.sandbox, "profile", "import", file, *options, **environment)
        assert said.out.strip().endswith("imported, 0 there already, 2 refused.")
        told = [each for each in said.err.splitlines() if each.startswith("line ")]
        assert [each.partition(": password_hash: ")[0] for each in told] == ["line 9", "line 10"]


async def test_lines_of_other_systems_are_read_and_one_that_is_too_long_is_not(
    trusting: IsolatedEnv, tmp_path: Path
) -> None:
    ada, bob, eve = (json.dumps(each).encode() for each in users())
    file = tmp_path / "windows.jsonl"
    huge = b'{"email": "' + b"a" * 1_000_000 + b'"}'
    file.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([ada, b"", huge, bob, b"\0", eve]))
    environment = {"MONGO_URL": trusting.sandbox.mongo_url, "REDIS_URL": trusting.sandbox.redis_url}
    said = await run(trusting.sandbox, "profile", "import", str(file), **environment)

    assert said.out.strip() == "3 imported, 0 there already, 2 refused."
    told = [each for each in said.err.splitlines() if each.startswith("line ")]
    assert told[0] == "line 3: It is longer than 65536 bytes"
    assert told[1].startswith("line 5: Invalid JSON")
