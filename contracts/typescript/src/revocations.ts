/**
 * What is known of sessions that have ended. Numbers that only grow stand for the order in which things were
 * heard and asked: what the service was asked for is worth something until something newer casts doubt on it.
 */
import type { SessionRevoked } from "./generated.js";
import type { AccessClaims } from "./verifier.js";

/** Clocks of workers and gateways may be so far apart, and a request of the service takes no longer. */
const UNCERTAIN_MS = 30_000;
/** How many sessions and users are remembered. */
const MOST = 100_000;

/** One session of its own, or all sessions of a user that were opened `before`, but for a `kept` one. */
interface Ended {
  readonly number: number;
  readonly heardAt: number;
  readonly before: number;
  readonly kept: string | null;
}

export class Revocations {
  private last = 0;
  private readonly ended = new Map<string, Ended>(); // by sessions and users: no id is both
  private readonly confirmed = new Map<string, number>();
  private readonly refused = new Map<string, true>(); // tokens, by their names
  private completeSince = 0;
  private gap = 0;

  constructor() {
    this.noteGap();
  }

  /** Returns the number of what happens now. */
  number(): number {
    return ++this.last;
  }

  /** Takes into account that sessions may have ended unheard until now. */
  noteGap(): void {
    this.gap = this.number();
    this.completeSince = Date.now();
  }

  /** Remembers the sessions that an event has ended; `time` is that of the event. */
  note(said: SessionRevoked, time: string): void {
    for (const each of said.session_ids) this.remember(each, 0, null);
    if (said.session_ids.length > 0) return;
    const before = said.revoked_before ?? Date.parse(time) + 1; // services of 0.1.0 don't say it
    const known = this.ended.get(said.user_id);
    if (known && known.before > before) {
      this.remember(said.user_id, known.before, known.kept); // an older event, that has come late or again
    } else {
      this.remember(said.user_id, before, said.spared_session_id ?? null);
    }
  }

  /** Remembers that the session was alive, as the service says who was asked at `number`. */
  confirm(sessionId: string, number: number): void {
    put(this.confirmed, sessionId, number);
  }

  /** Remembers that the service does not take a token: none that it refuses gets good again. */
  refuse(claims: AccessClaims): void {
    put(this.refused, claims.jti, true);
  }

  /** Returns what is known of the session of a genuine token. */
  stateOf(claims: AccessClaims): "alive" | "ended" | "uncertain" {
    if (this.ended.has(claims.sid) || this.refused.has(claims.jti)) return "ended";
    let doubt = 0;
    const all = this.ended.get(claims.sub);
    if (all && claims.sid !== all.kept) {
      const opened = millisecondsOf(claims.sid);
      if (opened < all.before) return "ended";
      if (opened < all.before + UNCERTAIN_MS) doubt = all.number;
    }
    if (claims.iat * 1000 < this.completeSince + UNCERTAIN_MS) doubt = Math.max(doubt, this.gap);
    return (this.confirmed.get(claims.sid) ?? 0) >= doubt ? "alive" : "uncertain";
  }

  private remember(name: string, before: number, kept: string | null): void {
    const forgotten = put(this.ended, name, { number: this.number(), heardAt: Date.now(), before, kept });
    if (!forgotten) return;
    this.completeSince = Math.max(this.completeSince, forgotten.heardAt);
    this.gap = Math.max(this.gap, forgotten.number);
  }
}

/** Returns when a session was opened, in milliseconds since 1970: its id is a UUID of version 7. */
function millisecondsOf(sessionId: string): number {
  return Number.parseInt(sessionId.replaceAll("-", "").slice(0, 12), 16);
}

/** Puts a value at the end of `map`; returns the oldest one, if there was no room for it any more. */
function put<Value>(map: Map<string, Value>, name: string, value: Value): Value | undefined {
  map.delete(name);
  map.set(name, value);
  if (map.size <= MOST) return undefined;
  const [oldest] = map as Iterable<[string, Value]>;
  if (!oldest) return undefined;
  map.delete(oldest[0]);
  return oldest[1];
}
