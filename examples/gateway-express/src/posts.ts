/** Posts. */
import { type Response, Router } from "express";
import type { CreatePost, Post, ProfileApi, UpdatePost } from "profile-contracts";

import { accessToken, bodyOf, callOptions, EXACT, expectedVersion, numberOf, textOf } from "./callers.js";

export function posts(service: ProfileApi): Router {
  const router = Router(EXACT);

  router.get("/posts", async (request, response) => {
    const page = {
      user_id: textOf(request, "user_id"),
      limit: numberOf(request, "limit"),
      cursor: textOf(request, "cursor"),
    };
    response.json(await service.listPosts(page, callOptions(request)));
  });

  router.post("/posts", async (request, response) => {
    const token = accessToken(request);
    const body = bodyOf<CreatePost>(request, "title", "body");
    const post = await service.createPost(body, token, callOptions(request));
    send(response.status(201).location(`/posts/${post.id}`), post);
  });

  router.get("/posts/:id", async (request, response) => {
    send(response, await service.getPost({ id: request.params.id }, callOptions(request)));
  });

  router.patch("/posts/:id", async (request, response) => {
    const token = accessToken(request);
    const version = expectedVersion(request);
    const body = bodyOf<UpdatePost>(request, "title", "body");
    const patch = { ...body, id: request.params.id, expected_version: version };
    send(response, await service.updatePost(patch, token, callOptions(request)));
  });

  router.delete("/posts/:id", async (request, response) => {
    const token = accessToken(request);
    const post = { id: request.params.id, expected_version: expectedVersion(request) };
    await service.deletePost(post, token, callOptions(request));
    response.status(204).end();
  });

  return router;
}

function send(response: Response, post: Post): void {
  response.set("ETag", `"${post.version}"`).json(post);
}
