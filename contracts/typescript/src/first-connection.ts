/** A connection to whichever of several nodes lets us in first (RFC 8305, "Happy Eyeballs"). */
import type { ChannelModel } from "amqplib";

import { closeInTime, connectTo, givenUp } from "./connection.js";

/** How long a node may take to let us in before the next one is tried beside it. */
const SILENT_MS = 500;

export interface Connected {
  readonly url: string;
  readonly connection: ChannelModel;
  /** When the time is over that it had, as `performance.now()` says it. */
  readonly deadline: number;
  /** The nodes that have not failed meanwhile, in the order in which they are to be tried. */
  readonly others: readonly string[];
}

/**
 * Connects to one of `urls`; each has `timeoutMs`, from when it is tried. The next one is tried when one has failed,
 * or has not let us in for half a second: that one is not given up. Once one has let us in, or `signal` says so, the
 * lines to the others are dropped. Throws Disconnected if none lets us in: it says why the last one did not.
 */
export function firstConnection(
  urls: readonly string[],
  name: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Connected> {
  const left = [...urls];
  const failed = new Set<string>();
  const over = new AbortController();
  let running = 0;
  let silence: NodeJS.Timeout | undefined;

  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(silence);
      signal.removeEventListener("abort", end);
      over.abort();
      reject(givenUp()); // which changes nothing where the outcome is known
    };
    const tryNext = () => {
      clearTimeout(silence);
      const url = left.shift();
      if (url === undefined) return;
      if (left.length > 0) silence = setTimeout(tryNext, SILENT_MS);
      running += 1;
      const deadline = performance.now() + timeoutMs;
      connectTo(url, name, timeoutMs, over.signal).then(
        (connection) => succeed({ url, connection, deadline, others: othersThan(url) }),
        (failure) => fail(url, failure),
      );
    };
    const othersThan = (url: string) =>
      endingWith(url, urls)
        .slice(0, -1)
        .filter((each) => !failed.has(each));
    const succeed = (connected: Connected) => {
      if (over.signal.aborted) void closeInTime(connected.connection); // another one was as quick
      else resolve(connected);
      end();
    };
    const fail = (url: string, failure: unknown) => {
      failed.add(url);
      running -= 1;
      if (left.length > 0 && !over.signal.aborted) return tryNext();
      if (running > 0) return;
      reject(failure);
      end();
    };
    signal.addEventListener("abort", end);
    tryNext();
  });
}

/** Returns `urls` as they stand in a circle, up to this one: the one to be tried last. */
export function endingWith(url: string, urls: readonly string[]): readonly string[] {
  const next = urls.indexOf(url) + 1;
  return [...urls.slice(next), ...urls.slice(0, next)];
}
