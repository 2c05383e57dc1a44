import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";
import { AnswerTimes, messageLatency } from "../../../src/fulgurite/playground/static/js/latency.js";
import { frame, RPC } from "./building.mjs";

test("answers are told from their requests", () => {
  const request = '{"jsonrpc":"2.0","method":"subscribe","params":{"channel":"c"},"id":1}';
  const result = '{"jsonrpc":"2.0","id":1,"result":true}';
  const message = '{"jsonrpc":"2.0","method":"channelMessage","params":{"channel":"c","message":{"id":1}}}';
  const times = new AnswerTimes();
  /** @param {number} at_ms @param {string} text @param {boolean} [by_hand] */
  const sent = (at_ms, text, by_hand = false) => times.add(frame(text, { direction: "sent", at_ms, by_hand }));
  /** @param {number} at_ms @param {string} text @param {boolean} [by_hand] */
  const received = (at_ms, text, by_hand = false) => times.add(frame(text, { at_ms, by_hand }));
  deepEqual([
    sent(0, request), sent(1, request, true), received(5, result),
    received(9, '{"jsonrpc":"2.0","id":1,"error":{"code":-32602}}', true), received(10, result), received(11, message),
    sent(20, '421["subscribe","c"]'), received(22, "431[null]"), received(23, "432[null]"),
    sent(30, "2"), received(31.5, "3"), received(32, "3"),
  ], [null, null, 5, 8, null, null, null, 2, null, null, 1.5, null]);
});

test("requests that are never answered are forgotten", () => {
  const times = new AnswerTimes();
  for (let id = 0; id < 5000; id += 1) times.add(frame(`{"id":${id}}`, { direction: "sent" }));
  equal(times.sent.size, 1000);
});

test("a message has the latency of its newest time", () => {
  const at_ms = 1_767_225_601_750; // a quarter of a second after the ticker's time
  const executions = '42["c",[{"id":1,"exec_date":"2026-01-01T00:00:00.0Z"},{"id":2,"exec_date":"2026-01-01T00:00:01.7Z"}]]';
  const texts = [RPC, executions, "3", '42["c",{"mid_price":1.0}]', '42["c",{"timestamp":"1999-01-01T00:00:00"}]'];
  deepEqual(texts.map((text) => messageLatency(frame(text, { at_ms }))), [250, 50, null, null, null]);
});
