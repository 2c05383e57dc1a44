import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";
import { RateMeter } from "../../../src/fulgurite/playground/static/js/ratemeter.js";

/** @param {RateMeter} meter @param {number} now_ms @param {number} frames @param {number | null} messages */
const add = (meter, now_ms, frames, messages) => meter.add({
  type: "channels", now_ms, frames, bytes: frames * 100,
  channels: messages === null ? [] : [{ channel: "c", messages, state: "receiving", last_ms: null, detail: "" }],
});

test("rates come from totals and start anew with a connection", () => {
  const meter = new RateMeter();
  for (let count = 0; count <= 40; count += 1) add(meter, count * 250, count * 5, count * 2);
  equal(meter.channelRates().get("c"), 8);
  deepEqual(meter.traffic(), { frames: 20, bytes: 2000 });
  add(meter, 10_250, 0, 0);
  equal(meter.channelRates().get("c"), 0);
  equal(meter.traffic().frames, 0);
});

test("a channel that is asked for again is counted anew", () => {
  const cases = [[100, 110, 0, 3, 6], [100, 110, null, 0, 3, 6], [1, 2, null, 0, 3, 6], [100, 110, 0]];
  deepEqual(cases.map((counts) => {
    const meter = new RateMeter();
    counts.forEach((messages, index) => add(meter, index * 1000, index, messages));
    return meter.channelRates().get("c");
  }), [3, 3, 3, 0]);
});
