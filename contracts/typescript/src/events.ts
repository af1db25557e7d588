/** Events as they arrive, once each, for as long as the client is open. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";

import { closeInTime, isNotFound, openedInTime, rethrow } from "./connection.js";
import { Disconnected } from "./errors.js";
import { endingWith, firstConnection } from "./first-connection.js";
import { EVENT_TYPES, type ProfileServiceEvent } from "./generated.js";
import { jittered } from "./retries.js";
import { withTimeout } from "./time.js";

const EVENTS_EXCHANGE = "profile.events";
/** What the broker hands over before it is acknowledged. Of a durable queue one: what goes back is counted. */
const PREFETCH_OF_DURABLE = 1;
const PREFETCH = 200;
const REMEMBERED = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** Between two looks at a queue that gives nothing, and how long the broker may take to answer. */
const LOOK_MS = 30_000;
const COUNT_MS = 5_000;
/**
 * At so many looks in a row it has to hold messages; at twice as many each time that to connect anew did not help, for
 * another consumer may be the only active one.
 */
const FIRST_LOOKS = 2;
const MOST_LOOKS = 20;

export interface SubscriberOptions {
  /**
   * A durable queue, made if it isn't there; its name begins as the broker user may name queues. Several
   * processes share its events. Without one, each process gets all events that are published while it is
   * connected, and no others.
   */
  readonly queue?: string | undefined;
  /** Called when events may have been missed, before any that come after that; again, if it throws. */
  readonly onGap?: (() => void | Promise<void>) | undefined;
  /** How many ids of acknowledged events are kept: 10,000. */
  readonly remember?: number | undefined;
}

interface Internal {
  readonly connectTimeoutMs: number;
  readonly name: string;
  /** Called when a loop begins; returns whether it may. */
  readonly onStart: () => boolean;
  /** Called when a loop has ended. */
  readonly onEnd: () => void;
}

interface Opened {
  readonly connection: ChannelModel;
  readonly channel: Channel;
  readonly messages: Messages;
  readonly queue: string;
}

/**
 * Gives events, one after the other: `for await (const event of client.events(["profile.*"]))`.
 *
 * - An event is acknowledged when the loop asks for the next one. If its body throws, or the loop ends by
 *   `break`, it goes back to its queue, and comes again.
 * - One that comes twice is given once, if its id is among the last that were acknowledged here.
 * - A lost connection is made again by itself, two seconds after the broker is back at the latest. So is one over
 *   which a queue gives nothing for a minute or more that holds messages: RabbitMQ before 4.2 may lose an
 *   acknowledgement when a node of a cluster is cut off (rabbitmq-server #14589, #15473).
 * - Events of a type that this version does not know are acknowledged and passed over.
 * - One loop at a time: another one waits until this one has ended.
 * - The loop ends when the subscriber or the client is closed, and throws QueueRefused if the user may not
 *   have that queue.
 */
export class EventSubscriber implements AsyncIterable<ProfileServiceEvent> {
  /** How many times events may have been missed: the queue was not there. The first time counts, too. */
  gaps = 0;
  /** How many events of unknown types or forms there were. */
  passedOver = 0;
  private readonly seen = new Set<string>();
  private readonly closing = new AbortController();
  private readonly waitingForLoop = new Set<() => void>();
  private readonly remember: number;
  private opened: Opened | null = null;
  private current: { id: string; message: ConsumeMessage } | null = null;
  private gapIsOpen = false;
  private looks = FIRST_LOOKS;
  private running: Promise<void> = Promise.resolve();

  /** `urls`: the broker, or several nodes of it; one that is slow has the next one tried beside it. */
  constructor(
    private urls: readonly string[],
    private readonly keys: readonly string[],
    private readonly options: SubscriberOptions & Internal,
  ) {
    this.remember = options.remember ?? REMEMBERED;
  }

  /** Whether events arrive now. */
  get connected(): boolean {
    return this.opened?.messages.isOpen ?? false;
  }

