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

/** What becomes of the messages to one queue that are sent over one channel. */
export class Refusals {
  private isTaking = false;
  private since: number | null = null;
  private isLasting = false;

  constructor(private readonly patienceMs = FIRST_MS) {}

  /** Whether none was taken, and the queue goes on refusing them. */
  get areLasting(): boolean {
    return this.isLasting;
  }

  /** Remembers that the queue takes messages: if it refuses some later, it is most likely full. */
  onTaken(): void {
    this.isTaking = true;
    this.isLasting = false;
  }

  /** Takes note that it has refused one, at a time in milliseconds. */
  onRefused(now: number): void {
    this.since ??= now;
    this.isLasting = !this.isTaking && now - this.since >= this.patienceMs;
  }

  /** Returns what to begin with on another channel: more patience, if this queue is why that is tried. */
  beginAnew(): Refusals {
    if (this.areLasting) return new Refusals(Math.min(2 * this.patienceMs, LONGEST_MS));
    const isRefusing = this.since !== null && !this.isTaking;
    return isRefusing ? new Refusals(this.patienceMs) : new Refusals();
  }
}
