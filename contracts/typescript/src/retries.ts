/**
 * When a call that failed is sent again: only what can't do harm. That is a refusal that the service calls
 * retryable, a request that never left or that its queue refused, and after a lost reply those requests that
 * have their effect once under one key.
 */
import { type CallFailed, Disconnected, ErrorReply, Nacked, NotSent, Unroutable } from "./errors.js";
import { OPERATIONS, type OperationName } from "./generated.js";

const FIRST_MS = 100;
const LONGEST_MS = 5_000;
/** After these refusals it may have been carried out all the same. */
const UNKNOWN = new Set(["unavailable", "deadline_exceeded", "internal"]);

/**
 * Returns how many milliseconds to wait before the call is sent again, or null if it must not be. `tries` is
 * how often it was sent. Pauses grow exponentially, with jitter, and are never shorter than the service asks.
 */
export function pauseBeforeRetry(operation: OperationName, failure: CallFailed, tries: number): number | null {
  if (!isSafe(operation, failure)) return null;
  const asked = failure instanceof ErrorReply ? (failure.error.retry_after_ms ?? 0) : 0;
  return asked + backoffMs(tries);
}

/** Returns whether nobody knows if the request was carried out that ended so. */
export function mayHaveArrived(failure: CallFailed): boolean {
  if (failure instanceof Disconnected) return failure.sent;
  return failure instanceof ErrorReply && UNKNOWN.has(failure.code);
}

/** Returns whether `failure` says that the request, as it was sent last, was not carried out. */
export function saysNotSent(failure: CallFailed): boolean {
  if (failure instanceof Disconnected) return !failure.sent;
  return failure instanceof NotSent || failure instanceof Unroutable;
}

/**
 * Returns whether an earlier attempt may have succeeded, although the last one has failed so. A logout that comes
 * again finds its own session ended.
 */
export function saysNothingOfEarlier(operation: OperationName, failure: CallFailed): boolean {
  return (operation === "auth.logout" && failure.reason === "session_ended") || saysNotSent(failure);
}

/** Returns how many milliseconds to wait after so many tries. */
export function backoffMs(tries: number): number {
  return jittered(Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1)));
}

/** Returns between half and all of `ms`: not all who wait for one server come at once. */
export function jittered(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}

function isSafe(operation: OperationName, failure: CallFailed): boolean {
  if (failure instanceof Disconnected) return OPERATIONS[operation].isResendable || !failure.sent;
  if (failure instanceof Nacked) return true;
  return failure instanceof ErrorReply && failure.retryable && failure.code !== "deadline_exceeded";
}
