/** A channel over which requests go and direct replies come back, until its connection breaks. */
import type { ChannelModel, ConfirmChannel, Message, Options } from "amqplib";

import { asDisconnected, closeInTime, connectTo, openedInTime } from "./connection.js";
import { Disconnected, NoReply, Unroutable } from "./errors.js";
import { withTimeout } from "./time.js";

const COMMANDS_EXCHANGE = "profile.commands";
export const DIRECT_REPLY_TO = "amq.rabbitmq.reply-to";

interface Waiting {
  readonly resolve: (body: Buffer) => void;
  readonly reject: (error: Error) => void;
}

export class RpcChannel {
  /** Who waits for a reply or a confirm, by correlation id. Direct replies do not outlive their channel. */
  private readonly waiting = new Map<string, Waiting>();
  isOpen = true;

  private constructor(
    private readonly connection: ChannelModel,
    private readonly channel: ConfirmChannel,
  ) {}

  /** Connects to `url`, and listens for replies. */
  static async open(url: string, name: string, timeoutMs: number): Promise<RpcChannel> {
    const connection = await connectTo(url, name, timeoutMs);
    try {
      return await openedInTime(RpcChannel.on(connection), timeoutMs);
    } catch (error) {
      await closeInTime(connection);
      throw asDisconnected(error, false);
    }
  }

  private static async on(connection: ChannelModel): Promise<RpcChannel> {
    const channel = await connection.createConfirmChannel();
    const opened = new RpcChannel(connection, channel);
    channel.on("error", () => {});
    channel.on("close", () => opened.giveUp());
    connection.on("close", () => opened.giveUp());
    channel.on("return", (message) => opened.isReturned(message));
    await channel.consume(DIRECT_REPLY_TO, (reply) => opened.settle(reply), { noAck: true });
    return opened;
  }

  /** Sends a request, and returns the body of the reply, which has to come within `ms`. */
  async ask(queue: string, body: Buffer, message: Options.Publish, ms: number): Promise<Buffer> {
    return this.send(queue, body, message, ms, () => {});
  }

  /** Sends a command, and waits until the broker has it, for `ms` at most. */
  async publish(queue: string, body: Buffer, message: Options.Publish, ms: number): Promise<void> {
    await this.send(queue, body, message, ms, (waiting) => waiting.resolve(Buffer.alloc(0)));
  }

  /** Disconnects; whoever waits for a reply is Disconnected. */
  async close(): Promise<void> {
    this.giveUp();
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
      this.waiting.set(key, waiting);
      try {
        this.channel.publish(COMMANDS_EXCHANGE, queue, body, { ...message, mandatory: true }, (error) => {
          if (error) reject(new Disconnected("The connection broke before the broker had the request.", true));
          else confirmed(waiting);
        });
      } catch (error) {
        reject(asDisconnected(error, false));
      }
    });
    const late = () => new NoReply(`No reply from ${queue} in time.`);
    return withTimeout(answered, ms, late).finally(() => this.waiting.delete(key));
  }

  private settle(reply: Message | null): void {
    if (reply) this.waiting.get(String(reply.properties.correlationId))?.resolve(reply.content);
    else this.giveUp();
  }

  private isReturned(message: Message): void {
    const text = `No queue took the request to ${message.fields.routingKey}.`;
    this.waiting.get(String(message.properties.correlationId))?.reject(new Unroutable(text));
  }

  private giveUp(): void {
    this.isOpen = false;
    for (const each of this.waiting.values()) {
      each.reject(new Disconnected("The connection broke before the reply came.", true));
    }
  }
}
