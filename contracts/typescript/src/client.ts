/** The typed client: requests and their replies over RabbitMQ. Many calls may be in flight at once. */
import { randomUUID } from "node:crypto";

import type { Options } from "amqplib";

import { CallFailed, Disconnected, ErrorReply, NoReply, NotSent, UnreadableReply } from "./errors.js";
import { EventSubscriber, type SubscriberOptions } from "./events.js";
import { NULLABLE, OPERATIONS, type OperationName, type Operations, ProfileApi } from "./generated.js";
import { type CallOptions, headersOf, idempotencyKey, requireTimeout } from "./options.js";
import { RpcConnection } from "./reconnecting.js";
import type { ReplyMode } from "./replies.js";
import { mayHaveArrived, pauseBeforeRetry, saysNothingOfEarlier } from "./retries.js";
import type { RpcChannel } from "./rpc-channel.js";
import { withTimeout } from "./time.js";

const MAX_BODY_BYTES = 64 * 1024;

export interface ClientOptions {
  /** How long a call waits for its result, in milliseconds: 5000. The service does no work after that. */
  readonly timeoutMs?: number;
  /** How long connecting to one address may take, in milliseconds: 5000. */
  readonly connectTimeoutMs?: number;
  /** Whether calls that failed are sent again, where that is safe, within their time: true. */
  readonly retry?: boolean;
  /** What the broker's console calls the connection. */
  readonly name?: string;
  /**
   * How replies come: "direct", by RabbitMQ's direct reply-to, or by a "queue" of this client's own, where the
   * replies to calls in flight outlive a lost connection. When which one is right: `docs/howto/replies.md`.
   */
  readonly replies?: ReplyMode;
}

interface Call {
  readonly operation: OperationName;
  readonly body: Buffer;
  readonly headers: Record<string, string>;
  readonly key: string;
}

/** Asks the profile service. A lost connection is made again by the next call; a closed client stays closed. */
export class ProfileClient extends ProfileApi {
  private readonly urls: readonly string[];
  private readonly user: string;
  private readonly connection: RpcConnection;
  private readonly timeoutMs: number;
  private readonly connectTimeoutMs: number;
  private readonly retry: boolean;
  private readonly name: string;
  private readonly subscribers = new Set<EventSubscriber>();

  /**
   * `url`: the broker, with user and virtual host; or several nodes of it, which are tried in an order of this client's
   * own. One that takes more than half a second has the next one tried beside it.
   */
  constructor(url: string | readonly string[], options: ClientOptions = {}) {
    super();
    this.urls = shuffled(typeof url === "string" ? [url] : url);
    const users = new Set(this.urls.map(userOf));
    const [user] = users;
    if (user === undefined || users.size > 1) {
      throw new RangeError("Give at least one address, and all of one user.");
    }
    this.user = user;
    this.timeoutMs = requireTimeout(options.timeoutMs ?? 5_000);
    this.connectTimeoutMs = requireTimeout(options.connectTimeoutMs ?? 5_000);
    this.retry = options.retry ?? true;
    this.name = options.name ?? "profile-client";
    const replies = options.replies ?? "direct";
    this.connection = new RpcConnection(this.urls, user, this.name, this.connectTimeoutMs, replies);
  }

  /** Connects. Calls do so by themselves: this is for those who want to know at the start. */
  async connect(): Promise<this> {
    await this.connection.channel();
    return this;
  }

  /** Asks for `operation`, and returns its result. Throws a CallFailed. */
  async call<Name extends OperationName>(
    operation: Name,
    request: Operations[Name]["request"],
    token?: string | null,
    options: CallOptions = {},
  ): Promise<Operations[Name]["result"]> {
    const deadline = deadlineIn(options.timeoutMs ?? this.timeoutMs, request);
    const call = callOf(operation, request, token, options);
    return this.retried(operation, deadline, async () => {
      const channel = await this.connectedInTime(operation, deadline);
      const message = this.message(call, deadline, channel.replies.address);
      return resultOf(operation, await channel.ask(operation, call.body, message, deadline - Date.now()));
    });
  }

  /** Sends a command, and waits until the broker has it: there is no reply. Throws a CallFailed. */
  async publish<Name extends OperationName>(
    operation: Name,
    request: Operations[Name]["request"],
    token?: string | null,
    options: CallOptions = {},
  ): Promise<void> {
    const deadline = deadlineIn(options.timeoutMs ?? this.timeoutMs);
    const call = callOf(operation, request, token, options);
    await this.retried(operation, deadline, async () => {
      const channel = await this.connectedInTime(operation, deadline);
      await channel.publish(operation, call.body, this.message(call, null, ""), deadline - Date.now());
    });
  }

