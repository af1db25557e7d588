export { type ClientOptions, ProfileClient } from "./client.js";
export * from "./errors.js";
export { EventSubscriber, type SubscriberOptions } from "./events.js";
export * from "./generated.js";
export type { CallOptions } from "./options.js";
export type { ReplyMode } from "./replies.js";
export { type AccessClaims, CannotVerify, TokenRefused, TokenVerifier, type VerifierOptions } from "./verifier.js";
