import { deepEqual } from "node:assert/strict";
import test from "node:test";
import { FrameLog } from "../../../src/fulgurite/playground/static/js/framelog.js";
import { frame } from "./building.mjs";

/** @param {number} from @param {number} to @returns {import("./building.mjs").Frame[]} numbered */
const numbered = (from, to) => Array.from({ length: to - from }, (_, index) => frame(String(from + index)));

/** @param {FrameLog} log @param {number} from @param {number} to */
const texts = (log, from, to) => log.slice(from, to).map((row) => ("text" in row ? row.text : row.type));

test("the log keeps the newest rows", () => {
  const log = new FrameLog();
  for (let first = 0; first < 60_000; first += 100) log.add(numbered(first, first + 100));
  const rows = log.slice(0, log.count);
  deepEqual([log.count, log.gone, log.ring.slots.length], [50_000, 10_000, 50_000]);
  deepEqual([texts(log, 0, 1), texts(log, 49_999, 50_000)], [["10000"], ["59999"]]);
  deepEqual((rows.at(-1)?.seq ?? 0) - (rows[0]?.seq ?? 0), 49_999);
});

test("the log is bounded by characters too", () => {
  const log = new FrameLog();
  for (let count = 0; count < 100; count += 1) log.add([frame("x".repeat(1_000_000))]);
  deepEqual([log.count, log.ring.characters, log.ring.slots.filter(Boolean).length], [64, 64_000_000, 64]);
});

test("a long pause is bounded: the oldest rows go, and in the end the row that counts them", () => {
  const log = new FrameLog();
  log.add([frame("before")]);
  log.setPaused(true);
  log.add(numbered(0, 50_010));
  deepEqual([log.count, log.waiting, log.held.length], [1, 50_010, 50_000]);
  log.setPaused(false);
  deepEqual([log.count, log.waiting, log.held.length], [50_000, 0, 0]);
  deepEqual([texts(log, 0, 1), texts(log, 49_999, 50_000)], [["10"], ["50009"]]);
});

test("a short pause loses nothing", () => {
  const log = new FrameLog();
  log.add([frame("a")]);
  log.setPaused(true);
  log.add([frame("b")]);
  log.setPaused(false);
  log.add([frame("c")]);
  deepEqual(texts(log, 0, 9), ["a", "b", "c"]);
});

test("a filter is applied in slices and to later rows", () => {
  const log = new FrameLog();
  log.add(numbered(0, 1000));
  log.setFilter((row) => "text" in row && row.text.endsWith("7"));
  let asked = 0;
  deepEqual([log.scan(() => ++asked > 3), log.count, log.progress], [false, 6, 0.06]);
  deepEqual([log.scan(() => false), log.count, log.progress], [true, 100, 1]);
  log.add(numbered(1000, 1100));
  deepEqual([log.scan(() => false), log.count, texts(log, 0, 2)], [true, 110, ["7", "17"]]);
  log.add(numbered(1100, 51_100));
  log.scan(() => false);
  deepEqual([log.count, log.gone, texts(log, 0, 1)], [5000, 110, ["1107"]]);
  log.setFilter(null);
  deepEqual(log.count, 50_000);
});
