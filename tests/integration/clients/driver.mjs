// Lets the suite in Python drive the client in TypeScript: one JSON object a line, by stdin and stdout.
//
// {"id", "do", …} is answered by {"id", "result"} or {"id", "failure"}. What a feed has to say is {"feed", "kind", …},
// and after each event it waits for "done" or "fail", after each gap for "done".
import { createInterface } from "node:readline";

import { CallFailed, ProfileClient, TokenVerifier } from "../../../contracts/typescript/dist/index.js";

const { urls, retry, replies } = JSON.parse(process.argv[2]);
const client = new ProfileClient(urls, { timeoutMs: 30_000, name: "driver", retry, replies });
const feeds = new Map();
const verifiers = new Map();

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

function failureOf(error) {
  if (!(error instanceof CallFailed)) return { name: error.name, reason: error.reason ?? error.message };
  const { name, message, code, reason, retryable, error: body, sent } = error;
  return { name, message, code, reason, retryable, error: body, sent };
}

async function listen({ id, keys, queue }) {
  const feed = { answer: () => {} };
  const answered = () => new Promise((resolve) => (feed.answer = resolve));
  const onGap = async () => {
    const answer = answered();
    say({ feed: id, kind: "gap", gaps: feed.events.gaps });
    await answer;
  };
  feed.events = client.events(keys, { queue: queue ?? undefined, onGap });
  feeds.set(id, feed);
  feed.events.waitConnected().then(() => say({ feed: id, kind: "connected" }));
  try {
    for await (const event of feed.events) {
      const answer = answered();
      say({ feed: id, kind: "event", event });
      if ((await answer) === "fail") break;
    }
    say({ feed: id, kind: "ended" });
  } catch (error) {
    say({ feed: id, kind: "ended", failure: failureOf(error) });
  }
}

const ACTIONS = {
  call: ({ operation, request, token, options }) => client.call(operation, request, token, options),
  publish: ({ operation, request, token, options }) => client.publish(operation, request, token, options),
  listen: (order) => void listen(order),
  done: ({ feed }) => feeds.get(feed).answer("done"),
  fail: ({ feed }) => feeds.get(feed).answer("fail"),
  closeClient: () => client.close(),
  loops: () => client.subscribers.size,
  close: ({ feed }) => feeds.get(feed).events.close(),
  startVerifier: async ({ verifier, options }) =>
    void verifiers.set(verifier, await TokenVerifier.start(client, options)),
  feedIsUp: ({ verifier }) => verifiers.get(verifier).feedIsUp,
  verify: ({ verifier, token }) => verifiers.get(verifier).verify(token),
  closeVerifier: ({ verifier }) => verifiers.get(verifier).close(),
};

for await (const line of createInterface(process.stdin)) {
  const order = JSON.parse(line);
  Promise.resolve()
    .then(() => ACTIONS[order.do](order))
    .then((result) => say({ id: order.id, result: result ?? null }))
    .catch((error) => say({ id: order.id, failure: failureOf(error) }));
}
await client.close();
