// The rows of the frames view: bounded, held back while paused, and sifted by a filter a slice at a time.
import { AnswerTimes } from "./latency.js";

/** @typedef {import("./messages.js").Frame & {answerMs?: number, to?: string}} Frame `to` is where it was sent */
/** @typedef {import("./messages.js").Status} Status */
/** @typedef {import("./messages.js").Malformed} Malformed */
/** @typedef {import("./history.js").GapRow} GapRow */
/** @typedef {{type: "dropped", count: number}} DroppedRow */
/** @typedef {(Frame | Status | Malformed | GapRow | DroppedRow) & {seq: number}} Row */
/** @typedef {Frame | Status | Malformed | GapRow | DroppedRow} NewRow */
/** @typedef {(row: Row) => boolean} Test */

export const ROW_LIMIT = 50_000;
export const CHARACTER_LIMIT = 64_000_000;
/** Rows that are looked at between two looks at the clock. */
const SLICE_ROWS = 20;
/** Old matches that are carried along before they are cut off. */
const SLACK = 10_000;

/** The newest rows, numbered one by one. Adding one costs the same however many there are. */
class Ring {
  constructor() {
    /** @type {(NewRow | undefined)[]} */
    this.slots = [];
    /** The numbers of the oldest row, and of the next one to come. */
    this.first = 0;
    this.next = 0;
    this.characters = 0;
  }

  /** @param {NewRow} row */
  push(row) {
    if (this.next - this.first === ROW_LIMIT) this.shift();
    this.slots[this.next % ROW_LIMIT] = row;
    this.next += 1;
    this.characters += charactersOf(row);
    while (this.characters > CHARACTER_LIMIT && this.next - this.first > 1) this.shift();
  }

  shift() {
    const index = this.first % ROW_LIMIT;
    const row = this.slots[index];
    if (row) this.characters -= charactersOf(row);
    this.slots[index] = undefined;
    this.first += 1;
  }

  /** @param {number} number @returns {NewRow | undefined} */
  get(number) {
    return number < this.first || number >= this.next ? undefined : this.slots[number % ROW_LIMIT];
  }

  get length() {
    return this.next - this.first;
  }
}

/** @param {NewRow} row @returns {number} */
const charactersOf = (row) => ("text" in row ? row.text.length : 0);

export class FrameLog {
  constructor() {
    this.ring = new Ring();
    /** The rows since the pause. */
    this.held = new Ring();
    this.answers = new AnswerTimes();
    this.paused = false;
    /** @type {Test | null} */
    this.test = null;
    /** @type {number[]} the numbers of the rows that passed, oldest first; those before `head` are gone */
    this.matches = [];
    this.head = 0;
    /** How many matches have been cut off before the array's first. */
    this.cut = 0;
    /** The number of the next row to be looked at. */
    this.scanned = 0;
  }

  clear() {
    this.ring = new Ring();
    this.held = new Ring();
    this.answers = new AnswerTimes();
    this.sieve();
  }

  /** @param {NewRow[]} rows */
  add(rows) {
    const target = this.paused ? this.held : this.ring;
    for (const row of rows) {
      if (row.type === "frame") {
        const answerMs = this.answers.add(row);
        if (answerMs !== null) row.answerMs = answerMs;
      }
      target.push(row);
    }
  }

  /** How many rows wait until the pause ends. */
  get waiting() {
    return this.held.next;
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    this.paused = paused;
    if (paused) return;
    const { held } = this;
    this.held = new Ring();
    if (held.first) this.ring.push({ type: "dropped", count: held.first });
    for (let number = held.first; number < held.next; number += 1) {
      const row = held.get(number);
      if (row) this.ring.push(row);
    }
  }

  // --- the rows that are shown

  /** @param {Test | null} test null shows all */
  setFilter(test) {
    this.test = test;
    this.sieve();
  }

  /** Look at all rows anew. */
  sieve() {
    this.matches = [];
    this.head = 0;
    this.cut = 0;
    this.scanned = this.ring.first;
  }

  /**
   * Look at rows that were not looked at yet.
   * @param {() => boolean} isLate asked now and then whether to stop
   * @returns {boolean} whether all were looked at
   */
  scan(isLate) {
    const { test, ring } = this;
    if (!test) return true;
    this.scanned = Math.max(this.scanned, ring.first);
    while (this.scanned < ring.next) {
      if (this.scanned % SLICE_ROWS === 0 && isLate()) return false;
      const row = this.row(this.scanned);
      if (row && test(row)) this.matches.push(this.scanned);
      this.scanned += 1;
    }
    return true;
  }

  /** How much of the rows the filter has seen, 0 to 1. */
  get progress() {
    const { first, length } = this.ring;
    return this.test && length ? Math.max(0, this.scanned - first) / length : 1;
  }

  /** How many rows are shown. */
  get count() {
    if (!this.test) return this.ring.length;
    while (this.head < this.matches.length && (this.matches[this.head] ?? 0) < this.ring.first) this.head += 1;
    if (this.head > SLACK) {
      this.matches.splice(0, this.head);
      this.cut += this.head;
      this.head = 0;
    }
    return this.matches.length - this.head;
  }

  /** How many rows have gone at the top since the filter was set. */
  get gone() {
    return this.test ? this.cut + this.head : this.ring.first;
  }

  /** @param {number} from @param {number} to @returns {Row[]} of the rows that are shown */
  slice(from, to) {
    const rows = [];
    const end = Math.min(to, this.count);
    for (let index = Math.max(0, from); index < end; index += 1) {
      const row = this.row(this.test ? this.matches[this.head + index] ?? -1 : this.ring.first + index);
      if (row) rows.push(row);
    }
    return rows;
  }

  /** @param {number} number @returns {Row | undefined} */
  row(number) {
    const row = /** @type {Row | undefined} */ (this.ring.get(number));
    if (row) row.seq = number;
    return row;
  }
}
