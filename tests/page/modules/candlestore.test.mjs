import { deepEqual, equal, ok } from "node:assert/strict";
import test from "node:test";
import { CandleStore } from "../../../src/fulgurite/playground/static/js/candlestore.js";

/** @typedef {import("../../../src/fulgurite/playground/static/js/messages.js").Candles} Candles */
/** @typedef {import("../../../src/fulgurite/playground/static/js/messages.js").Candle} Candle */

/** @param {Candle[]} candles @param {boolean} [restart] @returns {Candles} */
const message = (candles, restart = false) => ({
  type: "candles", product_code: "X", interval_s: 10, candles, gaps: [], history: "ready", problem: "", restart,
});

/** @param {number} time @returns {Candle} */
const row = (time) => [time, 5, 6, 4, 5, 1];

test("intervals without executions keep their place", () => {
  const store = new CandleStore();
  store.add(message([row(40), row(10)], true));
  deepEqual(store.intervals(-Infinity).map(({ time, candle }) => [time, candle?.[1]]),
    [[10, 5], [20, undefined], [30, undefined], [40, 5]]);
});

test("a change is told once, and a restart is everything", () => {
  const store = new CandleStore();
  const changes = [
    message([row(10), row(20)], true), message([row(20), row(30)]), message([]), message([row(10)]),
    message([row(50)], true),
  ].map((given) => {
    store.add(given);
    return store.takeChanges();
  });
  deepEqual(changes, [-Infinity, 20, Infinity, 10, -Infinity]);
  deepEqual([[...store.candles.keys()], store.oldest, store.newest], [[50], 50, 50]);
});

test("candles are bounded", () => {
  const store = new CandleStore();
  for (let count = 0; count < 5000; count += 1) store.add(message([row(count * 10)]));
  const rows = store.intervals(-Infinity);
  ok(store.candles.size <= 1200);
  deepEqual([rows.length, rows[0]?.time, rows.at(-1)?.time], [1000, 40_000, 49_990]);
});

test("an interval long after the others does not make millions of rows", () => {
  const store = new CandleStore();
  store.add(message([row(0), row(1e9)], true));
  equal(store.intervals(-Infinity).length, 1000);
});

test("the chart in numbers", () => {
  const store = new CandleStore();
  equal(store.summary(), null);
  store.add(message([[10, 5, 9, 4, 6, 1], [20, 6, 7, 2, 3, 2]]));
  deepEqual(store.summary(), { last: 3, high: 9, low: 2, volume: 3, count: 2 });
});
