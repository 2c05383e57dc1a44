import { deepEqual } from "node:assert/strict";
import test from "node:test";
import { withUnknown } from "../../../src/fulgurite/playground/static/js/history.js";

/** @typedef {import("../../../src/fulgurite/playground/static/js/history.js").Span} Span */

test("an unknown stretch is cut out of the lanes", () => {
  /** @param {Span["state"]} state @param {number} from_ms @param {number | null} to_ms @returns {Span} */
  const span = (state, from_ms, to_ms) => ({ state, from_ms, to_ms });
  /** @param {Span[]} spans @param {number} from @param {number | null} to */
  const cut = (spans, from, to) => withUnknown(new Map([[0, spans]]), from, to).get(0)
    ?.map(({ state, from_ms, to_ms }) => [state, from_ms, Number.isFinite(to_ms) ? to_ms : null]);
  deepEqual(cut([span("open", 0, null)], 10, null), [["open", 0, 10], ["unknown", 10, null]]);
  deepEqual(cut([span("open", 0, null)], 10, 20), [["open", 0, 10], ["unknown", 10, 20], ["open", 20, null]]);
  deepEqual(cut([span("connecting", 0, 12), span("open", 12, null)], 10, 20),
    [["connecting", 0, 10], ["unknown", 10, 20], ["open", 20, null]]);
  deepEqual(cut([span("open", 0, null)], 0, 5), [["unknown", 0, 5], ["open", 5, null]]);
  deepEqual(cut([span("off", 0, null)], 10, 20), [["off", 0, null]]);
  deepEqual(cut([span("open", 0, 5)], 10, null), [["open", 0, 5]]);
});