  /** Returns events with these routing keys, for `for await`, over a connection of their own. */
  events(keys: readonly string[], options: SubscriberOptions = {}): EventSubscriber {
    if (this.connection.isClosed) throw new NotSent("The client is closed.");
    const subscriber: EventSubscriber = new EventSubscriber(this.urls, keys, {
      ...options,
      connectTimeoutMs: this.connectTimeoutMs,
      name: `${this.name}-events`,
      onStart: () => {
        this.subscribers.add(subscriber);
        return !this.connection.isClosed;
      },
      onEnd: () => this.subscribers.delete(subscriber),
    });
    return subscriber;
  }

  /** Disconnects, within a few seconds; calls in flight are Disconnected, and events end. */
  async close(): Promise<void> {
    await Promise.all([this.connection.close(), ...[...this.subscribers].map((each) => each.close())]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private message(call: Call, deadline: number | null, replyTo: string): Options.Publish {
    const left = deadline === null ? 0 : Math.max(0, deadline - Date.now());
    return {
      ...(deadline === null ? {} : { replyTo, expiration: left }),
      headers: { ...call.headers, ...(deadline === null ? {} : { "x-deadline": deadline }) },
      contentType: "application/json",
      correlationId: randomUUID(),
      messageId: call.key,
      type: call.operation,
      persistent: OPERATIONS[call.operation].isCommand,
      ...(this.user ? { userId: this.user } : {}),
    };
  }

  private async connectedInTime(operation: OperationName, deadline: number): Promise<RpcChannel> {
    const late = () => new NoReply(`No reply from ${operation} in time.`);
    return withTimeout(this.connection.channel(), deadline - Date.now(), late);
  }

  /**
   * Returns what `attempt` returns, trying again where that is safe and there is time for it. An attempt that
   * was not sent says nothing about those before it; nor does a logout that finds its own session ended.
   */
  private async retried<Value>(
    operation: OperationName,
    deadline: number,
    attempt: () => Promise<Value>,
  ): Promise<Value> {
    let isKnown = true;
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (failure) {
        if (!(failure instanceof CallFailed)) throw failure;
        const again = this.retry && !this.connection.isClosed;
        const pause = again ? pauseBeforeRetry(operation, failure, tries) : null;
        if (pause === null || Date.now() + pause >= deadline) {
          if (isKnown || !saysNothingOfEarlier(operation, failure)) throw failure;
          throw new Disconnected(`An earlier attempt at ${operation} may have arrived.`, true);
        }
        isKnown &&= !mayHaveArrived(failure);
        await this.connection.pause(pause);
      }
    }
  }
}

/** Returns when a call is over, in whole milliseconds: RabbitMQ closes the channel of all calls over others. */
function deadlineIn(timeoutMs: number, request: object = {}): number {
  return Date.now() + Math.ceil(requireTimeout(timeoutMs, request));
}

/** Returns the user in an address. Nothing of it is in the error: it may hold a password. */
function userOf(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url?.hostname || !["amqp:", "amqps:"].includes(url.protocol)) {
    throw new RangeError("The address of a broker begins with amqp:// or amqps://, and names a host.");
  }
  return decodeURIComponent(url.username);
}

/** Returns `urls` in any order, so that clients spread over the nodes. */
function shuffled(urls: readonly string[]): string[] {
  const placed = urls.map((url) => ({ url, place: Math.random() }));
  return placed.sort((a, b) => a.place - b.place).map(({ url }) => url);
}

function callOf(
  operation: OperationName,
  request: object,
  token: string | null | undefined,
  options: CallOptions,
): Call {
  const says = ([name, value]: [string, unknown]) => value !== null || NULLABLE[operation]?.has(name);
  const body = Buffer.from(JSON.stringify(Object.fromEntries(Object.entries(request).filter(says))));
  if (body.length > MAX_BODY_BYTES) {
    throw new NotSent(`The request to ${operation} is larger than ${MAX_BODY_BYTES} bytes.`);
  }
  return { operation, body, headers: headersOf(token, options), key: idempotencyKey(options) };
}

function resultOf<Name extends OperationName>(operation: Name, body: Buffer): Operations[Name]["result"] {
  const reply = parsed(body);
  if (reply?.ok === true && typeof reply.result === "object") return reply.result;
  if (reply?.ok === false && typeof reply.error?.code === "string") throw new ErrorReply(reply.error);
  throw new UnreadableReply(`The reply of ${operation} is none of this contract's.`);
}

function parsed(body: Buffer) {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}
