import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";
import { cellState, warmth, whySilent } from "../../../src/fulgurite/playground/static/js/channels.js";

/** @typedef {import("../../../src/fulgurite/playground/static/js/messages.js").ChannelState} ChannelState */

const TICKER = "lightning_ticker_X";
const EXECUTIONS = "lightning_executions_X";

/** @param {ChannelState["state"]} state @param {Partial<ChannelState>} [more] @returns {ChannelState} */
const told = (state, more) => ({ channel: TICKER, state, messages: 0, last_ms: null, detail: "", ...more });

test("cells tell dead channels from live ones", () => {
  const cells = [
    cellState(false, undefined, undefined, 0),
    cellState(true, undefined, undefined, 0),
    cellState(true, told("asked"), 0, 0),
    cellState(true, told("acknowledged"), 0, 1_000),
    cellState(true, told("acknowledged"), 0, 20_000),
    cellState(true, told("receiving", { last_ms: 0 }), 0, 5_000),
    cellState(true, told("receiving", { last_ms: 0 }), 0, 20_000),
    cellState(true, told("receiving", { channel: EXECUTIONS, last_ms: 0 }), 0, 20_000),
    cellState(true, told("refused", { detail: "invalid channel" }), 0, 0),
  ];
  deepEqual(cells.map(({ name }) => name), [
    "off", "chosen", "asked", "acknowledged", "silent", "receiving", "quiet", "receiving", "refused",
  ]);
});

test("cells cool in steps", () => {
  /** @param {"receiving" | "acknowledged"} name @param {number} ageMs */
  const cell = (name, ageMs) => ({ name, ageMs, detail: "" });
  const ages = [0, 2_400, 2_600, 5_100, 7_600, 10_100, 12_600, 900_000];
  deepEqual(ages.map((ageMs) => warmth(cell("receiving", ageMs), TICKER)), [6, 6, 5, 4, 3, 2, 1, 1]);
  equal(warmth(cell("acknowledged", 0), TICKER), 0);
  equal(warmth(cell("receiving", 30_000), EXECUTIONS), 3);
});

test("a silent channel gets its likeliest reason", () => {
  /** @param {string} channel @param {boolean | null} isListed @param {boolean} othersFlow @param {boolean} siblingsFlow */
  const why = (channel, isListed, othersFlow, siblingsFlow) => whySilent(channel, { isListed, othersFlow, siblingsFlow });
  deepEqual([
    why(TICKER, false, true, false), why(TICKER, true, false, false), why(EXECUTIONS, true, true, true),
    why(TICKER, true, true, true), why(TICKER, true, true, false), why(TICKER, null, true, false),
  ], ["silentUnlisted", "silentAll", "silentExecutions", "silentAlone", "silentProduct", "silentMaybeUnlisted"]);
});
