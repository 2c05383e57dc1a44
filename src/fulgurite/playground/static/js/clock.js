// The page's clock goes by the backend's, and is set with each list of channels.
import * as happened from "./happened.js";
import { now } from "./state.js";

/** The difference between the backend's clock and ours. */
let offsetMs = 0;

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  channels({ now_ms }) { offsetMs = now_ms - Date.now(); },
};

/** Move the clock on: ages and countdowns follow. */
export function tick() {
  now.value = Date.now() + offsetMs;
  happened.tick();
}
