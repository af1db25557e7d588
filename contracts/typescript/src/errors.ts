/**
 * What a call fails with. Every failure is a CallFailed, with `code`, `reason` and `retryable`:
 *
 * - ErrorReply: the service answered with an error;
 * - NoReply: nothing came back in time, and the outcome is unknown;
 * - UnreadableReply: what came back is no reply of this contract, and the outcome is unknown;
 * - Unroutable: no queue took the request, and it was not carried out;
 * - Nacked, an Unroutable: a queue refused it, as it is full, or has just lost its leader;
 * - NotSent: the request can't be sent as it is, or the client is closed;
 * - QueueRefused: the broker does not let this user have a queue of events or replies;
 * - Disconnected: the connection broke; `sent` says whether the request may have arrived.
 */
import type { ErrorBody, ErrorCode } from "./generated.js";

export abstract class CallFailed extends Error {
  /** Of the closed list: what the service would say, if it could. */
  abstract readonly code: ErrorCode;
  /** The precise reason, in snake case. */
  abstract readonly reason: string;
  /** Whether the same request may succeed later. */
  abstract readonly retryable: boolean;

  override get name(): string {
    return this.constructor.name;
  }
}

export class ErrorReply extends CallFailed {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly retryable: boolean;

  /** `error` is as it came: code, reason, message, retryable, retry_after_ms, details. */
  constructor(readonly error: ErrorBody) {
    super(`${error.code}, ${error.reason}: ${error.message}`);
    this.code = error.code;
    this.reason = error.reason;
    this.retryable = error.retryable;
  }
}

export class NoReply extends CallFailed {
  readonly code = "deadline_exceeded";
  readonly reason = "no_reply";
  readonly retryable = true;
}

export class UnreadableReply extends CallFailed {
  readonly code = "internal";
  readonly reason = "unreadable_reply";
  readonly retryable = false;
}

export class Unroutable extends CallFailed {
  readonly code = "unavailable";
  readonly reason: string = "unroutable";
  readonly retryable = true;
}

export class Nacked extends Unroutable {
  override readonly reason = "nacked";
}

export class NotSent extends CallFailed {
  readonly code = "invalid";
  readonly reason = "not_sent";
  readonly retryable = false;
}

export class QueueRefused extends CallFailed {
  readonly code = "forbidden";
  readonly reason = "queue_refused";
  readonly retryable = false;
}

export class Disconnected extends CallFailed {
  readonly code = "unavailable";
  readonly reason = "disconnected";
  readonly retryable = true;

  /** `sent`: whether the request may have arrived. Otherwise it was not carried out. */
  constructor(message: string, readonly sent: boolean) {
    super(message);
  }
}
