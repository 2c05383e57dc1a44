// Events of the connection and of this page, kept for the strip and the connection view, over a reload too.
import { signal } from "../vendor/signals.js";
import {
  endedLanes, STRIP_MS, withEvent, withFirst, withGap, withLaneState, withStatus, withUnknown,
} from "./history.js";
import { RateHistory } from "./ratehistory.js";
import { emptyWithValues, kept, told } from "./source.js";
import { isConnected, link, now } from "./state.js";

/** @typedef {import("./history.js").EventRow} EventRow */
/** @typedef {import("./history.js").PageRow} PageRow */
/** @typedef {import("./messages.js").Gap} Gap */

export const events = kept(() => /** @type {readonly EventRow[]} */ ([]));
/** For each connection the states it was in. */
export const lanes = kept(() => /** @type {import("./history.js").Lanes} */ (new Map()));
export const latencies = told(() => /** @type {import("./messages.js").Latency[]} */ ([]));
export const rateHistory = new RateHistory();
/** Changes whenever a bucket of `rateHistory` is full. */
export const rateVersion = signal(0);
emptyWithValues(() => {
  rateHistory.clear();
  rateVersion.value += 1;
});
/** The event that was asked for on the strip. */
export const focusedEvent = kept(() => /** @type {number | null} */ (null));
/** A notice about the latest event, gone after a while. */
export const notice = signal(/** @type {PageRow | null} */ (null));

const NOTICE_MS = 8_000;
/** With no word from the backend for so long it is said to be silent: it says something at least every second. */
const SILENT_MS = 2_500;
/** A tick that comes so late may come before messages that have arrived: the next one judges. */
const LATE_MS = 1_000;
/** A clock that stood still for so long: the page slept. In the background it ticks once a minute only. */
const SLEPT_MS = 5_000;
const SLEPT_HIDDEN_MS = 90_000;
const KEPT = "fulgurite.happened";
/** Limits over a reload; the browser has room for a few million characters. */
const KEPT_EVENTS = 200;
const KEPT_CHARACTERS = 160;

let nextKey = 0;
/** When the backend last said something. */
export let heardAt = Date.now();
let tickedAt = Date.now();
let wasHidden = document.hidden;
let noticedAt = 0;
/** Since when the line to the backend is lost, or the backend silent. */
let lostAt = 0;
/** Whether there was a connection when the line to the backend was lost; null if it never was. */
export let wasConnected = /** @type {boolean | null} */ (null);

// --- told by the backend

/** @param {import("./messages.js").Status} status */
export function status(status) {
  if (status.kind === "backing_off" || status.kind === "connecting") {
    lanes.value = withLaneState(lanes.value, status);
    return; // the line shows it; its outcome is an event
  }
  lanes.value = withLaneState(lanes.value, status);
  events.value = withStatus(events.value, status, ++nextKey);
  if (status.kind === "overslept") {
    const seconds = status.seconds ?? 0;
    lanes.value = withUnknown(lanes.value, status.at_ms - seconds * 1000, status.at_ms);
    say("stopped", status.at_ms, seconds);
  }
}

/** @param {Gap} gap */
export function gap(gap) {
  events.value = withGap(events.value, gap, ++nextKey);
}

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  gapfirst(message) { events.value = withFirst(events.value, message); },
  latencies(message) { latencies.value = message.latencies; },
  channels(message) {
    if (rateHistory.add(message)) rateVersion.value += 1;
  },
};

/** A backend that says hello has no connection yet. */
export function endLanes() {
  lanes.value = endedLanes(lanes.value, now.value);
}

// --- noticed by the page itself

/** Something came from the backend. */
export function heard() {
  heardAt = Date.now();
  if (link.peek() !== "silent") return;
  link.value = "open";
  lanes.value = withUnknown(lanes.value, onBackendsClock(lostAt), onBackendsClock(heardAt));
  happenedToPage("stopped", (heardAt - lostAt) / 1000);
  lostAt = 0;
}

/** The line to the backend is open again, or for the first time. */
export function found() {
  if (lostAt) happenedToPage("back", (Date.now() - lostAt) / 1000);
  lostAt = 0;
}

