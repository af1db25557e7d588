/** The gateway, put together. */
import { fileURLToPath } from "node:url";

import express, { type Express } from "express";
import type { ProfileApi, TokenVerifier } from "profile-contracts";

import { posts } from "./posts.js";
import { answerProblem, notFound } from "./problems.js";
import { sessions } from "./sessions.js";
import type { Settings } from "./settings.js";
import { users } from "./users.js";

const PAGE = fileURLToPath(new URL("../../page", import.meta.url));
const OPENAPI = fileURLToPath(new URL("../openapi.json", import.meta.url));
const DOCS = fileURLToPath(new URL("../docs.html", import.meta.url));
/** Or Express would find nothing in a folder whose name begins with a dot. */
const IN_ANY_FOLDER = { dotfiles: "allow" } as const;

export function createApp(service: ProfileApi, verifier: TokenVerifier, settings: Settings): Express {
  const app = express();
  app.disable("x-powered-by").disable("etag"); // the version is the ETag
  app.set("trust proxy", settings.trustedHops);
  app.use(express.json({ limit: "64kb" }));
  app.use(users(service, verifier, settings));
  app.use(sessions(service, settings));
  app.use("/posts", posts(service));
  app.get("/openapi.json", (_, response) => response.sendFile(OPENAPI, IN_ANY_FOLDER));
  app.get("/docs", (_, response) => response.sendFile(DOCS, IN_ANY_FOLDER));
  app.use(express.static(PAGE));
  app.use(notFound);
  app.use(answerProblem);
  return app;
}
