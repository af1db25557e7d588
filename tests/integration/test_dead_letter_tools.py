"""`profilectl dlq`, on a broker without workers; and the way of a letter with one."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from yarl import URL

from service.infrastructure.rabbitmq.dead_letter_queues import opened
from service.infrastructure.rabbitmq.lenient_codec import install_lenient_codec
from tests.integration.conftest import Person
from tests.integration.gateway import Gateway, eventually
from tests.integration.operators import Letters, letters_in, profilectl
from tests.integration.requests import a_request
from tests.integration.workers import isolated_sandbox
from tools.servers import Servers
from tools.servers.sandbox import Sandbox
from tools.worker import Worker

QUEUE, DEAD = "profile.delete", "profile.delete.dlq"
WHY = "internal/internal_error 2, invalid/malformed_json 1"
IDS = [f"m-{number:02}" for number in range(40)]


@pytest.fixture(scope="module")
def env(servers: Servers) -> Iterator[Sandbox]:
    """A broker without a worker."""
    with isolated_sandbox(servers) as made:
        yield made


@pytest_asyncio.fixture
async def letters(env: Sandbox) -> AsyncIterator[Letters]:
    """The letters of this broker; none to begin with."""
    async with letters_in(env) as found:
        await found.clear()
        yield found


def rows(output: str) -> dict[str, list[str]]:
    """Return the words in each row of the table, by queue."""
    return {words[0]: words[1:] for line in output.splitlines() if len(words := line.split()) > 1}


async def test_the_list_shows_every_queue_since_when_and_why(env: Sandbox, letters: Letters) -> None:
    await letters.put(DEAD, "a", "b")
    await letters.put(
        DEAD, "c", x_error_code="invalid", x_error_reason="malformed_json", x_failed_at="2026-11-20T00:00:00Z"
    )
    said = await profilectl(env, "dlq", "list")
    data = json.loads((await profilectl(env, "dlq", "list", "--json")).out)
    shown = rows(said.out)

    assert said.code == 0
    assert shown[DEAD] == ["3", "2026-11-20", "00:00:00Z", *WHY.split()]
    assert shown["profile.followup.dlq"] == shown["profile.parked"] == ["0"]
    assert data[DEAD] == {
        "letters": 3,
        "oldest": "2026-11-20 00:00:00Z",
        "why": {"internal/internal_error": 2, "invalid/malformed_json": 1},
    }
    assert data["profile.parked"] == {"letters": 0, "oldest": None, "why": {}}
    assert await letters.ids(DEAD) == ["a", "b", "c"]


async def test_after_twenty_looks_all_letters_lie_in_order_and_can_be_replayed(
    env: Sandbox, letters: Letters
) -> None:
    await letters.put(DEAD, *IDS)
    for _ in range(20):
        async with opened(URL(env.service_url)) as dead_letters, dead_letters.leased(DEAD) as held:
            assert [each.id for each in held] == IDS
    await letters.put(DEAD, "new")
    said = await profilectl(env, "dlq", "show", QUEUE, "--limit", "3")

    assert [line for line in said.out.splitlines() if line.startswith("m-")] == IDS[:3]
    assert "3 of 41 shown." in said.out

    would = await profilectl(env, "dlq", "replay", QUEUE, "--limit", "3", "--dry-run", "--json")
    assert json.loads(would.out) == {"done": 3, "left": {}}
    assert "Replayed 41." in (await profilectl(env, "dlq", "replay", QUEUE)).out
    assert await letters.ids(QUEUE) == [*IDS, "new"]
    assert await letters.ids(DEAD) == []


async def test_letters_that_are_not_meant_keep_their_order(env: Sandbox, letters: Letters) -> None:
    await letters.put(DEAD, *IDS)
    for gone in ("m-03", "m-20"):
        await profilectl(env, "dlq", "replay", QUEUE, "--id", gone)

    assert await letters.ids(DEAD) == [each for each in IDS if each not in ("m-03", "m-20")]


async def test_a_letter_is_shown_whole_and_harmlessly(env: Sandbox, letters: Letters) -> None:
    await letters.put(
        DEAD, "a\x1b[31m", x_error_reason="odd [/] \x07", x_replayable=False, body=b'{"id":"\x9b"}'
    )
    said = await profilectl(env, "dlq", "show", QUEUE)

    assert said.code == 0
    assert "a\\u001b[31m\n" in said.out
    assert "internal/odd [/] \\u0007 (KeyError)" in said.out
    assert "cannot be replayed: what was asked is not kept" in said.out
    assert "\x1b" not in said.out

    shown = await profilectl(env, "dlq", "show", QUEUE, "--json")
    (letter,) = map(json.loads, shown.out.splitlines())

    assert (letter["id"], letter["reason"], letter["body"]) == (
        "a\x1b[31m",
        "odd [/] \x07",
        '{"id":"\ufffd"}',
    )
    assert letter["cannot_be_replayed"] == "what was asked is not kept"
    assert "\x1b" not in shown.out

    await profilectl(env, "dlq", "list")


async def test_a_letter_with_bytes_that_are_no_text_is_borne(env: Sandbox, letters: Letters) -> None:
    install_lenient_codec()  # or it could not be sent from here
    await letters.put(DEAD, "\udcff\udcfe")
    shown = await profilectl(env, "dlq", "show", QUEUE)

    assert "\\udcff\\udcfe" in shown.out
    assert "Replayed 1." in (await profilectl(env, "dlq", "replay", QUEUE)).out
    assert await letters.ids(QUEUE) == ["\udcff\udcfe"]


async def test_what_is_replayed_is_a_request_again(env: Sandbox, letters: Letters) -> None:
    await letters.put(DEAD, "a", x_attempt=3, x_replay_count=1)
    said = await profilectl(env, "dlq", "replay", QUEUE)
    (request,) = await letters.take(QUEUE)

    assert (said.code, said.out) == (0, "Replayed 1.\n")
    assert request.headers == {"x-replay-count": 2} | {
        name: value for name, value in request.headers.items() if name == "x-delivery-count"
    }
    assert (request.user_id, request.message_id, request.reply_to) == ("profile-service", "a", None)
    assert request.body == b'{"id": "a"}'
    assert [(each["event"], each["queue"], each["count"]) for each in said.audit] == [
        ("dead_letters_replayed", DEAD, 1)
    ]
    assert '{"id"' not in said.err


async def test_what_may_not_go_back_is_left_with_a_sentence(env: Sandbox, letters: Letters) -> None:
    await letters.put(DEAD, "gone", x_replayable=False)
    await letters.put(DEAD, "forged", x_original_queue="profile.create")
    await letters.put(DEAD, "looping", x_replay_count=3)
    said = await profilectl(env, "dlq", "replay", QUEUE)

    assert said.code == 0
    assert said.out.splitlines() == [
        "Replayed 0.",
        "1 left where they are: what was asked is not kept.",
        "1 left where they are: its header x-original-queue names another queue.",
        "1 left where they are: replayed 3 times or more already; --force does it again.",
    ]
    assert "Replayed 1." in (await profilectl(env, "dlq", "replay", QUEUE, "--force")).out
    assert await letters.ids(QUEUE) == ["looping"]
    assert await letters.ids("profile.create") == []
    assert await letters.ids(DEAD) == ["gone", "forged"]


async def test_a_dry_run_changes_nothing(env: Sandbox, letters: Letters) -> None:
    await letters.put(DEAD, *IDS[:5])
    said = await profilectl(env, "dlq", "replay", QUEUE, "--dry-run", "--limit", "3")

    assert (said.code, said.out, said.audit) == (0, "Would replay 3.\n", [])
    assert await letters.ids(QUEUE) == []
    assert await letters.ids(DEAD) == IDS[:5]


async def test_replaying_is_chosen_limited_and_slow_on_demand(env: Sandbox, letters: Letters) -> None:
    await letters.put(DEAD, "a", "b", "c", "d")
    await letters.put(DEAD, "e", x_error_reason="other")
    began = time.monotonic()
    said = await profilectl(
        env, "dlq", "replay", QUEUE, "--reason", "internal_error", "--limit", "3", "--rate", "2"
    )

    assert "Replayed 3." in said.out
    assert time.monotonic() - began >= 1.0
    assert await letters.ids(QUEUE) == ["a", "b", "c"]
    assert await letters.ids(DEAD) == ["d", "e"]


async def test_a_queue_that_takes_no_more_gets_nothing_and_no_letter_is_lost(
    env: Sandbox, letters: Letters
) -> None:
    await letters.put(DEAD, "a", "b")
    await letters.channel.queue_delete(QUEUE)
    said = await profilectl(env, "dlq", "replay", QUEUE)

    assert said.code == 2
    assert f"{QUEUE} is full or not there; what was not moved yet stays where it is." in said.err
    assert await letters.ids(DEAD) == ["a", "b"]

    assert f"{QUEUE} made" in (await profilectl(env, "topology", "apply")).out


async def test_parked_letters_are_kept_apart_and_can_come_back(env: Sandbox, letters: Letters) -> None:
    await letters.put(DEAD, "a", "b", "c")
    said = await profilectl(env, "dlq", "park", QUEUE, "--id", "a", "--id", "c")

    assert said.out == "Parked 2.\n"
    assert [each["event"] for each in said.audit] == ["dead_letters_parked"]
    assert "sent to profile.delete" in (await profilectl(env, "dlq", "show", "profile.parked")).out

    await profilectl(env, "dlq", "replay", "profile.parked", "--id", "c")

    assert await letters.ids(QUEUE) == ["c"]
    (parked,) = await letters.take("profile.parked")
    assert parked.headers["x-error-reason"] == "internal_error"
    assert "x-parked-at" in parked.headers
    assert await letters.ids(DEAD) == ["b"]


async def test_parking_takes_a_choice(env: Sandbox) -> None:
    assert (await profilectl(env, "dlq", "park", QUEUE)).code == 2
    assert (await profilectl(env, "dlq", "park", "profile.parked", "--id", "a")).code == 2


async def test_purging_asks_first_and_says_how_many(env: Sandbox, letters: Letters) -> None:
    await letters.put(DEAD, "old", x_failed_at="2020-01-01T00:00:00+00:00")
    await letters.put(DEAD, "young", x_failed_at=datetime.now(UTC).isoformat())
    refused = await profilectl(env, "dlq", "purge", QUEUE, "--older-than", "7", typed="n\n")

    assert refused.code == 1
    assert "Delete 1 letters from profile.delete.dlq?" in refused.out
    assert refused.audit == []

    done = await profilectl(env, "dlq", "purge", QUEUE, "--older-than", "7", "--yes")

    assert (done.code, done.out) == (0, "Deleted 1.\n")
    assert [(each["event"], each["count"]) for each in done.audit] == [("dead_letters_purged", 1)]
    assert await letters.ids(DEAD) == ["young"]


async def test_two_at_work_on_one_queue_do_not_get_in_each_others_way(env: Sandbox, letters: Letters) -> None:
    await letters.put(DEAD, "a", "b")
    async with opened(URL(env.service_url)) as dead_letters, dead_letters.leased(DEAD):
        said = await profilectl(env, "dlq", "replay", QUEUE)
        listed = await profilectl(env, "dlq", "list")

    assert said.code == 2
    assert "Somebody else is at work on profile.delete.dlq: try again later." in said.err
    assert listed.code == 2
    assert "Somebody else is at work" in listed.out
    assert await letters.ids(DEAD) == ["a", "b"]


async def test_a_queue_with_more_letters_than_a_consumer_gets_by_itself_is_read_whole(
    env: Sandbox, letters: Letters
) -> None:
    ids = [f"m-{number:04}" for number in range(2_100)]
    for start in range(0, len(ids), 300):
        await asyncio.gather(*[letters.put(DEAD, each) for each in ids[start : start + 300]])
    said = await profilectl(env, "dlq", "purge", QUEUE, "--yes")

    assert said.out == "Deleted 2100.\n"


async def test_a_request_that_died_is_carried_out_when_it_is_replayed_by_a_trusted_service(
    sandbox: Sandbox, ada: Person, service: Gateway, worker: Worker
) -> None:
    async with letters_in(sandbox) as letters:
        await letters.put(DEAD, "died-once", body=json.dumps({"id": ada["id"]}).encode())
    said = await profilectl(
        sandbox, "dlq", "replay", QUEUE, "--id", "died-once", RABBITMQ_URL=sandbox.admin_url
    )

    assert "Replayed 1." in said.out
    assert "TRUSTED_SERVICES" in said.err
    assert worker.process.poll() is None

    again = a_request("profile.create", email=ada["email"])

    async def look() -> bool:  # the address of a deleted profile is free
        return bool((await service.ask("profile.create", again))["ok"])

    assert await eventually(look)


@pytest.mark.usefixtures("worker")
async def test_what_always_comes_back_is_replayed_three_times_and_no_more(
    env: Sandbox, letters: Letters
) -> None:
    for count in range(3):
        await letters.put(DEAD, "poison", x_replay_count=count)
        said = await profilectl(env, "dlq", "replay", QUEUE)
        (again,) = await letters.take(QUEUE)

        assert "Replayed 1." in said.out
        assert again.headers["x-replay-count"] == count + 1
    await letters.put(DEAD, "poison", x_replay_count=3)
    said = await profilectl(env, "dlq", "replay", QUEUE)

    assert "replayed 3 times or more already" in said.out
    assert await letters.ids(DEAD) == ["poison"]
