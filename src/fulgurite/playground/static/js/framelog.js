// The rows of the frames view: bounded, and held back while paused.

/** @typedef {import("./messages.js").Frame} Frame */
/** @typedef {import("./messages.js").Status} Status */
/** @typedef {import("./messages.js").Malformed} Malformed */
/** @typedef {import("./history.js").GapRow} GapRow */
/** @typedef {{type: "dropped", count: number}} DroppedRow */
/** @typedef {(Frame | Status | Malformed | GapRow | DroppedRow) & {seq: number}} Row */
/** @typedef {Frame | Status | Malformed | GapRow | DroppedRow} NewRow */

export const ROW_LIMIT = 2000;
export const CHARACTER_LIMIT = 16_000_000;

export class FrameLog {
  constructor() {
    /** @type {Row[]} the rows shown, oldest first; `seq` has no holes */
    this.rows = [];
    /** @type {Row[]} what has come since the pause */
    this.waiting = [];
    this.paused = false;
    /** How many of the waiting are gone again, because too many waited. */
    this.waitingLost = 0;
    this.nextSeq = 0;
  }

  /** @param {NewRow[]} rows */
  add(rows) {
    const target = this.paused ? this.waiting : this.rows;
    for (const row of rows) target.push({ ...row, seq: 0 });
    const lost = trim(target);
    if (this.paused) this.waitingLost += lost;
    else this.number();
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    this.paused = paused;
    if (paused) return;
    if (this.waitingLost) this.rows.push({ type: "dropped", count: this.waitingLost, seq: 0 });
    for (const row of this.waiting) this.rows.push(row);
    this.waiting = [];
    this.waitingLost = 0;
    trim(this.rows);
    this.number();
  }

  clear() {
    this.rows = [];
    this.waiting = [];
    this.waitingLost = 0;
  }

  /** Number the new rows, which stand at the end. */
  number() {
    let first = this.rows.length;
    while (first > 0 && this.rows[first - 1]?.seq === 0) first -= 1;
    for (const row of this.rows.slice(first)) row.seq = ++this.nextSeq;
  }
}

/** Remove the oldest rows beyond the bounds. @param {Row[]} rows @returns {number} how many */
function trim(rows) {
  let characters = 0;
  let keep = 0;
  for (let index = rows.length - 1; index >= 0 && keep < ROW_LIMIT; index -= 1, keep += 1) {
    const row = rows[index];
    characters += row && "text" in row ? row.text.length : 0;
    if (characters > CHARACTER_LIMIT) break;
  }
  return rows.splice(0, rows.length - keep).length;
}
