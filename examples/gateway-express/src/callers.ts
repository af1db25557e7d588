/** Who asks, from where, and under which idempotency key. */
import type { Request } from "express";
import type { CallOptions } from "profile-contracts";

import { Problem } from "./problems.js";

export const ACCESS_COOKIE = "access_token";
const ETAG = /^"([1-9]\d{0,15})"$/;

/** Returns the access token of the header `Authorization`, or else that of the cookie. */
export function accessToken(request: Request): string {
  const [, bearer] = /^bearer +(\S+)$/i.exec(request.get("Authorization") ?? "") ?? [];
  const token = bearer ?? cookie(request, ACCESS_COOKIE);
  if (!token) throw new Problem(401, "missing_token");
  return token;
}

/** Returns the cookie of that name. */
export function cookie(request: Request, name: string): string | undefined {
  const pairs = (request.get("Cookie") ?? "").split(";").map((each) => each.trim().split("="));
  const found = pairs.find(([key]) => key === name)?.[1];
  return found && decodeURIComponent(found);
}

/** Returns what the service should know about the call beside its body. */
export function callOptions(request: Request): CallOptions {
  return {
    idempotencyKey: request.get("Idempotency-Key"),
    traceparent: request.get("traceparent"),
    clientIp: request.ip, // Express heeds "trust proxy": see app.ts
  };
}

/** Returns the version in `If-Match`, which is the ETag of what the caller has seen. */
export function expectedVersion(request: Request): number | undefined {
  const header = request.get("If-Match");
  if (header === undefined || header === "*") return undefined;
  const [, version] = ETAG.exec(header) ?? [];
  if (!version) throw new Problem(412, "precondition_failed");
  return Number(version);
}

/** Returns a number of the query, or undefined if it is not there. */
export function numberOf(request: Request, name: string): number | undefined {
  const value = request.query[name];
  if (value === undefined) return undefined;
  if (typeof value !== "string" || !/^\d{1,9}$/.test(value)) {
    throw new Problem(400, "malformed_request", undefined, [{ field: name, reason: "wrong_type" }]);
  }
  return Number(value);
}

/** Returns a text of the query, or undefined if it is not there. */
export function textOf(request: Request, name: string): string | undefined {
  const value = request.query[name];
  return typeof value === "string" ? value : undefined;
}

/**
 * Returns the body, if it is an object that has no fields but these: the service checks their values. Without
 * that a caller could name a role or another user's id.
 */
export function bodyOf<Body extends object>(request: Request, ...fields: (keyof Body & string)[]): Body {
  const body: unknown = request.body;
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
