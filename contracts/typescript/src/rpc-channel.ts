/** A channel over which requests go and replies come back, until its connection breaks. */
import type { ChannelModel, ConfirmChannel, Message, Options } from "amqplib";

import { asDisconnected, closeInTime, givenUp, openedInTime } from "./connection.js";
import { type CallFailed, Disconnected, Nacked, NoReply, Unroutable } from "./errors.js";
import type { Connected } from "./first-connection.js";
import { Refusals } from "./refusals.js";
import type { Replies, Waiting } from "./replies.js";
import { Blocking, unlessAborted, withTimeout } from "./time.js";

const COMMANDS_EXCHANGE = "profile.commands";
/** What amqplib says of a nack. */
const NACKED = "message nacked";
/** How long the broker may take to confirm a request; without a fault it takes milliseconds. */
const CONFIRM_MS = 10_000;

export class RpcChannel {
  private isLost = false;
  private readonly blocking = new Blocking();
  private opened: ConfirmChannel | null = null;
  private readonly returned = new Set<string>();
  private oldest: unknown = null;
  private since = 0;

  private constructor(
    private readonly connection: ChannelModel,
    readonly replies: Replies,
    readonly refusals: Map<string, Refusals>,
  ) {}

  /** Listens for `replies` over `connection`, which is closed if that fails, or `signal` says so. */
  static async open(
    { connection, deadline }: Connected,
    timeoutMs: number,
    replies: Replies,
    refusals: Map<string, Refusals>,
    signal: AbortSignal,
  ): Promise<RpcChannel> {
    const opened = new RpcChannel(connection, replies, refusals);
    try {
      const listening = unlessAborted(opened.listen(), signal, givenUp);
      await openedInTime(listening, timeoutMs, deadline - performance.now());
      return opened;
    } catch (error) {
      await closeInTime(connection);
      throw asDisconnected(error, false);
    }
  }

  /** The channel underneath. */
  get channel(): ConfirmChannel {
    if (!this.opened) throw new Disconnected("The channel is not open yet.", false);
    return this.opened;
  }

  /** Whether requests can be sent, and replies come. */
  get isOpen(): boolean {
    return !this.isLost;
  }

  /**
   * Returns whether requests get nowhere over it, and may over another one. To be asked before each. Either a queue
   * refuses them, see `Refusals`. Or the broker confirms none any more, though no alarm keeps it from reading them:
   * RabbitMQ before 4.2 may do that to a channel over whose requests a node was cut off, as long as the channel lives
   * (rabbitmq-server #14589, #9221).
   */
  isStuck(): boolean {
    if ([...this.refusals.values()].some((each) => each.areLasting)) return true;
    const oldest = this.blocking.isOn ? null : oldestUnconfirmed(this.channel);
    if (oldest === null || oldest !== this.oldest) {
      this.oldest = oldest;
      this.since = performance.now();
      return false;
    }
    return performance.now() - this.since >= CONFIRM_MS;
  }

  private async listen(): Promise<void> {
    this.connection.on("close", () => this.lose());
    this.connection.on("blocked", () => this.blocking.begin());
    this.connection.on("unblocked", () => this.blocking.end());
    this.opened = await this.replies.listen(this.connection, () => this.lose());
    this.opened.on("close", () => this.lose());
    this.opened.on("return", (message) => this.isReturned(message));
  }

  /** Sends a request, and returns the body of the reply, which has to come within `ms`. */
  async ask(queue: string, body: Buffer, message: Options.Publish, ms: number): Promise<Buffer> {
    return this.send(queue, body, message, ms, () => {});
  }

  /** Sends a command, and waits until the broker has it, for `ms` at most. */
  async publish(queue: string, body: Buffer, message: Options.Publish, ms: number): Promise<void> {
    await this.send(queue, body, message, ms, (waiting) => waiting.resolve(Buffer.alloc(0)));
  }

  /** Stops using it. */
  lose(): void {
    if (this.isLost) return;
    this.isLost = true;
    this.blocking.end();
    this.replies.onChannelLost();
  }

  /** Disconnects. */
  async close(): Promise<void> {
    this.lose();
    await closeInTime(this.connection);
  }

  /**
   * Sends a request as soon as no alarm keeps the broker from reading it. Until then nothing of it is written: amqplib
   * would keep it, without a bound, and send it after the alarm, though its call has given up long before.
   */
  private async send(
    queue: string,
    body: Buffer,
    message: Options.Publish,
    ms: number,
    confirmed: (waiting: Waiting) => void,
  ): Promise<Buffer> {
    const began = performance.now();
    const left = () => ms - (performance.now() - began);
    while (this.blocking.isOn) await withTimeout(this.blocking.over, left(), late(queue));
    if (this.isLost) throw new Disconnected("The connection broke before the request was sent.", false);
    const key = String(message.correlationId);
    const answered = new Promise<Buffer>((resolve, reject) => {
      const waiting = { resolve, reject };
      this.replies.waiting.set(key, waiting);
      try {
        this.channel.publish(COMMANDS_EXCHANGE, queue, body, { ...message, mandatory: true }, (error) => {
          if (error) {
            reject(this.notTaken(queue, error));
            return;
          }
          if (!this.returned.delete(key)) this.refusalsOf(queue).onTaken();
          confirmed(waiting);
        });
      } catch (error) {
        reject(asDisconnected(error, false));
      }
    });
    return withTimeout(answered, left(), late(queue)).finally(() => {
      this.replies.waiting.delete(key);
      this.isStuck(); // so that the next request knows since when this one waits
    });
  }

  private isReturned(message: Message): void {
    const key = String(message.properties.correlationId);
    this.returned.add(key); // until it is confirmed, which comes next
    const waiting = this.replies.waiting.get(key);
    waiting?.reject(unroutable(message.fields.routingKey));
  }

  private refusalsOf(queue: string): Refusals {
    const found = this.refusals.get(queue) ?? new Refusals();
    this.refusals.set(queue, found);
    return found;
  }

  /** Returns why the broker has not confirmed a request. */
  private notTaken(queue: string, error: Error): CallFailed {
    if (error.message !== NACKED) {
      return new Disconnected("The connection broke before the broker had the request.", true);
    }
    this.refusalsOf(queue).onRefused(performance.now());
    return new Nacked(`The queue ${queue} is full, or has just lost its leader.`);
  }
}

/**
 * Returns what stands for the request that has waited longest for its confirm. Of those that are confirmed, amqplib
 * leaves some in front after a confirm of several at once, and then all that follow.
 */
function oldestUnconfirmed(channel: ConfirmChannel): unknown {
  const confirms = channel as unknown as { unconfirmed: unknown[]; lwm: number }; // no type of amqplib names them
  while (confirms.unconfirmed[0] === null) {
    confirms.unconfirmed.shift();
    confirms.lwm += 1;
  }
  return confirms.unconfirmed[0] ?? null;
}

function late(queue: string): () => NoReply {
  return () => new NoReply(`No reply from ${queue} in time.`);
}

function unroutable(queue: string): Unroutable {
  return new Unroutable(`No queue took the request to ${queue}.`);
}
