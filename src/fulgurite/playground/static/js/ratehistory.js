// How many messages each channel brought in each five seconds of the last ten minutes, out of running totals.

export const BUCKET_MS = 5_000;
export const BUCKETS = 120;

export class RateHistory {
  constructor() {
    /** @type {Map<string, number[]>} messages in each bucket, oldest first; the last is the present one */
    this.counts = new Map();
    /** @type {Map<string, number>} */
    this.totals = new Map();
    this.bucket = 0;
  }

  clear() {
    Object.assign(this, new RateHistory());
  }

  /**
   * @param {import("./messages.js").Channels} totals
   * @returns {boolean} whether a bucket is full
   */
  add({ now_ms, channels }) {
    const isFull = this.pass(now_ms);
    const totals = new Map();
    for (const { channel, messages } of channels) {
      const before = this.totals.get(channel) ?? 0;
      const counts = this.counts.get(channel) ?? Array(BUCKETS).fill(0);
      // A total that has fallen belongs to a new connection.
      counts[BUCKETS - 1] += messages < before ? messages : messages - before;
      this.counts.set(channel, counts);
      totals.set(channel, messages);
    }
    this.totals = totals;
    return isFull;
  }

  /**
   * Time passes, whether anything comes or not.
   * @param {number} now_ms
   * @returns {boolean} whether a bucket is full
   */
  pass(now_ms) {
    const bucket = Math.floor(now_ms / BUCKET_MS);
    // A clock that is set back leaves the present bucket open for longer.
    const passed = Math.min(Math.max(0, bucket - this.bucket), BUCKETS);
    this.bucket = Math.max(this.bucket, bucket);
    for (const [channel, counts] of this.counts) {
      const moved = [...counts.slice(passed), ...Array(passed).fill(0)];
      if (passed && moved.every((count) => count === 0)) this.counts.delete(channel);
      else if (passed) this.counts.set(channel, moved);
    }
    return passed > 0;
  }
}
