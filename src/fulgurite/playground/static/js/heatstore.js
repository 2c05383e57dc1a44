// The columns of the heat map as the backend sends them, and the facts for drawing them.

/** @typedef {import("./messages.js").Column} Column */

/** Five minutes of two columns a second; the oldest go. */
const COLUMN_LIMIT = 600;
/** Columns further apart than this have a gap between them. */
export const COLUMN_MS = 500;

/** The largest sizes are so rare that their colour would leave none for the others: this share of the levels is told
 * apart, and all larger sizes look the same. */
const SHARE_TOLD_APART = 0.99;

export class HeatStore {
  step = 0;
  /** @type {Column[]} oldest first */
  columns = [];
  /** The size that has the strongest colour. */
  full = 0;

  clear() {
    Object.assign(this, new HeatStore());
  }

  /** @param {import("./messages.js").Heatmap} message */
  add(message) {
    if (message.restart) this.clear();
    this.step = message.step;
    this.columns.push(...message.columns);
    if (this.columns.length > COLUMN_LIMIT) this.columns.splice(0, this.columns.length - COLUMN_LIMIT);
    this.full = fullSize(this.columns, this.full);
  }

  /** @returns {number} the time of the newest column */
  newestMs() {
    return this.columns.at(-1)?.[0] ?? 0;
  }

  /**
   * The prices that are shown, in steps: those of trades and quotes, and some more above and below.
   * @param {number} sinceMs older columns do not matter
   * @returns {{first: number, last: number} | null} null while no book is known
   */
  range(sinceMs) {
    let low = Infinity;
    let high = -Infinity;
    for (const [atMs, bid, ask, , sizes] of this.columns) {
      if (atMs < sinceMs || sizes.length === 0) continue;
      low = Math.min(low, bid / this.step);
      high = Math.max(high, ask / this.step);
    }
    if (low > high) return null;
    // At least half of a column, and moved by leaps, so that it stands still most of the time.
    const margin = Math.max(10, 30 - (high - low) / 2);
    return { first: Math.floor((low - margin) / 10) * 10, last: Math.ceil((high + margin) / 10) * 10 };
  }
}

/**
 * The size that has the strongest colour.
 * @param {Column[]} columns
 * @param {number} before the former one: kept while it is about right, so that colours do not flicker
 * @returns {number}
 */
export function fullSize(columns, before) {
  // A sample of them is enough.
  const known = columns.filter(([, , , , sizes]) => sizes.length > 0);
  const sizes = known.filter((_, index) => (known.length - index) % 10 === 1)
    .flatMap(([, , , , all]) => all.filter((size) => size > 0)).sort((one, other) => one - other);
  const right = sizes[Math.floor((sizes.length - 1) * SHARE_TOLD_APART)] ?? 0;
  return before > right * 0.6 && before < right * 1.7 ? before : right;
}
