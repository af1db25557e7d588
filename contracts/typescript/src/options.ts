/** What may be said about one call, beside the request and the access token. */
import { randomUUID } from "node:crypto";
import { isIP } from "node:net";

import { NotSent } from "./errors.js";

export interface CallOptions {
  /**
   * How long to wait for the result, retries included, in milliseconds, at most a day; at least 1000 if the
   * request holds a password, because hashing takes its time.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * What makes a command that is sent again the same command: up to 255 printable ASCII characters without
   * blanks, new for each command. Without one the client makes one, and keeps it over its own retries. Keep
   * it yourself if you may have to ask again later.
   */
  readonly idempotencyKey?: string | undefined;
  /** The address that the human asks from, if the service trusts you. Wrong passwords are counted for it. */
  readonly clientIp?: string | undefined;
  /**
   * With a login: what the human's program calls itself, up to 256 printable ASCII characters, if the service
   * trusts you. `auth.sessions` tells it.
   */
  readonly userAgent?: string | undefined;
  /** The trace that the call belongs to (W3C Trace Context). */
  readonly traceparent?: string | undefined;
}

/** A day. Whoever would wait longer wants no reply. */
const MAX_TIMEOUT_MS = 86_400_000;
/** A try that ends before its password is hashed never succeeds, however often it is sent again. */
const MIN_TIMEOUT_WITH_PASSWORD_MS = 1_000;
const PASSWORDS = ["password", "current_password", "new_password"];
/** RFC 6750, 2.1. The broker closes the connection, with all its calls, on a header larger than a frame. */
const TOKEN = /^[A-Za-z0-9\-._~+/]{1,8192}={0,2}$/;
/** AMQP's short strings hold 255 bytes. */
const KEY = /^[\x21-\x7e]{1,255}$/;
/** As much as the service reads. A zone, behind the `%` of an IPv6 address, has no length (RFC 4007, 11). */
const ADDRESS = /^[\x21-\x7e]{1,64}$/;
/** The service passes others over. */
const USER_AGENT = /^[\x20-\x7e]{1,256}$/;
/** W3C Trace Context, 3.2. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Returns `ms`, if a call with `request` may take that long; throws a RangeError otherwise. */
export function requireTimeout(ms: number, request: object = {}): number {
  if (!(ms > 0 && ms <= MAX_TIMEOUT_MS)) {
    throw new RangeError(`A timeout must be above 0 and at most ${MAX_TIMEOUT_MS} ms.`);
  }
  if (ms < MIN_TIMEOUT_WITH_PASSWORD_MS && PASSWORDS.some((each) => each in request)) {
    throw new RangeError(
      `A timeout must be at least ${MIN_TIMEOUT_WITH_PASSWORD_MS} ms: the service hashes a password.`,
    );
  }
  return ms;
}

/** Returns the key that was given, or else a new one. */
export function idempotencyKey(options: CallOptions): string {
  const key = options.idempotencyKey ?? randomUUID();
  if (!KEY.test(key)) {
    throw new NotSent("The idempotency key is not 1 to 255 printable ASCII characters without blanks.");
  }
  return key;
}

/** Returns the headers of a request. Only without a `token` a gateway asks on its own account: "" is refused. */
export function headersOf(token: string | null | undefined, options: CallOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  if (token !== null && token !== undefined) {
    if (!TOKEN.test(token)) throw new NotSent("What was given as an access token is none.");
    headers["authorization"] = `Bearer ${token}`;
  }
  if (options.clientIp) {
    if (!ADDRESS.test(options.clientIp) || !isIP(options.clientIp)) {
      throw new NotSent("What was given as clientIp is no IP address.");
    }
    headers["x-client-ip"] = options.clientIp;
  }
  if (options.userAgent) {
    if (!USER_AGENT.test(options.userAgent)) {
      throw new NotSent("What was given as userAgent is not 256 printable ASCII characters at most.");
    }
    headers["x-user-agent"] = options.userAgent;
  }
  if (options.traceparent) {
    if (!TRACEPARENT.test(options.traceparent)) throw new NotSent("What was given as traceparent is none.");
    headers["traceparent"] = options.traceparent;
  }
  return headers;
}
