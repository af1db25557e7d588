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

/** Answers an error. Express knows it by its four parameters. */
export function answerProblem(error: unknown, request: Request, response: Response, _: NextFunction): void {
  const problem = problemOf(error, request);
  const { status, reason, detail, errors, retryAfterSeconds } = problem;
  if (status === 401) response.setHeader("WWW-Authenticate", "Bearer");
  if (retryAfterSeconds) response.setHeader("Retry-After", retryAfterSeconds);
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
  if (isOfParser(error)) return new Problem(400, "malformed_request");
  console.error(error);
  return new Problem(500, "internal_error");
}

function refusal({ code, error }: ErrorReply, request: Request): Problem {
  // Whoever has sent If-Match has a precondition that failed.
  const isStale = error.reason === "stale_version" && request.get("If-Match") !== undefined;
  const wait = error.retry_after_ms ? Math.ceil(error.retry_after_ms / 1000) : undefined;
  return new Problem(isStale ? 412 : STATUS[code], error.reason, error.message, error.details ?? [], wait);
}

/** Whether the body of the request could not be read. */
function isOfParser(error: unknown): boolean {
  return error instanceof Error && "status" in error && Number(error.status) >= 400 && Number(error.status) < 500;
}