/** The line to the backend was lost. @param {boolean} isFull whether it has too many pages to serve */
export function lost(isFull) {
  if (link.peek() === "lost") return;
  if (link.peek() !== "silent") lostAt = Date.now();
  // A page that was never let in has not been asked to stay without a connection.
  if (link.peek() !== "connecting") wasConnected = isConnected.peek();
  lanes.value = withUnknown(lanes.value, onBackendsClock(Math.min(lostAt, heardAt)), null);
  happenedToPage(isFull ? "full" : "lost", 0);
}

/** The backend is there and does not know this browser: it was started anew. */
export function lockedOut() {
  if (notice.peek()?.kind !== "locked") happenedToPage("locked", 0);
}

/** @param {number} ms on this page's clock @returns {number} */
const onBackendsClock = (ms) => now.peek() + ms - tickedAt;

/** How the connections were, as far as that is known by now. @returns {import("./history.js").Lanes} */
export function knownLanes() {
  return link.value === "silent" ? withUnknown(lanes.value, onBackendsClock(lostAt), null) : lanes.value;
}

/** The page's clock ticks. */
export function tick() {
  const at = Date.now();
  const sleptMs = at - tickedAt;
  if (sleptMs > (wasHidden || document.hidden ? SLEPT_HIDDEN_MS : SLEPT_MS)) {
    heardAt = at; // waiting messages are about to come
    happenedToPage("slept", sleptMs / 1000);
  }
  tickedAt = at;
  wasHidden = document.hidden;
  if (!isConnected.peek() && link.peek() === "open" && rateHistory.pass(now.peek())) rateVersion.value += 1;
  if (link.peek() === "open" && sleptMs < LATE_MS && at - heardAt > SILENT_MS) {
    link.value = "silent";
    lostAt = heardAt;
  }
  if (notice.peek() && at - noticedAt > NOTICE_MS && link.peek() !== "lost") notice.value = null;
}

/** @param {PageRow["kind"]} kind @param {number} seconds */
function happenedToPage(kind, seconds) {
  events.value = withEvent(events.value, { type: "page", kind, at_ms: now.peek(), seconds, key: ++nextKey });
  say(kind, now.peek(), seconds);
}

/** @param {PageRow["kind"]} kind @param {number} at_ms @param {number} seconds */
function say(kind, at_ms, seconds) {
  noticedAt = Date.now();
  // For as long as the backend is lost the page says so above the view, and not twice.
  notice.value = kind === "lost" || kind === "full" ? null : { type: "page", kind, at_ms, seconds };
}

// --- over a reload

/** Keep the events for this tab's next page. */
export function keep() {
  const shown = events.value.slice(-KEPT_EVENTS).map((row) => (
    row.type === "gap" ? { ...row, gaps: row.gaps.map(shortened) } : row));
  const at_ms = now.value;
  const text = JSON.stringify({
    endpoint: endpointInAddress(), at_ms, events: shown, lanes: [...endedLanes(lanes.value, at_ms)],
  });
  try {
    sessionStorage.setItem(KEPT, text);
  } catch {
    // the browser is told to keep nothing, or has no room: the strip begins anew
  }
}

/** The endpoint in the page's address. A possibly secret one is never there: "url" stands for it.
 * @returns {string | null} */
const endpointInAddress = () => new URLSearchParams(location.hash.slice(1)).get("endpoint");

/** @param {Gap} gap @returns {Gap} */
const shortened = (gap) => ({ ...gap, last: beginning(gap.last), first: beginning(gap.first) });

/** @param {Gap["last"]} message @returns {Gap["last"]} */
const beginning = (message) => message && { ...message, text: message.text.slice(0, KEPT_CHARACTERS) };

/** Take up the events of this tab's last page, if that was not long ago and of the same endpoint. */
export function takeUp() {
  let text = null;
  try {
    text = sessionStorage.getItem(KEPT);
    sessionStorage.removeItem(KEPT);
  } catch {
    // the browser is told to keep nothing
  }
  if (!text) return;
  const found = JSON.parse(text);
  const seconds = (Date.now() - found.at_ms) / 1000;
  if (found.endpoint === "url" || found.endpoint !== endpointInAddress() || seconds * 1000 > STRIP_MS) return;
  events.value = found.events;
  lanes.value = new Map(found.lanes);
  nextKey = Math.max(0, ...events.value.map(({ key }) => key));
  happenedToPage("reloaded", Math.max(0, seconds));
}