  /** Waits until the loop has connected: for ever, if the broker stays away, so set a limit. */
  async waitConnected(): Promise<void> {
    if (!this.connected) await new Promise<void>((resolve) => this.waitingForLoop.add(resolve));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ProfileServiceEvent, void, void> {
    const before = this.running;
    let ended = () => {};
    this.running = new Promise((resolve) => (ended = resolve));
    try {
      await before;
      if (!this.options.onStart()) return;
      for (;;) {
        const opened = await this.open();
        if (!opened) return;
        try {
          for (;;) {
            const event = await this.next(opened);
            if (!event) break;
            yield event;
            this.acknowledgeCurrent(opened);
          }
        } finally {
          this.current = this.opened = null;
          await closeInTime(opened.connection); // what was not acknowledged goes back to its queue
        }
        await this.pause(FIRST_PAUSE_MS);
      }
    } finally {
      this.options.onEnd();
      ended();
    }
  }

  /** Ends the loop, within a few seconds; the event that it is at may be acknowledged until then. */
  async close(): Promise<void> {
    this.closing.abort();
    this.opened?.messages.end();
    await withTimeout(this.running, LONGEST_PAUSE_MS, () => new Error("late")).catch(() => {});
    if (this.opened) await closeInTime(this.opened.connection);
  }

  /** Returns a channel on which events arrive, once there is one; null if the subscriber is closed. */
  private async open(): Promise<Opened | null> {
    let pause = FIRST_PAUSE_MS;
    while (!this.closing.signal.aborted) {
      try {
        const opened = await this.openFirst();
        if (this.closing.signal.aborted) {
          await closeInTime(opened.connection);
          break;
        }
        this.opened = opened;
        for (const each of this.waitingForLoop) each();
        this.waitingForLoop.clear();
        return opened;
      } catch (failure) {
        if (!(failure instanceof Disconnected)) throw failure;
      }
      await this.pause(pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
    return null;
  }

  private async openFirst(): Promise<Opened> {
    const { queue, connectTimeoutMs, name } = this.options;
    const connected = await firstConnection(this.urls, name, connectTimeoutMs, this.closing.signal);
    const { url, connection, deadline } = connected;
    this.urls = endingWith(url, this.urls); // another one comes first the next time
    const user = decodeURIComponent(new URL(url).username);
    const queueName = queue ?? `${user}.events.${randomUUID()}`;
    try {
      const left = deadline - performance.now();
      const declaring = openedInTime(this.declare(connection, queueName), connectTimeoutMs, left);
      await declaring.catch(rethrow(queueName));
      await this.closeGap();
      const consuming = openedInTime(this.consume(connection, queueName), connectTimeoutMs);
      return await consuming.catch(rethrow(queueName));
    } catch (error) {
      await closeInTime(connection);
      throw error;
    }
  }

  private async consume(connection: ChannelModel, queue: string): Promise<Opened> {
    const channel = await connection.createChannel();
    const messages = new Messages();
    channel.on("error", () => {});
    channel.on("close", () => messages.end());
    connection.on("close", () => messages.end());
    await channel.prefetch(this.options.queue ? PREFETCH_OF_DURABLE : PREFETCH);
    await channel.consume(queue, (message) => (message ? messages.put(message) : messages.end()));
    return { connection, channel, messages, queue };
  }

  /** Makes the queue, if it isn't there, and binds it. */
  private async declare(connection: ChannelModel, name: string): Promise<void> {
    const isThere = this.options.queue !== undefined && (await hasQueue(connection, name));
    const channel = await connection.createChannel();
    channel.on("error", () => {});
    if (!isThere) {
      this.noteGap(); // whatever happens from here on, the queue may be there the next time
      const kind = this.options.queue
        ? { durable: true, arguments: { "x-queue-type": "quorum" } }
        : { durable: false, exclusive: true };
      await channel.assertQueue(name, kind);
    }
    for (const key of this.keys) await channel.bindQueue(name, EVENTS_EXCHANGE, key);
    // The channel goes with the connection.
  }

  /** Remembers that events may have been missed, until that is told: more than one attempt may take. */
  private noteGap(): void {
    if (!this.gapIsOpen) this.gaps += 1;
    this.gapIsOpen = true;
  }

  /** Tells of a gap before anything that comes after it. */
  private async closeGap(): Promise<void> {
    if (!this.gapIsOpen || this.closing.signal.aborted) return;
    await this.options.onGap?.();
    this.gapIsOpen = false;
  }

  /** Returns the next event that is new and known, or null if no more arrive. */
  private async next(opened: Opened): Promise<ProfileServiceEvent | null> {
    for (;;) {
      const message = await this.arrival(opened);
      if (!message) return null;
      this.looks = FIRST_LOOKS;
      const event = eventOf(message);
      if (event && !this.seen.has(event.id)) {
        this.current = { id: event.id, message };
        return event;
      }
      if (!event) this.passedOver += 1;
      acknowledge(opened.channel, message);
    }
  }

  /** Returns the next message, or undefined if no more arrive. */
  private async arrival({ connection, messages, queue }: Opened): Promise<ConsumeMessage | undefined> {
    let held = 0;
    while (held < this.looks && messages.areAwaited) {
      await messages.wait(LOOK_MS);
      if (!messages.areAwaited) break;
      const arrived = messages.wait(COUNT_MS).then(() => null);
      const count = await Promise.race([countMessages(connection, queue), arrived]);
      if (count) held += 1;
      else if (count === 0) held = 0;
    }
    if (messages.areAwaited) this.looks = Math.min(2 * this.looks, MOST_LOOKS);
    return messages.take();
  }

  private acknowledgeCurrent({ channel }: Opened): void {
    if (!this.current) return;
    const { id, message } = this.current;
    this.current = null;
    this.seen.add(id);
    for (const oldest of this.seen) {
      if (this.seen.size <= this.remember) break;
      this.seen.delete(oldest);
    }
    acknowledge(channel, message);
  }

  private async pause(ms: number): Promise<void> {
    await sleep(jittered(ms), undefined, { signal: this.closing.signal }).catch(() => {});
  }
}

/** What has arrived, and was not taken yet. */
class Messages {
  isOpen = true;
  private readonly arrived: ConsumeMessage[] = [];
  private wake = () => {};

  put(message: ConsumeMessage): void {
    this.arrived.push(message);
    this.wake();
  }

  end(): void {
    this.isOpen = false;
    this.wake();
  }

  /** Whether none is there, and one may come. */
  get areAwaited(): boolean {
    return this.isOpen && this.arrived.length === 0;
  }

  /** Waits as long as that is so, for `ms` at most. */
  async wait(ms: number): Promise<void> {
    if (!this.areAwaited) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      timer = setTimeout(resolve, ms).unref(); // the connection keeps the process alive
    });
    clearTimeout(timer);
  }

  /** Returns the next one, if one is there and more may come. */
  take(): ConsumeMessage | undefined {
    return this.isOpen ? this.arrived.shift() : undefined;
  }
}

async function hasQueue(connection: ChannelModel, name: string): Promise<boolean> {
  const channel = await connection.createChannel();
  channel.on("error", () => {});
  try {
    await channel.checkQueue(name);
    return true; // the channel goes with the connection
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Returns how many messages are in `queue` that no consumer has; null if that can't be seen. */
async function countMessages(connection: ChannelModel, queue: string): Promise<number | null> {
  const count = async () => {
    const channel = await connection.createChannel();
    channel.on("error", () => {});
    const { messageCount } = await channel.checkQueue(queue);
    channel.close().catch(() => {}); // amqplib says nothing of one whose connection breaks
    return messageCount;
  };
  return withTimeout(count(), COUNT_MS, () => new Error("late")).catch(() => null);
}

function acknowledge(channel: Channel, message: ConsumeMessage): void {
  try {
    channel.ack(message);
  } catch {
    // The channel is closed: the message comes again.
  }
}

/** Returns the event in `message`, or null if this version of the contract does not know it. */
function eventOf(message: ConsumeMessage): ProfileServiceEvent | null {
  if (!EVENT_TYPES.has(message.fields.routingKey)) return null;
  try {
    const event = JSON.parse(message.content.toString());
    return typeof event?.id === "string" && event.data && typeof event.data === "object" ? event : null;
  } catch {
    return null;
  }
}
