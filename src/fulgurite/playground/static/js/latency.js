// How long frames took: answers since their request, messages since the time that stands in them.

/** @typedef {import("./messages.js").Frame} Frame */

/** Requests without an answer that are remembered. */
const REQUEST_LIMIT = 1000;
/** Answers and requests are short; longer frames need not be looked at. */
const SHORT = 2000;
/** By two clocks that differ by more than this, nothing can be said. */
const CLOCKS_MS = 600_000;

const ID = /"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)/;
const ANSWER = /"(?:result|error)"\s*:/;
const TIME = /"(?:exec_date|timestamp|event_date)"\s*:\s*"([^"]+)"/;

/** Pairs requests with their answers, in both dialects. */
export class AnswerTimes {
  constructor() {
    /** @type {Map<string, number>} when each request was sent that has no answer yet */
    this.sent = new Map();
  }

  /** @param {Frame} frame @returns {number | null} milliseconds since the request, if this is its answer */
  add(frame) {
    const key = frame.text.length < SHORT ? pairKey(frame) : null;
    if (key === null) return null;
    const name = `${frame.by_hand ? "hand" : ""}${key}`;
    if (frame.direction === "sent") {
      this.sent.set(name, frame.at_ms);
      if (this.sent.size > REQUEST_LIMIT) this.sent.delete(this.sent.keys().next().value ?? "");
      return null;
    }
    const sentMs = this.sent.get(name);
    if (sentMs === undefined) return null;
    this.sent.delete(name);
    return frame.at_ms - sentMs;
  }
}

/** @param {Frame} frame @returns {string | null} the part that a request and its answer share */
function pairKey({ text, direction }) {
  const isSent = direction === "sent";
  // Engine.IO's ping and pong.
  if (text === "2" || text === "3") return isSent === (text === "2") ? "ping" : null;
  const packet = /^4([23])(\d+)\[/.exec(text);
  if (packet) return isSent === (packet[1] === "2") ? `ack ${packet[2]}` : null;
  if (!text.startsWith("{") || (!isSent && !ANSWER.test(text))) return null;
  const id = ID.exec(text);
  return id ? `id ${id[1]}` : null;
}

/** @param {Frame} frame @returns {number | null} milliseconds from the time that stands in a message to its receipt */
export function messageLatency({ text, direction, at_ms }) {
  if (direction === "sent") return null;
  // Of several executions the last is the newest.
  const last = text.lastIndexOf('"exec_date"');
  const found = TIME.exec(last < 0 ? text.slice(0, 600) : text.slice(last));
  const ms = found ? at_ms - Date.parse(found[1]?.replace(/Z?$/, "Z") ?? "") : NaN;
  return Math.abs(ms) < CLOCKS_MS ? ms : null;
}
