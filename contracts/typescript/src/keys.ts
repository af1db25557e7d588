/** The public keys of the service, kept for ten minutes. */
import { type CryptoKey, importJWK } from "jose";

import type { JsonWebKeySet } from "./generated.js";

/** As `JsonWebKeySet` asks for. */
const KEPT_MS = 600_000;
/** Whoever makes up names of keys makes nobody ask more often. */
const BETWEEN_MS = 1_000;

export class Keys {
  private keys = new Map<string, CryptoKey | Uint8Array>();
  private askedAt = -Infinity;
  private knownAt = -Infinity;
  private mayHaveChanged = true;
  private failure: unknown = null;
  private asking: Promise<void> | null = null;

  constructor(private readonly ask: () => Promise<JsonWebKeySet>) {}

  /** Returns the key of that name, if there is one; waits for the service only if it is new or old. */
  async find(name: string): Promise<CryptoKey | Uint8Array | undefined> {
    if (this.shouldAsk(name)) {
      this.asking = this.askAgain().finally(() => {
        this.asking = null;
      });
    }
    if (!this.keys.has(name) || this.areOld()) {
      await this.asking;
      if (this.failure) throw this.failure;
    }
    return this.keys.get(name);
  }

  /** Returns the key of that name, however old it is. */
  lastKnown(name: string): CryptoKey | Uint8Array | undefined {
    return this.keys.get(name);
  }

  /** Forgets all keys but those of these names: the service has no others. */
  retain(names: readonly string[]): void {
    this.keys = new Map([...this.keys].filter(([name]) => names.includes(name)));
    this.suspect();
  }

  /** Asks again soon: the keys may have changed. */
  suspect(): void {
    this.mayHaveChanged = true;
  }

  private shouldAsk(name: string): boolean {
    const isDue = this.mayHaveChanged || !this.keys.has(name) || this.areOld();
    return isDue && !this.asking && performance.now() - this.askedAt >= BETWEEN_MS;
  }

  private areOld(): boolean {
    return performance.now() - this.knownAt >= KEPT_MS;
  }

  private async askAgain(): Promise<void> {
    this.askedAt = performance.now();
    this.mayHaveChanged = false;
    try {
      const { keys } = await this.ask();
      const imported = keys.map(async (each) => [each.kid, await importJWK({ ...each }, each.alg)] as const);
      this.keys = new Map(await Promise.all(imported));
      this.knownAt = this.askedAt;
      this.failure = null;
    } catch (failure) {
      this.mayHaveChanged = true;
      this.failure = failure;
    }
  }
}
