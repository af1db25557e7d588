/** Every error as RFC 9457 has it: `application/problem+json`. */
import { STATUS_CODES } from "node:http";

import type { NextFunction, Request, Response } from "express";
import { CallFailed, CannotVerify, type ErrorCode, ErrorReply, TokenRefused } from "profile-contracts";

const STATUS: Record<ErrorCode, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  rate_limited: 429,
  deadline_exceeded: 504,
  unavailable: 503,
  internal: 502,
};

/** Of errors of Express that have another reason than the name of their status. */
const REASONS: Record<number, string> = { 400: "malformed_request", 413: "body_too_large" };

interface FieldError {
  readonly field: string;
  readonly reason: string;
}

/** An error of this gateway's own. `reason` is for programs, and the message for people. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    readonly detail?: string,
    readonly errors: readonly FieldError[] = [],
    readonly retryAfterSeconds?: number,
  ) {
    super(detail ?? reason);
  }
}

export function notFound(): never {
  throw new Problem(404, "not_found");
}

/** Whether nobody knows who asks: the answer is 401. */
export function isUnauthenticated(error: unknown): boolean {
  if (error instanceof CallFailed) return error.code === "unauthenticated";
  return error instanceof Problem && error.status === 401;
}

/** Answers an error. Express knows it by its four parameters. */
export function answerProblem(error: unknown, request: Request, response: Response, _: NextFunction): void {
  const problem = problemOf(error, request);
  const { status, reason, detail, errors, retryAfterSeconds } = problem;
  const wait = retryAfterSeconds ?? (status === 503 ? 1 : undefined);
  if (status === 401) response.setHeader("WWW-Authenticate", "Bearer");
  if (wait) response.setHeader("Retry-After", wait);
  response.setHeader("Cache-Control", "no-store");
  response.statusCode = status;
  response.setHeader("Content-Type", "application/problem+json");
  const listed = errors.length > 0 ? { errors } : {};
  response.end(JSON.stringify({ type: "about:blank", title: STATUS_CODES[status], status, reason, detail, ...listed }));
}

function problemOf(error: unknown, request: Request): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ErrorReply) return refusal(error, request);
  if (error instanceof CallFailed) return new Problem(STATUS[error.code], error.reason);
  if (error instanceof TokenRefused) return new Problem(401, error.reason);
  if (error instanceof CannotVerify) return new Problem(503, "cannot_verify");
  if (isOfExpress(error)) return new Problem(error.status, REASONS[error.status] ?? nameOf(error.status));
  console.error(error);
  return new Problem(500, "internal_error");
}

function refusal({ code, error }: ErrorReply, request: Request): Problem {
  // Whoever has sent If-Match has a precondition that failed.
  const isStale = error.reason === "stale_version" && request.get("If-Match") !== undefined;
  const wait = error.retry_after_ms ? Math.ceil(error.retry_after_ms / 1000) : undefined;
  return new Problem(isStale ? 412 : STATUS[code], error.reason, error.message, error.details ?? [], wait);
}

/** Whether Express could not read the request. */
function isOfExpress(error: unknown): error is Error & { readonly status: number } {
  return error instanceof Error && "status" in error && Number(error.status) >= 400 && Number(error.status) < 500;
}

/** Returns the name of a status, in snake case. */
function nameOf(status: number): string {
  return (STATUS_CODES[status] ?? "").toLowerCase().replaceAll(" ", "_");
}
