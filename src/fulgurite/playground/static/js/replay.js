// The replay of a frame log: its state, its controls, and the page's own state meanwhile.
import { signal } from "../vendor/signals.js";
import { fetchGuarded, send } from "./backend.js";
import { productOf } from "./channels.js";
import { formatBytes } from "./format.js";
import * as happened from "./happened.js";
import { t } from "./i18n.js";
import { forgetPast } from "./source.js";
import * as state from "./state.js";

/** @typedef {import("./messages.js").Replay} Replay */
/** @typedef {import("./messages.js").ReplayState} ReplayState */

/** The longest file that the backend takes. */
export const FILE_LIMIT = 64 * 1024 * 1024;

export const replay = signal(/** @type {Replay | null} */ (null));
export const replayState = signal(/** @type {ReplayState | null} */ (null));
/** The file that is on its way to the backend. */
export const opening = signal("");

/** The page's state before the replay. */
let before = /** @type {{wanted: ReadonlySet<string>, product: string, events: readonly happened.EventRow[],
  lanes: import("./history.js").Lanes} | null} */ (null);
/** Whether there was a connection when the log was given. Its end may be told before the replay begins. */
let isFromLive = false;

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  replay: takeReplay,
  replaystate(message) { replayState.value = message; },
};

/** @param {Replay} message */
function takeReplay(message) {
  if (!message.run) {
    leaveReplay();
    return;
  }
  opening.value = "";
  before ??= {
    wanted: state.wanted.value,
    product: state.product.value,
    events: happened.events.value,
    lanes: happened.lanes.value,
  };
  forgetPast();
  const isFirst = replay.value?.name !== message.name || replay.value.from_ms !== message.from_ms;
  replay.value = message;
  if (!isFirst) return;
  state.wanted.value = new Set(message.channels);
  const products = message.channels.map(productOf).filter(Boolean);
  if (products[0] && !products.includes(state.product.value)) viewProduct(products[0]);
}

/** Bring back the state before the replay, if there is one. The next message tells the backend. */
export function leaveReplay() {
  replay.value = null;
  replayState.value = null;
  if (!before) return;
  forgetPast();
  state.wanted.value = before.wanted;
  happened.events.value = before.events;
  happened.lanes.value = before.lanes;
  if (state.product.value !== before.product) viewProduct(before.product);
  before = null;
}

/** A replay has the channels that were recorded: say so. @returns {boolean} whether there is one */
export function refusedInReplay() {
  if (replay.value) state.problem.value = t("replayFixed");
  return replay.value !== null;
}

/** Whether there was a connection before the replay. */
export const wasConnected = () => before !== null && isFromLive;

/** @param {string} product */
function viewProduct(product) {
  state.product.value = product;
  send({ type: "view", product_code: product });
}

/** @param {File} file */
export async function openLog(file) {
  if (opening.value) return;
  if (!before) isFromLive = state.isConnected.value;
  if (file.size > FILE_LIMIT) {
    state.problem.value = t("openTooLong", { name: file.name, size: formatBytes(file.size) });
    return;
  }
  opening.value = file.name;
  try {
    const answer = await fetchGuarded("/logs", { method: "POST", body: file });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    const { key } = await answer.json();
    send({ type: "openreplay", key, name: file.name.slice(0, 200) });
  } catch (error) {
    state.problem.value = String(error instanceof Error ? error.message : error);
  }
  opening.value = "";
}

/** @param {Partial<{speed: number | null, paused: boolean}>} change */
export function setPace(change) {
  const { value } = replayState;
  if (!value) return;
  const { speed, paused } = { speed: value.speed, paused: value.paused, ...change };
  replayState.value = { ...value, speed, paused };
  send({ type: "pace", speed, paused });
}

/** @param {number} at_ms */
export function seek(at_ms) {
  send({ type: "seek", at_ms });
}
