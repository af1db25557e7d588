/** Logins. Programs get tokens and send them as a bearer; browsers get cookies that no script can read. */
import { type CookieOptions, type Response, Router } from "express";
import type { LogIn, ProfileApi, Refresh, Tokens } from "profile-contracts";

import { ACCESS_COOKIE, accessToken, bodyOf, callOptions, cookie } from "./callers.js";
import { Problem } from "./problems.js";
import type { Settings } from "./settings.js";

const REFRESH_COOKIE = "refresh_token";
/** Where browsers send the refresh token: a refresh takes it, and a login that takes the place of another. */
const SESSION_PATH = "/session";
const REFRESH_MS = 30 * 24 * 3600 * 1000;

export function sessions(service: ProfileApi, settings: Settings): Router {
  const router = Router();

  router.post("/tokens", async (request, response) => {
    const body = bodyOf<LogIn>(request, "email", "password");
    response.json(await service.logIn(body, callOptions(request)));
  });

  router.post("/tokens/refresh", async (request, response) => {
    const body = bodyOf<Refresh>(request, "refresh_token");
    response.json(await service.refresh(body, callOptions(request)));
  });

  router.post(SESSION_PATH, async (request, response) => {
    const body = bodyOf<LogIn>(request, "email", "password");
    const former = cookie(request, REFRESH_COOKIE); // the session that the browser still has ends
    const login: LogIn = former ? { ...body, refresh_token: former } : body;
    setCookies(response, await service.logIn(login, callOptions(request)), settings);
    response.status(204).end();
  });

  router.post(`${SESSION_PATH}/refresh`, async (request, response) => {
    const token = cookie(request, REFRESH_COOKIE);
    if (!token) throw new Problem(401, "missing_token");
    setCookies(response, await service.refresh({ refresh_token: token }, callOptions(request)), settings);
    response.status(204).end();
  });

  router.delete(SESSION_PATH, async (request, response) => {
    await service.logOut({ scope: "local" }, accessToken(request), callOptions(request));
    clearCookies(response);
    response.status(204).end();
  });

  return router;
}

/** Puts tokens into cookies. `strict`: no other site can have a browser send them. */
export function setCookies(response: Response, tokens: Tokens, settings: Settings): void {
  const usual: CookieOptions = { secure: settings.secureCookies, httpOnly: true, sameSite: "strict" };
  response.cookie(ACCESS_COOKIE, tokens.access_token, { ...usual, maxAge: tokens.expires_in * 1000, path: "/" });
  response.cookie(REFRESH_COOKIE, tokens.refresh_token, { ...usual, maxAge: REFRESH_MS, path: SESSION_PATH });
}

/** Has the browser forget them. */
export function clearCookies(response: Response): void {
  response.clearCookie(ACCESS_COOKIE, { path: "/" });
  response.clearCookie(REFRESH_COOKIE, { path: SESSION_PATH });
}
