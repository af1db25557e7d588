/** Who asks, from where, and under which idempotency key. */
import type { Request } from "express";
import type { CallOptions } from "profile-contracts";

import { Problem } from "./problems.js";

export const ACCESS_COOKIE = "access_token";
/** What bodies are said to be. */
export const JSON_TYPES = ["application/json", "application/*+json"];
/** Of routers: paths are what they are, letter by letter. */
export const EXACT = { caseSensitive: true, strict: true };
/** RFC 6750, 2.1: the client sends nothing else as a token. */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]{1,8192}={0,2})$/i;
/** W3C Trace Context, 3.2: what has another form is to be ignored. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const NOT_PRINTABLE = /[^\x20-\x7e]/g;
const MAX_USER_AGENT = 256;
const ETAG = /^"([1-9][0-9]{0,15})"$/;

/**
 * Returns the access token of the header `Authorization`; only if that is not there, of the cookie. A header
 * without a good token is no reason to act for the user whose cookie it is.
 */
export function accessToken(request: Request): string {
  const inCookie = cookie(request, ACCESS_COOKIE);
  const said = request.get("Authorization") ?? (inCookie ? `Bearer ${inCookie}` : undefined);
  if (said === undefined) throw new Problem(401, "missing_token");
  const [, token] = BEARER.exec(said) ?? [];
  if (!token) throw new Problem(401, "token_invalid");
  return token;
}

/** Returns the first cookie of that name, as it came: no token needs quotes. */
export function cookie(request: Request, name: string): string | undefined {
  const pairs = (request.get("Cookie") ?? "").split(";").map((each) => each.trim());
  return pairs.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Returns what the service should know about the call beside its body. */
export function callOptions(request: Request): CallOptions {
  const traceparent = request.get("traceparent");
  return {
    idempotencyKey: request.get("Idempotency-Key") || undefined,
    traceparent: TRACEPARENT.test(traceparent ?? "") ? traceparent : undefined,
    clientIp: clientIp(request),
    userAgent: request.get("User-Agent")?.replace(NOT_PRINTABLE, "").slice(0, MAX_USER_AGENT),
  };
}

/**
 * Returns the address of the user, if it is known. Each proxy adds on the right where it was asked from. Only
 * what our own have added can be believed, and what did not come through all of them says nothing.
 */
function clientIp(request: Request): string | undefined {
  const trustedHops: number = request.app.get("trust proxy");
  if (trustedHops === 0) return request.socket.remoteAddress;
  return request.get("X-Forwarded-For")?.split(",").at(-trustedHops)?.trim();
}

/** Returns the version in `If-Match`, which is the ETag of what the caller has seen. */
export function expectedVersion(request: Request): number | undefined {
  const header = request.get("If-Match");
  if (header === undefined || header === "*") return undefined;
  const version = Number(ETAG.exec(header)?.[1]);
  if (!Number.isSafeInteger(version)) throw new Problem(412, "precondition_failed");
  return version;
}

/** Returns a number of the query, or undefined if it is not there. */
export function numberOf(request: Request, name: string): number | undefined {
  const value = textOf(request, name);
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value)) {
    throw new Problem(400, "malformed_request", undefined, [{ field: name, reason: "wrong_type" }]);
  }
  return Number(value);
}

/** Returns a text of the query, or undefined if it is not there. One that is there twice is refused. */
export function textOf(request: Request, name: string): string | undefined {
  const value = request.query[name];
  if (value === undefined || typeof value === "string") return value;
  throw new Problem(400, "malformed_request", undefined, [{ field: name, reason: "ambiguous" }]);
}

/**
 * Returns the body, if it is an object that has no fields but these: the service checks their values. Without
 * that a caller could name a role or another user's id.
 */
export function bodyOf<Body extends object>(request: Request, ...fields: (keyof Body & string)[]): Body {
  const body: unknown = request.body;
  if (body === undefined && isThere(request)) throw new Problem(415, "unsupported_media_type");
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Problem(400, "malformed_request");
  }
  const unknown = Object.keys(body).filter((each) => !fields.some((field) => field === each));
  if (unknown.length > 0) {
    const errors = unknown.map((field) => ({ field, reason: "unknown_field" }));
    throw new Problem(400, "malformed_request", undefined, errors);
  }
  return body as Body;
}

/** Whether the request has a body, though perhaps none that was read. */
function isThere(request: Request): boolean {
  return request.get("Transfer-Encoding") !== undefined || Number(request.get("Content-Length")) > 0;
}
