// Messages that become rows of the frames view.
import { handState } from "./byhand.js";
import { socketUrl } from "./copycode.js";
import * as happened from "./happened.js";
import { interruption, isOneWith } from "./history.js";
import { replay } from "./replay.js";
import * as state from "./state.js";

/** The rows of the present batch. @type {import("./framelog.js").NewRow[]} */
let rows = [];

/** Statuses that the frames do not show already. */
const CONNECTION_KINDS = new Set(
  ["connecting", "open", "closed", "unreachable", "backing_off", "failed", "disconnected"],
);

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  gap(message) {
    addGap(interruption([message]));
    happened.gap(message);
  },
  status(message) {
    const isRowAlone = message.kind.startsWith("hand_") || message.kind === "skipped" || message.kind === "passed_over";
    if (isRowAlone || CONNECTION_KINDS.has(message.kind)) rows.push(message);
    if (!isRowAlone) happened.status(message);
  },
  frame(message) { rows.push(message.direction === "sent" ? { ...message, to: sentTo(message) } : message); },
  malformed(message) { rows.push(message); },
  dropped(message) { rows.push(message); },
};

/** Put the rows of a batch into the log. */
export function addRows() {
  if (rows.length === 0) return;
  state.frameLog.add(rows);
  state.frameVersion.value += 1;
  rows = [];
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

/** One interruption of several channels is one row, where they come together.
 * @param {import("./history.js").GapRow} gap */
function addGap(gap) {
  const index = rows.findLastIndex((row) => row.type === "gap" && row.repaired === gap.repaired
    && gap.gaps.every((one) => isOneWith(row, one)));
  const row = rows[index];
  if (row?.type === "gap") rows[index] = interruption([...row.gaps, ...gap.gaps]);
  else rows.push(gap);
}
