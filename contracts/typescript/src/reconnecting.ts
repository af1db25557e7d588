/** A channel for requests whenever one is needed: lost connections are made again. */
import { setTimeout as sleep } from "node:timers/promises";

import { CallFailed, Disconnected, NotSent } from "./errors.js";
import { type Connected, endingWith, firstConnection } from "./first-connection.js";
import type { Refusals } from "./refusals.js";
import { DirectReplies, type ReplyMode, ReplyQueue } from "./replies.js";
import { backoffMs } from "./retries.js";
import { RpcChannel } from "./rpc-channel.js";
import { unlessAborted, withTimeout } from "./time.js";

const DELETE_MS = 2_000;

/**
 * Connects to one of several addresses, again and again, until it is closed. They are tried in their order; one that
 * does not let us in soon has the next one tried beside it, and the first to do so is taken.
 */
export class RpcConnection {
  private readonly closing = new AbortController();
  private readonly replyQueue: ReplyQueue | null;
  private current: RpcChannel | null = null;
  private refusals = new Map<string, Refusals>();
  private connecting: Promise<RpcChannel> | null = null;
  private isComingBack = false;

  /** Throws a RangeError if there is no such way for `replies`, or no `user` to call a queue after. */
  constructor(
    private urls: readonly string[],
    user: string,
    private readonly name: string,
    private readonly connectTimeoutMs: number,
    replies: ReplyMode,
  ) {
    if (replies !== "direct" && replies !== "queue") {
      throw new RangeError("Replies come by 'direct' or 'queue'.");
    }
    if (replies === "queue" && !user) {
      throw new RangeError("The address has to name the user: the queue of replies is called after them.");
    }
    this.replyQueue = replies === "queue" ? new ReplyQueue(user, () => void this.comeBack()) : null;
  }

  /** Whether it was told to close. */
  get isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /** Waits so long, or until it is told to close. */
  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.closing.signal }).catch(() => {});
  }

  /** Returns a channel that is open. All who ask share one attempt to connect. */
  async channel(): Promise<RpcChannel> {
    if (this.isClosed) throw new NotSent("The client is closed.");
    if (this.current?.isOpen && !this.current.isStuck()) return this.current;
    this.connecting ??= unlessAborted(this.connect(), this.closing.signal, closed).finally(() => {
      this.connecting = null;
    });
    return this.connecting;
  }

  /** Disconnects; who waits for a reply is Disconnected. */
  async close(): Promise<void> {
    this.closing.abort();
    this.replyQueue?.giveUp();
    const channel = this.current;
    if (channel?.isOpen && this.replyQueue) {
      channel.lose();
      const deleting = this.replyQueue.delete(channel.channel); // or else it expires
      await withTimeout(deleting, DELETE_MS, () => new Error("late")).catch(() => {});
    }
    await channel?.close();
  }

  private async connect(): Promise<RpcChannel> {
    if (this.current) {
      this.refusals = new Map([...this.current.refusals].map(([queue, each]) => [queue, each.beginAnew()]));
      await this.current.close();
    }
    let urls = this.urls;
    while (!this.isClosed) {
      const connected = await firstConnection(urls, this.name, this.connectTimeoutMs, this.closing.signal);
      this.urls = endingWith(connected.url, this.urls); // another one comes first the next time
      urls = connected.others;
      try {
        // On one connection at a time: they share the queue of replies.
        return await this.channelOn(connected);
      } catch (error) {
        if (!(error instanceof Disconnected) || urls.length === 0) throw error;
      }
    }
    throw closed();
  }

  private async channelOn(connected: Connected): Promise<RpcChannel> {
    const replies = this.replyQueue ?? new DirectReplies();
    const signal = this.closing.signal;
    this.current = await RpcChannel.open(connected, this.connectTimeoutMs, replies, this.refusals, signal);
    if (!this.isClosed) return this.current;
    await this.current.close(); // it was opened after all others were closed
    throw closed();
  }

  /** Connects again even if nobody sends anything, for there may be replies in our queue. */
  private async comeBack(): Promise<void> {
    if (this.isComingBack) return;
    this.isComingBack = true;
    for (let tries = 1; !this.isClosed && this.replyQueue?.waiting.size; tries += 1) {
      const channel = await this.channel().catch(onlyFailedCalls);
      if (channel?.isOpen) break;
      await sleep(backoffMs(tries), undefined, { ref: false }); // who waits keeps the process alive
    }
    this.isComingBack = false;
  }
}

function onlyFailedCalls(error: unknown): null {
  if (error instanceof CallFailed) return null;
  throw error;
}

function closed(): Disconnected {
  return new Disconnected("The client was closed.", false);
}
