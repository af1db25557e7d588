/** A channel for requests whenever one is needed: lost connections are made again. */
import { setTimeout as sleep } from "node:timers/promises";

import { CallFailed, Disconnected, NotSent } from "./errors.js";
import { DirectReplies, type ReplyMode, ReplyQueue } from "./replies.js";
import { backoffMs } from "./retries.js";
import { RpcChannel } from "./rpc-channel.js";
import { unlessAborted, withTimeout } from "./time.js";

const DELETE_MS = 2_000;

/** Connects to one of several addresses, again and again, until it is closed. */
export class RpcConnection {
  private readonly closing = new AbortController();
  private readonly replyQueue: ReplyQueue | null;
  private current: RpcChannel | null = null;
  private connecting: Promise<RpcChannel> | null = null;
  private isComingBack = false;
  private attempts = 0;

  /** Throws a RangeError if there is no such way for `replies`, or no `user` to call a queue after. */
  constructor(
    private readonly urls: readonly string[],
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
    if (this.current?.isOpen) return this.current;
    const closed = () => new Disconnected("The client was closed.", false);
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
    await this.current?.close();
    let failure: unknown = new Disconnected("There is no connection to the broker.", false);
    for (const _ of this.urls) {
      if (this.isClosed) break;
      const url = this.urls[this.attempts++ % this.urls.length] as string;
      try {
        const replies = this.replyQueue ?? new DirectReplies();
        this.current = await RpcChannel.open(url, this.name, this.connectTimeoutMs, replies);
        if (this.isClosed) break;
        return this.current;
      } catch (error) {
        failure = error;
      }
    }
    if (this.isClosed) await this.current?.close(); // it was opened after all others were closed
    throw failure;
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
