// Takes the backend's messages into the state, one batch at a time.
import { batch } from "../vendor/signals.js";
import { takeAnswer } from "./ask.js";
import { socketUrl } from "./copycode.js";
import { watchFaults } from "./faultruns.js";
import { takeOrders } from "./orders.js";
import { takeSecrets } from "./secret.js";
import { takeChart } from "./marketdata.js";
import { watchChannels } from "./freshness.js";
import * as happened from "./happened.js";
import { interruption, isOneWith } from "./history.js";
import { RateMeter } from "./ratemeter.js";
import { emptyWithValues, expectSource, isSourceReached, reachSource } from "./source.js";
import { handState, replay, takeTapes } from "./tapes.js";
import * as state from "./state.js";

/** @typedef {import("./messages.js").FromBackend} FromBackend */
/** @typedef {import("./framelog.js").NewRow} NewRow */
/** @typedef {import("./history.js").GapRow} GapRow */

const TRADE_LIMIT = 200;

const meter = new RateMeter();
emptyWithValues(() => meter.clear());
/** The difference between the backend's clock and ours. */
let clockOffset = 0;
let nextKey = 0;

/** What the backend says of itself, and answers, whatever source is chosen. */
const OWN = new Set(["hello", "recording", "sign", "demokey", "keys", "answer", "problem"]);

/** @param {FromBackend[]} messages */
export function receive(messages) {
  batch(() => {
    /** @type {NewRow[]} */
    const rows = [];
    for (const message of messages) {
      if (message.type === "source") reachSource(message.number);
      if (!isSourceReached() && !OWN.has(message.type)) continue;
      if (takeSecrets(message) || takeAnswer(message) || takeOrders(message) || watchFaults(message)) continue;
      if (takeTapes(message)) continue;
      if (isRow(message)) addRow(rows, message);
      else takeState(message);
    }
    if (rows.length) {
      state.frameLog.add(rows);
      state.frameVersion.value += 1;
    }
  });
}

/** Move the page's clock on: ages and countdowns follow. */
export function tick() {
  state.now.value = Date.now() + clockOffset;
  happened.tick();
}

/** @typedef {import("./messages.js").Frame | import("./messages.js").Status | import("./messages.js").Gap
 *   | import("./messages.js").Malformed | import("./messages.js").Dropped} RowMessage */

/** @param {FromBackend} message @returns {message is RowMessage} */
function isRow(message) {
  const { type } = message;
  return type === "frame" || type === "status" || type === "gap" || type === "malformed" || type === "dropped";
}

/** Statuses that the frames do not show already. */
const CONNECTION_KINDS = new Set(
  ["connecting", "open", "closed", "unreachable", "backing_off", "failed", "disconnected"],
);

/** @param {NewRow[]} rows @param {RowMessage} message */
function addRow(rows, message) {
  if (message.type === "gap") {
    addGap(rows, interruption([message]));
    happened.gap(message);
  } else if (message.type === "status" && isOwnRow(message)) {
    rows.push(message);
  } else if (message.type === "status") {
    if (CONNECTION_KINDS.has(message.kind)) rows.push(message);
    happened.status(message);
  } else {
    rows.push(message.type === "frame" && message.direction === "sent" ? { ...message, to: sentTo(message) } : message);
  }
}

/** The WebSocket that a frame is sent to now: later another may be chosen. @param {import("./messages.js").Frame} frame
 * @returns {string} "" where nobody can say, as in a replay */
function sentTo({ by_hand, text }) {
  if (by_hand) return handState.peek()?.url ?? "";
  const { endpoint = "" } = state.connection.peek() ?? {};
  if (replay.peek() || !endpoint) return "";
  const { embedded = "", live = "" } = state.hello.peek() ?? {};
  // It may be of the dialect before: each frame of Socket.IO begins with a digit, and none of JSON-RPC.
  return socketUrl({ embedded, live }[endpoint] ?? endpoint, /^\d/.test(text) ? "socketio" : "json-rpc");
}

/** What happened to the connection by hand, or to a replay, is a row and nothing else. */
const isOwnRow = (/** @type {import("./messages.js").Status} */ { kind }) => (
  kind.startsWith("hand_") || kind === "skipped" || kind === "passed_over");

/** One interruption of several channels is one row, where they come together.
 * @param {NewRow[]} rows @param {GapRow} gap */
function addGap(rows, gap) {
  const index = rows.findLastIndex((row) => row.type === "gap" && row.repaired === gap.repaired
    && gap.gaps.every((one) => isOneWith(row, one)));
  const row = rows[index];
  if (row?.type === "gap") rows[index] = interruption([...row.gaps, ...gap.gaps]);
  else rows.push(gap);
}

/** @param {Exclude<FromBackend, RowMessage>} message */
function takeState(message) {
  switch (message.type) {
    case "hello":
      happened.hello();
      state.hello.value = message;
      // A backend that says hello has no connection yet, whatever the one before it had.
      expectSource();
      break;
    case "products":
      state.endpointProducts.value = message.product_codes;
      state.productsFromEndpoint.value = message.from_endpoint;
      break;
    case "connection":
      state.connection.value = message;
      state.problem.value = "";
      if (!state.isConnected.value) noRates();
      break;
    case "channels":
      takeChannels(message);
      break;
    case "gapfirst":
      happened.gapFirst(message);
      break;
    case "latencies":
      happened.latencies.value = message.latencies;
      break;
    case "book":
      state.book.value = message;
      if (message.state === "LIVE") state.lastLiveBook.value = message;
      break;
    case "ticker":
      if (message.product_code === state.product.peek()) state.ticker.value = message;
      break;
    case "executions": {
      const rows = message.rows.map((row) => ({ row, key: ++nextKey }));
      state.trades.value = (message.restart ? rows : [...state.trades.value, ...rows]).slice(-TRADE_LIMIT);
      break;
    }
    case "candles":
    case "heatmap":
    case "depth":
      takeChart(message);
      break;
    case "problem":
      state.problem.value = message.text;
  }
}

/** Without a connection nothing comes, and nothing says so again and again. */
function noRates() {
  meter.clear();
  state.rates.value = new Map();
  state.traffic.value = { frames: 0, bytes: 0 };
}

/** @param {import("./messages.js").Channels} message */
function takeChannels(message) {
  clockOffset = message.now_ms - Date.now();
  for (const { channel, state: name } of message.channels) {
    if (state.channelSince.get(channel)?.state !== name) {
      state.channelSince.set(channel, { state: name, sinceMs: message.now_ms });
    }
  }
  watchChannels(message);
  state.channels.value = new Map(message.channels.map((entry) => [entry.channel, entry]));
  if (state.isConnected.value) meter.take(message);
  state.rates.value = meter.channelRates();
  state.traffic.value = meter.traffic();
  happened.totals(message);
}
