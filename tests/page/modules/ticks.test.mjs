import { deepEqual } from "node:assert/strict";
import test from "node:test";
import { roundUp, ticks } from "../../../src/fulgurite/playground/static/js/ticks.js";

test("axes have round numbers", () => {
  deepEqual(ticks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  deepEqual(ticks(13_571_000, 13_594_000, 4), [13_580_000, 13_590_000]);
  deepEqual(ticks(0.0331, 0.0349, 4), [0.0335, 0.034, 0.0345]);
  deepEqual(ticks(5, 5, 4), []);
  deepEqual([0.3, 7, 20, 2.0001].map(roundUp), [0.5, 10, 20, 5]);
});
