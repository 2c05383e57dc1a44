import { deepEqual, equal, ok } from "node:assert/strict";
import test from "node:test";
import { fullSize, HeatStore } from "../../../src/fulgurite/playground/static/js/heatstore.js";

/** @typedef {import("../../../src/fulgurite/playground/static/js/messages.js").Column} Column */

test("columns are bounded, and unknown ones leave the prices alone", () => {
  const store = new HeatStore();
  equal(store.range(0), null);
  for (let count = 0; count < 2000; count += 1) {
    /** @type {Column} */
    const column = count % 2 === 1
      ? [count * 500, 0, 0, 90, [], []] : [count * 500, 1000, 1010, 90, Array(20).fill(1), []];
    store.add({ type: "heatmap", product_code: "X", step: 10, columns: [column], restart: false });
  }
  deepEqual([store.columns.length, store.newestMs(), store.full], [600, 999_500, 1]);
  const shown = store.range(0);
  ok(shown && shown.first < 100 && 101 < shown.last);
  deepEqual([shown.first % 10, shown.last % 10], [0, 0]);
});

test("the strongest colour stays while it is about right", () => {
  /** @param {number} size @param {number} before */
  const full = (size, before) => fullSize([[0, 1, 2, 0, Array(50).fill(size), []]], before);
  deepEqual([full(10, 0), full(10, 8), full(10, 40), full(10, 1)], [10, 8, 10, 10]);
});
