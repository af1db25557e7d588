/**
 * Where replies come to: to a channel, by RabbitMQ's direct reply-to, or into a queue of the client's own.
 * `docs/howto/replies.md` compares the two; ADR 32 says why our queue is as it is.
 */
import { randomUUID } from "node:crypto";

import type { ChannelModel, ConfirmChannel, Message } from "amqplib";

import { isNotFound, rethrow } from "./connection.js";
import { Disconnected } from "./errors.js";

export type ReplyMode = "direct" | "queue";

export interface Waiting {
  readonly resolve: (body: Buffer) => void;
  readonly reject: (error: Error) => void;
}

const DIRECT_REPLY_TO = "amq.rabbitmq.reply-to";
/** Arguments and no policy: a client may set none, and a queue without them would stay for ever. */
const ARGUMENTS = {
  "x-queue-type": "classic",
  "x-expires": 60_000,
  "x-max-length": 10_000,
  "x-max-length-bytes": 64 * 1024 * 1024,
};
/** What the broker hands over before it is acknowledged. */
const PREFETCH = 500;

/** Where replies come to, and who waits for them or for a confirm, by correlation id. */
export abstract class Replies {
  readonly waiting = new Map<string, Waiting>();

  /** `address`: what requests name in `replyTo`. */
  protected constructor(public address: string) {}

  /** Lets replies come over `connection`, and returns the channel that they come by. `lose` hears that no more will. */
  abstract listen(connection: ChannelModel, lose: () => void): Promise<ConfirmChannel>;

  /** Does what follows from the loss of that channel. */
  abstract onChannelLost(): void;

  /** Tells everybody who waits that no reply will come. */
  giveUp(): void {
    for (const each of this.waiting.values()) {
      each.reject(new Disconnected("The connection broke before the reply came.", true));
    }
  }

  protected settle(reply: Message): void {
    this.waiting.get(String(reply.properties.correlationId))?.resolve(reply.content);
  }
}

/** Replies to a channel, without a queue and without a right. They do not outlive that channel. */
export class DirectReplies extends Replies {
  constructor() {
    super(DIRECT_REPLY_TO);
  }

  async listen(connection: ChannelModel, lose: () => void): Promise<ConfirmChannel> {
    const channel = await openChannel(connection);
    await channel.consume(this.address, (reply) => (reply ? this.settle(reply) : lose()), { noAck: true });
    return channel;
  }

  onChannelLost(): void {
    this.giveUp();
  }
}

/**
 * Replies into a queue that outlives its connections. It is deleted when the client is closed, or a minute after
 * it was lost. Replies are acknowledged, so one that was lost on its way comes again. Where the queue is gone,
 * those who wait hear that, and the next one has another name: RabbitMQ makes no queue anew whose node is away.
 */
export class ReplyQueue extends Replies {
  private priority = 0;

  /** `user`: the broker user, with whose name the queue's begins; `comeBack` is called when a channel is lost. */
  constructor(private readonly user: string, private readonly comeBack: () => void) {
    super("");
  }

  async listen(connection: ChannelModel, lose: () => void): Promise<ConfirmChannel> {
    if (this.address) {
      const again = await this.consumeAgain(connection, lose);
      if (again) return again;
      this.giveUp();
    }
    this.address = `${this.user}.replies.${randomUUID()}`;
    const channel = await openChannel(connection);
    const declaring = channel.assertQueue(this.address, { durable: true, arguments: ARGUMENTS });
    await declaring.catch(rethrow(this.address));
    return this.consume(channel, lose);
  }

  onChannelLost(): void {
    this.comeBack();
  }

  /** Deletes the queue, with the replies that are still in it. */
  async delete(channel: ConfirmChannel): Promise<void> {
    await channel.deleteQueue(this.address);
  }

  /** Returns null if the queue is gone. */
  private async consumeAgain(connection: ChannelModel, lose: () => void): Promise<ConfirmChannel | null> {
    try {
      return await this.consume(await openChannel(connection), lose);
    } catch (error) {
      if (isNotFound(error)) return null; // the channel goes with the connection
      return rethrow(this.address)(error);
    }
  }

  private async consume(channel: ConfirmChannel, lose: () => void): Promise<ConfirmChannel> {
    await channel.prefetch(PREFETCH);
    this.priority += 1;
    // Rather here than to a connection that is lost, which the broker notices later than we do.
    const options = { arguments: { "x-priority": this.priority } };
    await channel.consume(this.address, (reply) => (reply ? this.acknowledge(channel, reply) : lose()), options);
    return channel;
  }

  private acknowledge(channel: ConfirmChannel, reply: Message): void {
    this.settle(reply);
    try {
      channel.ack(reply);
    } catch {
      // The channel is closed: the reply comes again.
    }
  }
}

async function openChannel(connection: ChannelModel): Promise<ConfirmChannel> {
  const channel = await connection.createConfirmChannel();
  channel.on("error", () => {});
  return channel;
}
