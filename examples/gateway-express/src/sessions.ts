/** Logins. Programs get tokens and send them as a bearer; browsers get cookies that no script can read. */
import { type CookieOptions, type Response, Router } from "express";
import type { LogIn, ProfileApi, Refresh, Tokens } from "profile-contracts";

import { ACCESS_COOKIE, accessToken, bodyOf, callOptions, cookie, EXACT } from "./callers.js";
import { isUnauthenticated, Problem } from "./problems.js";
import type { Settings } from "./settings.js";

const REFRESH_COOKIE = "refresh_token";
const DEVICE_COOKIE = "device_token";
/** Where browsers send them: a refresh takes the first, and a login takes both. */
const SESSION_PATH = "/session";
const DAY_MS = 24 * 3600 * 1000;

export function sessions(service: ProfileApi, settings: Settings): Router {
  const router = Router(EXACT);

  router.post("/tokens", async (request, response) => {
    const body = bodyOf<LogIn>(request, "email", "password", "otp", "device_token");
    response.json(await service.logIn(body, callOptions(request)));
  });

  router.post("/tokens/refresh", async (request, response) => {
    const body = bodyOf<Refresh>(request, "refresh_token");
    response.json(await service.refresh(body, callOptions(request)));
  });

  router.post(SESSION_PATH, async (request, response) => {
    const login: LogIn = {
      ...bodyOf<LogIn>(request, "email", "password", "otp"),
      refresh_token: cookie(request, REFRESH_COOKIE) || undefined, // the session that the browser still has ends
      device_token: cookie(request, DEVICE_COOKIE) || undefined, // no stranger can lock it out
    };
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
    try {
      await service.logOut({ scope: "local" }, accessToken(request), callOptions(request));
    } catch (error) {
      if (isUnauthenticated(error)) clearCookies(response);
      throw error;
    }
    clearCookies(response);
    response.status(204).end();
  });

  return router;
}

/** Puts tokens into cookies. `strict`: no other site can have a browser send them. */
export function setCookies(response: Response, tokens: Tokens, settings: Settings): void {
  const usual: CookieOptions = { secure: settings.secureCookies, httpOnly: true, sameSite: "strict" };
  const inSession: CookieOptions = { ...usual, path: SESSION_PATH };
  response.cookie(ACCESS_COOKIE, tokens.access_token, { ...usual, maxAge: tokens.expires_in * 1000, path: "/" });
  response.cookie(REFRESH_COOKIE, tokens.refresh_token, { ...inSession, maxAge: 30 * DAY_MS });
  if (!tokens.device_token) return; // only a login gives one
  response.cookie(DEVICE_COOKIE, tokens.device_token, { ...inSession, maxAge: 180 * DAY_MS });
}

/** Has the browser forget the session. What says that the device is known lets nobody in, and stays. */
export function clearCookies(response: Response): void {
  response.clearCookie(ACCESS_COOKIE, { path: "/" });
  response.clearCookie(REFRESH_COOKIE, { path: SESSION_PATH });
}
