// The page's clock, which is the backend's: it says with each list of channels how late it is.
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
