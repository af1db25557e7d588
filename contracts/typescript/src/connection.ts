/** Connecting, and what amqplib says when the connection is gone. */
import type { SocketConstructorOpts } from "node:net";
import { unescape } from "node:querystring";
import type { Duplex } from "node:stream";

import { type ChannelModel, connect, credentials, type SocketOptions } from "amqplib";

import { CallFailed, Disconnected, QueueRefused } from "./errors.js";
import { unlessAborted, withTimeout } from "./time.js";

/** amqplib gives a line up after two of these without a sign of life. */
const HEARTBEAT_SECONDS = 5;
const CLOSE_MS = 2_000;
/** AMQP 0-9-1: not-found, and access-refused, resource-locked, precondition-failed. */
const NOT_FOUND = 404;
const REFUSED = new Set([403, 405, 406]);

/** What amqplib hands on to Node.js, though its types do not say so. */
type LineOptions = SocketOptions & Pick<SocketConstructorOpts, "signal">;

/**
 * Connects to `url`, as `name` in the broker's console; throws Disconnected after `timeoutMs` at the latest, or as
 * soon as `signal` says so. Then there is no line any more.
 */
export async function connectTo(
  url: string,
  name: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ChannelModel> {
  const line = new AbortController(); // not `signal`, which would end a connection that is made, too
  const address = new URL(url);
  if (!address.searchParams.has("heartbeat")) address.searchParams.set("heartbeat", `${HEARTBEAT_SECONDS}`);
  const options: LineOptions = {
    timeout: timeoutMs,
    clientProperties: { connection_name: name },
    signal: line.signal,
    ...loginOf(address),
  };
  const connecting = connect(address.href, options).then((connection) => {
    connection.on("error", () => {}); // "close" follows, and says all that matters
    return connection;
  });
  try {
    return await openedInTime(unlessAborted(connecting, signal, givenUp), timeoutMs);
  } catch (error) {
    line.abort();
    connecting.then(closeInTime, () => {});
    throw asDisconnected(error, false);
  }
}

/** Returns user and password, if an address has any: amqplib takes each byte of an ü for a letter. */
function loginOf({ username, password }: URL): Pick<SocketOptions, "credentials"> {
  if (!username && !password) return {};
  return { credentials: credentials.plain(unescape(username), unescape(password)) };
}

/**
 * Returns what `opening` comes to, or throws Disconnected: amqplib may forget who waits while a line breaks. `left`:
 * what is left of those `ms`.
 */
export async function openedInTime<Value>(opening: Promise<Value>, ms: number, left = ms): Promise<Value> {
  return withTimeout(opening, left, () => new Disconnected(`The broker did not let us in within ${ms} ms.`, false));
}

/** Returns what is thrown where nobody waits for a connection any more. */
export function givenUp(): Disconnected {
  return new Disconnected("Connecting was given up.", false);
}

/**
 * Closes `connection`, or gives that up after two seconds. Its socket goes then, too: with a silent other end
 * it would keep the process alive for minutes.
 */
export async function closeInTime(connection: ChannelModel): Promise<void> {
  try {
    await withTimeout(connection.close(), CLOSE_MS, () => new Error("late"));
  } catch {
    const { stream } = connection.connection as unknown as { stream: Duplex }; // no type of amqplib names it
    stream.destroy(new Error("given up")); // by an error, for only then amqplib ends its heartbeats
  }
}

/** Returns `error` as the client says it. Its text is left out: it may quote the address, with its password. */
export function asDisconnected(error: unknown, sent: boolean): Error {
  if (error instanceof CallFailed) return error;
  const code = codeOf(error);
  const what = code === null ? "" : `: ${String(code)}`;
  return new Disconnected(`There is no connection to the broker${what}.`, sent);
}

/** Returns whether the broker has closed a channel because a queue isn't there. */
export function isNotFound(error: unknown): boolean {
  return codeOf(error) === NOT_FOUND;
}

/** Returns what throws QueueRefused if that is what an error about `queue` says, and Disconnected otherwise. */
export function rethrow(queue: string): (error: unknown) => never {
  return (error) => {
    const code = codeOf(error);
    if (typeof code !== "number" || !REFUSED.has(code)) throw asDisconnected(error, false);
    throw new QueueRefused(`The broker does not let us have the queue ${queue}.`);
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : null;
}
