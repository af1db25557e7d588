/** The gateway, put together. */
import { fileURLToPath } from "node:url";

import express, { type Express, type NextFunction, type Request, type Response } from "express";
import type { ProfileApi, TokenVerifier } from "profile-contracts";

import { JSON_TYPES } from "./callers.js";
import { posts } from "./posts.js";
import { answerProblem, notFound } from "./problems.js";
import { sessions } from "./sessions.js";
import type { Settings } from "./settings.js";
import { users } from "./users.js";

const PAGE = fileURLToPath(new URL("../../page", import.meta.url));
const OPENAPI = fileURLToPath(new URL("../openapi.json", import.meta.url));
/** Or Express would find nothing in a folder whose name begins with a dot. */
const IN_ANY_FOLDER = { dotfiles: "allow" } as const;
/** Room for the 64 KiB of a request to the service, with each letter escaped in JSON. */
const MAX_BODY_BYTES = 256 * 1024;

export function createApp(service: ProfileApi, verifier: TokenVerifier, settings: Settings): Express {
  const app = express();
  app.disable("x-powered-by").disable("etag"); // the version is the ETag
  app.set("trust proxy", settings.trustedHops);
  app.get("/openapi.json", (_, response) => response.sendFile(OPENAPI, IN_ANY_FOLDER));
  app.use(express.static(PAGE));
  app.use(noStore);
  app.use(express.json({ limit: MAX_BODY_BYTES, inflate: false, type: JSON_TYPES }));
  app.use(users(service, verifier, settings));
  app.use(sessions(service, settings));
  app.use(posts(service));
  app.use(notFound);
  app.use(answerProblem);
  return app;
}

/** Has nobody keep what belongs to one user (RFC 6749, 5.1). Posts are there for everybody. */
function noStore(request: Request, response: Response, next: NextFunction): void {
  if (!(request.method === "GET" && request.path.startsWith("/posts"))) response.set("Cache-Control", "no-store");
  next();
}
