// The actions of the user. Each changes the state and tells the backend.
import { batch } from "../vendor/signals.js";
import { send } from "./backend.js";
import { channelsOf } from "./channels.js";
import { allowed } from "./connecting.js";
import * as happened from "./happened.js";
import { viewProduct } from "./marketdata.js";
import { refusedInReplay } from "./replay.js";
import * as state from "./state.js";

// --- channels

/** @param {string} channel */
export function toggleChannel(channel) {
  if (state.wanted.value.has(channel)) unsubscribe([channel]);
  else subscribe([channel]);
}

/** @param {string[]} channels */
export function subscribe(channels) {
  if (refusedInReplay()) return;
  state.wanted.value = new Set([...state.wanted.value, ...channels]);
  state.givenUp.value = state.givenUp.value.filter((channel) => !state.wanted.value.has(channel));
  send({ type: "subscribe", channels: allowed(channels) });
}

/** @param {string[]} channels */
export function unsubscribe(channels) {
  if (refusedInReplay()) return;
  state.wanted.value = new Set([...state.wanted.value].filter((channel) => !channels.includes(channel)));
  send({ type: "unsubscribe", channels });
}

/** So long an unsubscription of all channels can be undone. */
const UNDO_MS = 60_000;
let forgetting = 0;

export function unsubscribeAll() {
  const all = [...state.wanted.value];
  unsubscribe(all);
  if (state.wanted.value.size > 0) return; // refused
  state.givenUp.value = all;
  clearTimeout(forgetting);
  forgetting = setTimeout(() => { state.givenUp.value = []; }, UNDO_MS);
}

// --- the matrix and the frames

/** Add a row to the matrix. @param {string} code */
export function addProduct(code) {
  const clean = code.trim().toUpperCase();
  if (!/^[A-Z0-9_]{3,39}$/.test(clean)) return;
  if (!state.products.value.includes(clean)) state.addedProducts.value = [...state.addedProducts.value, clean];
  subscribe(channelsOf(clean));
  viewProduct(clean);
}

/** @param {boolean} paused */
export function pauseFrames(paused) {
  state.frameLog.setPaused(paused);
  state.frameVersion.value += 1;
}

export function clearFrames() {
  state.frameLog.clear();
  state.selectedFrame.value = null;
  state.following.value = true;
  state.frameVersion.value += 1;
}

/** @param {import("./framelog.js").Row | null} row */
export const selectFrame = (row) => { state.selectedFrame.value = row; };

/** @param {boolean} on whether the list stays at the newest row */
export const follow = (on) => { state.following.value = on; };

// --- the page itself

/** @param {import("./state.js").ViewName} name */
export function showView(name) {
  batch(() => {
    state.view.value = name;
    state.part.value = "middle";
  });
}

/** Go to an event in the connection view. @param {number} key */
export function showEvent(key) {
  state.view.value = "connection";
  happened.focusedEvent.value = key;
}

/** Show one of the three parts on a narrow screen. @param {typeof state.part.value} name */
export const showColumn = (name) => { state.part.value = name; };

/** @param {"left" | "right"} side */
export function toggleSide(side) {
  const folded = side === "left" ? state.leftFolded : state.rightFolded;
  folded.value = !folded.value;
}

/** Bring the matrix into sight. */
export function showMatrix() {
  state.leftFolded.value = false;
  state.part.value = "left";
}

/** @param {typeof state.rightShows.value} name */
export const showOnRight = (name) => { state.rightShows.value = name; };

export const toggleRightWide = () => { state.rightWide.value = !state.rightWide.value; };

/** @param {typeof state.dialog.value} name "" closes it */
export const openDialog = (name) => { state.dialog.value = name; };

export const dismissProblem = () => { state.problem.value = ""; };

export const dismissNotice = () => { happened.notice.value = null; };
