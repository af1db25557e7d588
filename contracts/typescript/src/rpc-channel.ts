/** A channel over which requests go and replies come back, until its connection breaks. */
import type { ChannelModel, ConfirmChannel, Message, Options } from "amqplib";

import { asDisconnected, closeInTime, connectTo, openedInTime } from "./connection.js";
import { type CallFailed, Disconnected, NoReply, Unroutable } from "./errors.js";
import type { Replies, Waiting } from "./replies.js";
import { withTimeout } from "./time.js";

const COMMANDS_EXCHANGE = "profile.commands";
/** What amqplib says of a nack. */
const NACKED = "message nacked";

export class RpcChannel {
  isOpen = true;
  private opened: ConfirmChannel | null = null;

  private constructor(
    private readonly connection: ChannelModel,
    readonly replies: Replies,
  ) {}

  /** Connects to `url`, and listens for `replies`. */
  static async open(url: string, name: string, timeoutMs: number, replies: Replies): Promise<RpcChannel> {
    const connection = await connectTo(url, name, timeoutMs);
    const opened = new RpcChannel(connection, replies);
    try {
      await openedInTime(opened.listen(), timeoutMs);
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

  private async listen(): Promise<void> {
    this.connection.on("close", () => this.lose());
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
    if (!this.isOpen) return;
    this.isOpen = false;
    this.replies.onChannelLost();
  }

  /** Disconnects. */
  async close(): Promise<void> {
    this.lose();
    await closeInTime(this.connection);
  }

  private send(
    queue: string,
    body: Buffer,
    message: Options.Publish,
    ms: number,
    confirmed: (waiting: Waiting) => void,
  ): Promise<Buffer> {
    const key = String(message.correlationId);
    const answered = new Promise<Buffer>((resolve, reject) => {
      const waiting = { resolve, reject };
      this.replies.waiting.set(key, waiting);
      try {
        this.channel.publish(COMMANDS_EXCHANGE, queue, body, { ...message, mandatory: true }, (error) => {
          if (error) reject(notTaken(queue, error));
          else confirmed(waiting);
        });
      } catch (error) {
        reject(asDisconnected(error, false));
      }
    });
    const late = () => new NoReply(`No reply from ${queue} in time.`);
    return withTimeout(answered, ms, late).finally(() => this.replies.waiting.delete(key));
  }

  private isReturned(message: Message): void {
    const waiting = this.replies.waiting.get(String(message.properties.correlationId));
    waiting?.reject(unroutable(message.fields.routingKey));
  }
}

/** Returns why the broker has not confirmed a request: a queue that is full refuses it by a nack. */
function notTaken(queue: string, error: Error): CallFailed {
  if (error.message === NACKED) return unroutable(queue);
  return new Disconnected("The connection broke before the broker had the request.", true);
}

function unroutable(queue: string): Unroutable {
  return new Unroutable(`No queue took the request to ${queue}.`);
}
