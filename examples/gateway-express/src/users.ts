/** Users: sign up, and what they may do with their own profile. */
import { type Response, Router } from "express";
import type {
  ChangePassword,
  CreateProfile,
  Profile,
  ProfileApi,
  TokenVerifier,
  UpdateProfile,
} from "profile-contracts";

import { accessToken, bodyOf, callOptions, EXACT, expectedVersion } from "./callers.js";
import { clearCookies, setCookies } from "./sessions.js";
import type { Settings } from "./settings.js";

export function users(service: ProfileApi, verifier: TokenVerifier, settings: Settings): Router {
  const router = Router(EXACT);

  router.post("/users", async (request, response) => {
    const body = bodyOf<CreateProfile>(request, "first_name", "last_name", "email", "password");
    const profile = await service.createProfile(body, null, callOptions(request));
    send(response.status(201).location("/me"), profile);
  });

  router.get("/me", async (request, response) => {
    const token = accessToken(request);
    const { sub } = await verifier.verify(token); // whose it is, without a call
    const profile = await service.getProfile({ id: sub }, token, callOptions(request));
    send(response, profile as Profile); // of others one would get a PublicProfile
  });

  router.patch("/me", async (request, response) => {
    const token = accessToken(request);
    const { sub } = await verifier.verify(token);
    const version = expectedVersion(request);
    const body = bodyOf<UpdateProfile>(request, "first_name", "last_name", "email", "current_password");
    const patch = { ...body, id: sub, expected_version: version };
    send(response, await service.updateProfile(patch, token, callOptions(request)));
  });

  router.delete("/me", async (request, response) => {
    const token = accessToken(request);
    const { sub } = await verifier.verify(token);
    const profile = { id: sub, expected_version: expectedVersion(request) };
    await service.deleteProfile(profile, token, callOptions(request));
    clearCookies(response);
    response.status(204).end();
  });

  router.put("/me/password", async (request, response) => {
    const token = accessToken(request);
    const body = bodyOf<ChangePassword>(request, "current_password", "new_password");
    const tokens = await service.changePassword(body, token, callOptions(request));
    // New tokens go where the old one came from.
    if (request.get("Authorization") !== undefined) {
      response.json(tokens);
      return;
    }
    setCookies(response, tokens, settings);
    response.status(204).end();
  });

  return router;
}

function send(response: Response, profile: Profile): void {
  response.set("ETag", `"${profile.version}"`).json(profile);
}
