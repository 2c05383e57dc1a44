// A text with the matches of a filter marked.
import { html } from "../dom.js";

/** @typedef {import("../framefields.js").Span} Span */
/** @typedef {import("../../vendor/preact.js").Child} Child */

/** @param {string} text @param {readonly Span[]} spans in order @param {number} [from] @param {number} [end]
 * @returns {Child[]} */
export function marked(text, spans, from = 0, end = text.length) {
  /** @type {Child[]} */
  const parts = [];
  let at = from;
  for (const [start, stop] of spans) {
    if (stop <= at || start >= end) continue;
    parts.push(text.slice(at, Math.max(at, start)), html`<mark>${text.slice(Math.max(at, start), Math.min(stop, end))}</mark>`);
    at = Math.min(stop, end);
  }
  parts.push(text.slice(at, end));
  return parts;
}
