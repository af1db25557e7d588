/**
 * When another channel is to be tried, because this one refuses all that is sent to a queue. RabbitMQ 3.10 keeps, for
 * each channel and quorum queue, the node of the queue's leader. Where that node is down when the channel first
 * publishes to the queue, each message is nacked until the node is back (`rabbit_fifo_client:enqueue/3`), though the
 * queue has another leader meanwhile, and takes what comes over another channel. A queue that is full looks the same
 * to a channel over which it has never taken anything.
 */

/** For how long a queue may refuse. Each time that another channel did not help, twice as long. */
const FIRST_MS = 2_000;
const LONGEST_MS = 64_000;

/** What the queues do with requests that come over one channel. */
export class Refusals {
  private readonly taking = new Set<string>();
  private readonly since = new Map<string, number>();
  private isOver = false;

  constructor(private readonly patienceMs = FIRST_MS) {}

  /** Whether a queue that has taken none of them goes on refusing them. */
  get areLasting(): boolean {
    return this.isOver;
  }

  /** Remembers that `queue` takes requests: if it refuses some later, it is full. */
  onTaken(queue: string): void {
    this.taking.add(queue);
  }

  /** Takes note that `queue` has refused a request, at a time in milliseconds. */
  onRefused(queue: string, now: number): void {
    if (this.taking.has(queue)) return;
    const since = this.since.get(queue) ?? now;
    this.since.set(queue, since);
    if (now - since >= this.patienceMs) this.isOver = true;
  }

  /** Returns what is known of the channel that comes after this one: nothing but how patient to be. */
  onNextChannel(): Refusals {
    return this.areLasting ? new Refusals(Math.min(2 * this.patienceMs, LONGEST_MS)) : new Refusals();
  }
}
