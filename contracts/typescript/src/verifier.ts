/** Tells whether access tokens are good, mostly without a call. */
import { decodeProtectedHeader, errors, jwtVerify } from "jose";

import type { ProfileClient } from "./client.js";
import type { EventSubscriber } from "./events.js";
import type { Role } from "./generated.js";
import { Keys } from "./keys.js";
import { Revocations } from "./revocations.js";
import { withTimeout } from "./time.js";

/** How long to wait for the feed at the start. Without it, tokens are verified as when it is down. */
const START_MS = 5_000;
const MAX_LENGTH = 4_096;
/** RFC 9068, 2.1: no other kind of JWT passes for an access token. */
const TYPE = "at+jwt";

/** What a good access token says. */
export interface AccessClaims {
  /** The user. */
  readonly sub: string;
  /** The session. */
  readonly sid: string;
  readonly role: Role;
  /** How the user has logged in (RFC 8176): `pwd`, and `otp` with a second factor. */
  readonly amr: readonly string[];
  /** When the token was issued, in seconds since 1970. */
  readonly iat: number;
  /** When it expires, in seconds since 1970. */
  readonly exp: number;
  /** The name of this token. */
  readonly jti: string;
}

/** The token is not good: answer 401. */
export class TokenRefused extends Error {
  override readonly name = "TokenRefused";

  constructor(readonly reason: "token_invalid" | "token_expired" | "session_ended") {
    super(reason);
  }
}

/** Nobody can tell just now whether the token is good: answer 503. */
export class CannotVerify extends Error {
  override readonly name = "CannotVerify";
}

export interface VerifierOptions {
  /** What the service is set to say in `iss` and `aud`. */
  readonly issuer?: string;
  readonly audience?: string;
  /**
   * What to do while the feed is down. `refuse`, the default: ask the service about every token, and throw
   * CannotVerify if it doesn't answer. `accept`: take what is signed and not expired, and ask nobody; a
   * session that has ended is taken until its token expires.
   */
  readonly withoutFeed?: "refuse" | "accept";
  /** How long to wait for the service's word on a session, in milliseconds: 2000. */
  readonly askTimeoutMs?: number;
}

/**
 * Verifies access tokens here. It has the public keys, and a feed of sessions that end. What neither tells, it
 * asks the service by `auth.verify`, once for each session: about a token that is older than the feed's last
 * gap, and about a session that was opened within half a minute after all others of its user ended.
 */
export class TokenVerifier {
  private readonly keys: Keys;
  private readonly revocations = new Revocations();
  private readonly events: EventSubscriber;
  private readonly accepts: boolean;

  private constructor(
    private readonly client: ProfileClient,
    private readonly options: VerifierOptions,
  ) {
    this.accepts = options.withoutFeed === "accept";
    this.keys = new Keys(() => client.keys());
    this.events = client.events(["auth.session_revoked", "auth.keys_rotated"], {
      remember: 0,
      onGap: () => {
        this.revocations.noteGap();
        this.keys.suspect();
      },
    });
  }

  /** Begins to listen; waits for that for five seconds at most. Throws QueueRefused. */
  static async start(client: ProfileClient, options: VerifierOptions = {}): Promise<TokenVerifier> {
    const verifier = new TokenVerifier(client, options);
    const following = verifier.follow();
    const connected = Promise.race([following, verifier.events.waitConnected()]);
    await withTimeout(connected, START_MS, () => new CannotVerify("late")).catch((error: unknown) => {
      if (!(error instanceof CannotVerify)) throw error;
    });
    following.catch(() => {}); // the feed is down for good, and `feedIsUp` says so
    return verifier;
  }

  /** Whether the sessions that end are heard of. A line that has gone silent is noticed after some seconds. */
  get feedIsUp(): boolean {
    return this.events.connected;
  }

  /** Returns what `token` says, if it is good. Throws TokenRefused or CannotVerify. */
  async verify(token: string): Promise<AccessClaims> {
    const claims = await this.claimsOf(token);
    const known = this.revocations.stateOf(claims);
    if (known === "ended") throw new TokenRefused("session_ended");
    if (known === "uncertain" || !this.feedIsUp) await this.makeSure(claims, token);
    return claims;
  }

  /** Listens no more. */
  async close(): Promise<void> {
    await this.events.close();
  }

  private async claimsOf(token: string): Promise<AccessClaims> {
    const key = await this.keyOf(nameOfKey(token));
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ["EdDSA"],
        typ: TYPE,
        issuer: this.options.issuer ?? "profile-service",
        audience: this.options.audience ?? "gateways",
        requiredClaims: ["sub", "sid", "role", "iat", "exp", "jti"],
      });
      return { ...payload, amr: payload["amr"] ?? [] } as unknown as AccessClaims;
    } catch (error) {
      throw new TokenRefused(error instanceof errors.JWTExpired ? "token_expired" : "token_invalid");
    }
  }

  private async keyOf(name: string) {
    const key = await this.keys.find(name).catch((failure: unknown) => {
      const known = this.accepts ? this.keys.lastKnown(name) : undefined;
      if (!known) throw new CannotVerify("The keys are not known.", { cause: failure });
      return known;
    });
    if (!key) throw new TokenRefused("token_invalid");
    return key;
  }

  /** Returns if the service says that the session is alive, or if that need not be known. */
  private async makeSure(claims: AccessClaims, token: string): Promise<void> {
    if (this.accepts && !this.feedIsUp) return;
    const number = this.revocations.number();
    const timeoutMs = this.options.askTimeoutMs ?? 2_000;
    try {
      const { active } = await this.client.verifyToken({ token }, { timeoutMs });
      if (!active) {
        this.revocations.refuse(claims);
        throw new TokenRefused("session_ended");
      }
    } catch (failure) {
      if (failure instanceof TokenRefused) throw failure;
      if (this.accepts) return;
      throw new CannotVerify("Whether the session is alive is not known.", { cause: failure });
    }
    this.revocations.confirm(claims.sid, number);
  }

  private async follow(): Promise<void> {
    for await (const event of this.events) {
      try {
        if (event.type === "auth.session_revoked") this.revocations.note(event.data, event.time);
        if (event.type === "auth.keys_rotated") this.keys.retain(event.data.kids);
      } catch {
        // It is none of the contract's, and passed over: any broker user who may publish events can send one.
      }
    }
  }
}

function nameOfKey(token: string): string {
  try {
    const header = token.length <= MAX_LENGTH ? decodeProtectedHeader(token) : {};
    if (header.typ === TYPE && typeof header.kid === "string") return header.kid;
  } catch {
    // It is no JWT.
  }
  throw new TokenRefused("token_invalid");
}
