"""Modules of the client in TypeScript by themselves, without a broker."""

import json
from subprocess import CompletedProcess

import pytest

from asyncapi.node import find_node, run
from tests.integration.clients.typescript import PACKAGE, build

# Two requests are confirmed by one word of the broker, after a later one that was confirmed alone.
STUCK_CHANNEL = """
import { RpcChannel } from "./dist/rpc-channel.js";
let now = 0;
performance.now = () => now;
const opened = { unconfirmed: [null, null, () => {}], lwm: 3 };
const state = { opened, refusals: new Map(), oldest: null, since: 0 };
const channel = Object.assign(Object.create(RpcChannel.prototype), state);
const seen = [];
for (const [time, isBlocked] of [[0, false], [9999, false], [10000, false], [10001, true], [10002, false]]) {
  now = time;
  channel.blocking = { isOn: isBlocked };
  seen.push(channel.isStuck());
}
console.log(JSON.stringify([seen, opened.unconfirmed.length, opened.lwm]));
"""


# An alarm goes on for longer than the first call waits, ends before the second one gives up, and comes again.
BLOCKED_CHANNEL = """
import { RpcChannel } from "./dist/rpc-channel.js";
import { Blocking } from "./dist/time.js";
const written = [];
const publish = (exchange, queue, body, message, confirm) => {
  written.push(message.correlationId);
  confirm(null);
};
const replies = { waiting: new Map(), onChannelLost() {} };
const opened = { publish, unconfirmed: [] };
const state = { opened, refusals: new Map(), returned: new Set(), replies, blocking: new Blocking() };
const channel = Object.assign(Object.create(RpcChannel.prototype), state);
const sent = (key, ms) => channel.publish("profile.delete", Buffer.alloc(0), { correlationId: key }, ms).then(
  () => `${key} taken`,
  (error) => `${key} ${error.name} ${error.sent}`,
);
channel.blocking.begin();
channel.blocking.begin();
const seen = [await sent("late", 20), written.length];
const waits = sent("waits", 60_000);
channel.blocking.end();
channel.blocking.begin();
await null;
seen.push(written.length);
channel.blocking.end();
seen.push(await waits, await sent("free", 60_000));
channel.blocking.begin();
const lost = sent("lost", 60_000);
channel.lose();
seen.push(await lost, ...written);
console.log(JSON.stringify(seen));
"""


def ran(program: str) -> CompletedProcess[str]:
    """Run *program*, which may import what was built."""
    build()
    return run((*find_node().node, "--input-type=module", "--eval", program), PACKAGE, 60)


def test_what_a_verifier_remembers_of_ended_sessions_is_what_the_one_in_python_does() -> None:
    """See `unit/contracts/test_verifier.py`."""
    program = """
        import { Revocations } from "./dist/revocations.js";
        const known = new Revocations();
        const now = Date.now();
        const opened = (now - 60_000).toString(16).padStart(12, "0");
        const sid = `${opened.slice(0, 8)}-${opened.slice(8)}-7000-8000-000000000000`;
        const claims = { sub: "user", sid, iat: now / 1000 + 60, jti: "1" };
        const ended = (before, kept) =>
          ({ user_id: "user", session_ids: [], revoked_before: before, spared_session_id: kept });
        const states = [];
        for (const each of [ended(now, sid), ended(now + 1, null), ended(now, sid)]) {
          known.note(each, "");
          states.push(known.stateOf(claims));
        }
        const old = { ...claims, sub: "other", iat: now / 1000 - 1, jti: "2" };
        states.push(known.stateOf(old));
        known.refuse(old);
        states.push(known.stateOf(old));
        console.log(states.join(" "));
    """
    done = ran(program)

    assert done.stdout.split() == ["alive", "ended", "ended", "uncertain", "ended"]


@pytest.mark.parametrize("url", ["", "localhost", "amqp://", "http://u:canary@h/", "amqp://u:canary@h:port/"])
def test_an_address_that_is_none_is_refused_and_not_shown(url: str) -> None:
    program = f"import {{ ProfileClient }} from './dist/index.js'; new ProfileClient({json.dumps(url)});"
    done = ran(program)

    assert done.returncode == 1
    assert "RangeError: The address of a broker begins with amqp://" in done.stdout
    assert "canary" not in done.stdout.replace(program, "")


def test_what_a_client_makes_of_refusals_is_what_the_one_in_python_does() -> None:
    """See `unit/contracts/test_refusals.py`."""
    program = """
        import { Refusals } from "./dist/refusals.js";
        const untilLasting = (refusals) => {
          for (let ms = 0; ms < 100_000; ms += 1_000) {
            refusals.onRefused(ms);
            if (refusals.areLasting) return ms;
          }
          return null;
        };
        let refusals = new Refusals();
        const waits = [];
        for (let tries = 0; tries < 7; tries += 1) {
          waits.push(untilLasting(refusals));
          refusals = refusals.beginAnew();
        }
        const inVain = new Refusals();
        untilLasting(inVain);
        waits.push(untilLasting(inVain.beginAnew().beginAnew()));
        const waiting = inVain.beginAnew();
        waiting.onRefused(0);
        waits.push(untilLasting(waiting.beginAnew()));
        const taking = new Refusals();
        taking.onTaken();
        waits.push(untilLasting(taking));
        console.log(JSON.stringify(waits.map((ms) => ms && ms / 1_000)));
    """
    done = ran(program)

    assert json.loads(done.stdout) == [2, 4, 8, 16, 32, 64, 64, 2, 4, None]


def test_a_channel_that_confirms_nothing_is_seen_also_after_a_confirm_of_several() -> None:
    done = ran(STUCK_CHANNEL)

    assert json.loads(done.stdout) == [[False, False, True, False, False], 1, 5]


def test_while_an_alarm_goes_on_nothing_is_written_that_would_wait_without_a_bound() -> None:
    """What came too late would be sent after the alarm all the same."""
    seen = json.loads(ran(BLOCKED_CHANNEL).stdout)

    assert seen == [
        "late NoReply undefined",
        0,
        0,
        "waits taken",
        "free taken",
        "lost Disconnected false",
        "waits",
        "free",
    ]


def test_a_verifier_goes_on_after_an_event_that_is_none_of_the_contract() -> None:
    """Any broker user who may publish events can send one."""
    program = """
        import { Keys } from "./dist/keys.js";
        import { Revocations } from "./dist/revocations.js";
        import { TokenVerifier } from "./dist/verifier.js";
        async function* arriving() {
          yield { type: "auth.session_revoked", time: "", data: {} };
          yield { type: "auth.keys_rotated", time: "", data: { kids: 1 } };
          yield { type: "auth.session_revoked", time: "", data: { user_id: "user", session_ids: ["sid"] } };
        }
        const keys = new Keys(() => Promise.reject(new Error("nobody is asked")));
        keys.keys = new Map([["kid", null]]);
        const state = { events: arriving(), revocations: new Revocations(), keys };
        await Object.assign(Object.create(TokenVerifier.prototype), state).follow();
        console.log(state.revocations.stateOf({ sid: "sid", sub: "user", iat: 0, jti: "1" }), keys.keys.size);
    """

    assert ran(program).stdout.split() == ["ended", "1"]
