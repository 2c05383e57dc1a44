import { deepEqual } from "node:assert/strict";
import test from "node:test";
import { formatAge, formatBytes, formatPrice, formatRate, formatSize, formatSpan } from "../../../src/fulgurite/playground/static/js/format.js";

test("numbers are written for people", () => {
  deepEqual([13665412, 31.514, 0.06218].map((price) => formatPrice(price)), ["13,665,412", "31.514", "0.06218"]);
  deepEqual(formatPrice(31.5, 3), "31.500");
  deepEqual([0.0267539, 0.00000001, 0, 4226.35].map(formatSize), ["0.0268", "0.00000001", "0.0000", "4,226.4"]);
  deepEqual([999, 20700].map(formatBytes), ["999 B", "20.7 kB"]);
  deepEqual([400, 34_000, 125_000].map(formatSpan), ["0.4 s", "34 s", "2 min 5 s"]);
  deepEqual([0, 0.01, 0.2, 152.4].map(formatRate), ["0.0", "<0.1", "0.2", "152"]);
});

test("ages are short", () => {
  deepEqual([-5, 900, 3_900, 119_000, 120_000, 7_300_000].map(formatAge), ["0 s", "0 s", "3 s", "119 s", "2 min", "2 h"]);
});
