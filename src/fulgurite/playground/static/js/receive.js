// Takes the backend's messages into the state, one batch at a time.
import { batch } from "../vendor/signals.js";
import { RateMeter } from "./ratemeter.js";
import * as state from "./state.js";

/** @typedef {import("./messages.js").FromBackend} FromBackend */
/** @typedef {import("./framelog.js").NewRow} NewRow */
/** @typedef {import("./framelog.js").GapRow} GapRow */

const TRADE_LIMIT = 200;
const EVENT_LIMIT = 200;
/** Gaps that end within so many milliseconds of each other are one interruption of several channels. */
const SAME_GAP_MS = 500;

const meter = new RateMeter();
/** The difference between the backend's clock and ours. */
let clockOffset = 0;
let nextKey = 0;

/** @param {FromBackend[]} messages */
export function receive(messages) {
  batch(() => {
    /** @type {NewRow[]} */
    const rows = [];
    for (const message of messages) {
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

/** Statuses of a channel that are events. */
const CHANNEL_KINDS = new Set(["refused", "silent", "dead"]);

/** @param {NewRow[]} rows @param {RowMessage} message */
function addRow(rows, message) {
  if (message.type === "gap") {
    const gap = { ...message, channels: [message.channel] };
    addGap(rows, gap);
    addTradeGap(gap);
  } else if (message.type === "status") {
    if (CONNECTION_KINDS.has(message.kind)) rows.push(message);
    // Each attempt is in the frames; what became of it is an event.
    if (message.kind !== "connecting" && (CONNECTION_KINDS.has(message.kind) || CHANNEL_KINDS.has(message.kind))) {
      state.events.value = [...state.events.value, message].slice(-EVENT_LIMIT);
    }
  } else {
    rows.push(message);
  }
}

/** One interruption of several channels is one row, where they come together, and one event, though they do not.
 * @param {NewRow[]} rows @param {GapRow} gap */
function addGap(rows, gap) {
  const row = rows.findLastIndex((other) => isSameGap(other, gap));
  if (row < 0) rows.push(gap);
  else rows[row] = joined(/** @type {GapRow} */ (rows[row]), gap);
  const events = state.events.value;
  const event = events.findLastIndex((other) => isSameGap(other, gap));
  state.events.value = event < 0
    ? [...events, gap].slice(-EVENT_LIMIT)
    : events.with(event, joined(/** @type {GapRow} */ (events[event]), gap));
}

/** @param {{type: string}} row @param {GapRow} gap @returns {boolean} whether they are of the same interruption */
function isSameGap(row, gap) {
  if (row.type !== "gap") return false;
  const other = /** @type {GapRow} */ (row);
  return other.reason === gap.reason && other.repaired === gap.repaired
    && Math.abs(other.to_ms - gap.to_ms) < SAME_GAP_MS;
}

/** @param {GapRow} one @param {GapRow} other @returns {GapRow} the gap of both their channels */
function joined(one, other) {
  // Each channel was last heard of at its own moment; the interruption began after the latest of them.
  return { ...one, channels: [...one.channels, ...other.channels], from_ms: Math.max(one.from_ms, other.from_ms) };
}

/** @param {GapRow} gap */
function addTradeGap(gap) {
  if (gap.channels[0] !== `lightning_executions_${state.product.peek()}`) return;
  state.trades.value = [...state.trades.value, { ...gap, key: ++nextKey }].slice(-TRADE_LIMIT);
}

/** @param {Exclude<FromBackend, RowMessage>} message */
function takeState(message) {
  switch (message.type) {
    case "hello":
      state.hello.value = message;
      // A backend that says hello has no connection yet, whatever the one before it had.
      state.connection.value = null;
      state.channels.value = new Map();
      break;
    case "products":
      state.endpointProducts.value = message.product_codes;
      state.productsFromEndpoint.value = message.from_endpoint;
      break;
    case "connection":
      state.connection.value = message;
      state.problem.value = "";
      break;
    case "channels":
      takeChannels(message);
      break;
    case "book":
      state.book.value = message;
      if (message.state === "LIVE") state.lastLiveBook.value = message;
      break;
    case "ticker":
      if (message.product_code === state.product.peek()) state.ticker.value = message;
      break;
    case "executions": {
      const rows = message.executions.map((execution) => (
        { type: /** @type {const} */ ("execution"), execution, key: ++nextKey }));
      state.trades.value = (message.restart ? rows : [...state.trades.value, ...rows]).slice(-TRADE_LIMIT);
      break;
    }
    case "problem":
      state.problem.value = message.text;
  }
}

/** @param {import("./messages.js").Channels} message */
function takeChannels(message) {
  clockOffset = message.now_ms - Date.now();
  for (const { channel, state: name } of message.channels) {
    if (state.channelSince.get(channel)?.state !== name) {
      state.channelSince.set(channel, { state: name, sinceMs: message.now_ms });
    }
  }
  state.channels.value = new Map(message.channels.map((entry) => [entry.channel, entry]));
  meter.take(message);
  state.rates.value = meter.channelRates();
  state.traffic.value = meter.traffic();
}
