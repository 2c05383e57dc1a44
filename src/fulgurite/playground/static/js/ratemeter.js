// Rates out of the backend's running totals, over the last seconds.

/** @typedef {import("./messages.js").Channels} Channels */
/** @typedef {{atMs: number, frames: number, bytes: number, messages: Map<string, number>}} Sample */

/** Two snapshots must fit, one every 5 s. */
const WINDOW_MS = 10_000;
const TRAFFIC_WINDOW_MS = 3_000;

export class RateMeter {
  constructor() {
    /** @type {Sample[]} oldest first */
    this.samples = [];
  }

  clear() {
    this.samples = [];
  }

  /** @param {Channels} totals */
  add(totals) {
    const last = this.samples.at(-1);
    // Totals that have fallen belong to a new connection.
    if (last && totals.frames < last.frames) this.samples = [];
    const messages = new Map(totals.channels.map((entry) => [entry.channel, entry.messages]));
    this.samples.push({ atMs: totals.now_ms, frames: totals.frames, bytes: totals.bytes, messages });
    while (this.samples.length > 2 && (this.samples[0]?.atMs ?? 0) < totals.now_ms - WINDOW_MS) this.samples.shift();
  }

  /** @returns {Map<string, number>} messages a second, by channel */
  channelRates() {
    const rates = new Map();
    const newest = this.samples.at(-1);
    for (const [channel, count] of newest?.messages ?? []) {
      const oldest = this.#beginning(channel);
      const ms = newest && oldest ? newest.atMs - oldest.atMs : 0;
      rates.set(channel, ms > 0 ? ((count - (oldest?.messages.get(channel) ?? 0)) * 1000) / ms : 0);
    }
    return rates;
  }

  /** Where the count began that is still going on: a channel that was given up and asked for again counts from 0.
   * @param {string} channel @returns {Sample | undefined} */
  #beginning(channel) {
    let oldest = this.samples.at(-1);
    for (const sample of this.samples.toReversed()) {
      const count = sample.messages.get(channel);
      if (count === undefined || count > (oldest?.messages.get(channel) ?? 0)) break;
      oldest = sample;
    }
    return oldest;
  }

  /** @returns {{frames: number, bytes: number}} a second */
  traffic() {
    const newest = this.samples.at(-1);
    const oldest = this.samples.find(({ atMs }) => newest && atMs >= newest.atMs - TRAFFIC_WINDOW_MS);
    if (!newest || !oldest || newest.atMs <= oldest.atMs) return { frames: 0, bytes: 0 };
    const seconds = (newest.atMs - oldest.atMs) / 1000;
    return { frames: (newest.frames - oldest.frames) / seconds, bytes: (newest.bytes - oldest.bytes) / seconds };
  }
}
