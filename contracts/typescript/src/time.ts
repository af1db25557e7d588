/** Waiting with a limit. */

/** Returns what `promise` comes to, or throws what `late` returns if that takes longer than `ms`. */
export async function withTimeout<Value>(promise: Promise<Value>, ms: number, late: () => Error): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns what `promise` comes to, or throws what `aborted` returns as soon as `signal` says so. */
export async function unlessAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal,
  aborted: () => Error,
): Promise<Value> {
  let abort = () => {};
  const end = new Promise<never>((_, reject) => {
    abort = () => reject(aborted());
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
  });
  try {
    return await Promise.race([promise, end]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Something that begins and ends again and again, whose end can be waited for. */
export class Blocking {
  private current: { readonly over: Promise<void>; readonly end: () => void } | null = null;

  get isOn(): boolean {
    return this.current !== null;
  }

  /** Comes true once it is over. */
  get over(): Promise<void> {
    return this.current?.over ?? Promise.resolve();
  }

  begin(): void {
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.current ??= { over, end };
  }

  end(): void {
    this.current?.end();
    this.current = null;
  }
}
