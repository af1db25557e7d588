/** Posts. */
import { type Response, Router } from "express";
import type { CreatePost, Post, ProfileApi, UpdatePost } from "profile-contracts";

import { accessToken, bodyOf, callOptions, expectedVersion, numberOf, textOf } from "./callers.js";

export function posts(service: ProfileApi): Router {
  const router = Router();

  router.get("/", async (request, response) => {
    const page = {
      user_id: textOf(request, "user_id"),
      limit: numberOf(request, "limit"),
      cursor: textOf(request, "cursor"),
    };
    response.json(await service.listPosts(page, callOptions(request)));
  });

  router.post("/", async (request, response) => {
    const body = bodyOf<CreatePost>(request, "title", "body");
    const post = await service.createPost(body, accessToken(request), callOptions(request));
    send(response.status(201).location(`/posts/${post.id}`), post);
  });

  router.get("/:id", async (request, response) => {
    send(response, await service.getPost({ id: request.params.id }, callOptions(request)));
  });

  router.patch("/:id", async (request, response) => {
    const body = bodyOf<UpdatePost>(request, "title", "body");
    const patch = { ...body, id: request.params.id, expected_version: expectedVersion(request) };
    send(response, await service.updatePost(patch, accessToken(request), callOptions(request)));
  });

  router.delete("/:id", async (request, response) => {
    await service.deletePost({ id: request.params.id }, accessToken(request), callOptions(request));
    response.status(204).end();
  });

  return router;
}

function send(response: Response, post: Post): void {
  response.set("ETag", `"${post.version}"`).json(post);
}
