// The candles of one product and interval as the backend sends them, kept in order for the chart.

/** @typedef {import("./messages.js").Candle} Candle */

/** So many intervals are shown at most, with a candle or without; the oldest go. */
const INTERVAL_LIMIT = 1000;

export class CandleStore {
  intervalS = 1;
  /** @type {Map<number, Candle>} by the beginning of their interval */
  candles = new Map();
  /** @type {import("./messages.js").GapSpan[]} */
  gaps = [];
  /** @type {import("./messages.js").Candles["history"]} */
  history = "unasked";
  problem = "";
  /** When the interval of the newest candle begins, and that of the oldest that is shown. */
  newest = -Infinity;
  oldest = Infinity;
  /** That of the oldest candle that has changed since `takeChanges`. */
  changedFrom = -Infinity;

  clear() {
    Object.assign(this, new CandleStore());
  }

  /** @param {import("./messages.js").Candles} message */
  add(message) {
    if (message.restart) this.clear();
    this.intervalS = message.interval_s;
    this.gaps = message.gaps;
    this.history = message.history;
    this.problem = message.problem;
    for (const candle of message.candles) {
      this.candles.set(candle[0], candle);
      this.newest = Math.max(this.newest, candle[0]);
      this.changedFrom = Math.min(this.changedFrom, candle[0]);
    }
    const limit = this.newest - (INTERVAL_LIMIT - 1) * this.intervalS;
    if (this.candles.size > INTERVAL_LIMIT * 1.2) {
      for (const time of this.candles.keys()) if (time < limit) this.candles.delete(time);
    }
    this.oldest = Math.max(limit, Math.min(this.oldest, ...message.candles.map(([time]) => time)));
  }

  /**
   * The changes since the last call, -Infinity for everything, Infinity for nothing.
   * @returns {number} the beginning of the oldest interval that has
   */
  takeChanges() {
    const from = this.changedFrom;
    this.changedFrom = Infinity;
    return from;
  }

  /**
   * The intervals from one on, without leaving any out: those without executions have no candle.
   * @param {number} from when the first begins; -Infinity for the oldest candle
   * @returns {{time: number, candle: Candle | undefined}[]}
   */
  intervals(from) {
    if (this.candles.size === 0) return [];
    const rows = [];
    for (let time = Math.max(from, this.oldest); time <= this.newest; time += this.intervalS) {
      rows.push({ time, candle: this.candles.get(time) });
    }
    return rows;
  }

  /** The chart in numbers, or null where there is nothing.
   * @returns {{last: number, high: number, low: number, volume: number, count: number} | null} */
  summary() {
    let high = -Infinity;
    let low = Infinity;
    let volume = 0;
    for (const [, , top, bottom, , size] of this.candles.values()) {
      high = Math.max(high, top);
      low = Math.min(low, bottom);
      volume += size;
    }
    const last = this.candles.get(this.newest);
    return last ? { last: last[4], high, low, volume, count: this.candles.size } : null;
  }

  /** @returns {number[]} prices that tell how many decimals the product's have */
  prices() {
    return [...this.candles.values()].slice(-50).flatMap(([, ...prices]) => prices.slice(0, 4));
  }
}
